"""The pretend Blob service, addressed by path as Azure's own emulator is: /{account}/{container}/{blob}.

From Azure's REST reference: addresses, headers, limits, conditions, codes. From memory: in which order it checks. Beside
the reference it knows no leases, tiers, tags, snapshots, page blobs and no containers to be made. Faults mean it when
they name the method BLOB_PUT, BLOB_APPEND, BLOB_BLOCK, BLOB_COMMIT or BLOB_READ; `nsg` is then the container and
`rule` the blob.
"""

import base64
import hashlib
import re
import uuid
from typing import Any
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from latchportal.devcloud import blob_errors as errors
from latchportal.devcloud import tokens
from latchportal.devcloud.blob_errors import BlobError
from latchportal.devcloud.blob_store import ACCOUNT, Blob, Conditions
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.effects import Dropped, after, before
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.faults import Effect, Subject

STORAGE = "https://storage.azure.com"
# The first that takes blocks of 100 MiB at the end of an append blob; what came later is listed as it came.
VERSIONS = (
    *("2022-11-02", "2023-01-03", "2023-05-03", "2023-08-03", "2023-11-03", "2024-05-04", "2024-08-04"),
    *("2024-11-04", "2025-01-05", "2025-05-05", "2025-07-05", "2025-11-05", "2026-02-06", "2026-04-06"),
    *("2026-06-06", "2026-10-06"),
)
OPERATIONS = {
    ("PUT", ""): "BLOB_PUT",
    ("PUT", "appendblock"): "BLOB_APPEND",
    ("PUT", "block"): "BLOB_BLOCK",
    ("PUT", "blocklist"): "BLOB_COMMIT",
    ("GET", ""): "BLOB_READ",
    ("HEAD", ""): "BLOB_READ",
}
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_HTTP_TIME = "%a, %d %b %Y %H:%M:%S GMT"


def routes(cloud: Cloud) -> list[Route]:
    """Everything under the account's name."""

    async def blob(request: Request) -> Response:
        return await _Call(cloud, request).run()

    return [Route(f"/{ACCOUNT}/{{container}}/{{blob:path}}", blob, methods=METHODS)]


class _Call:
    """One call from its first byte to its answer."""

    def __init__(self, cloud: Cloud, request: Request) -> None:
        self.cloud, self.request = cloud, request
        self.container, self.name = request.path_params["container"], request.path_params["blob"]
        self.headers = {
            "server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-version": request.headers.get("x-ms-version", ""),
            "x-ms-client-request-id": request.headers.get("x-ms-client-request-id", ""),
        }
        self.operation = OPERATIONS.get((request.method, request.query_params.get("comp", "")), "")
        self.call: dict[str, Any] = {
            "operation": self.operation,
            "path": f"{self.container}/{self.name}",
            "status": 0,
            "code": "",
        }
        cloud.blob_calls.append(self.call)

    async def run(self) -> Response:
        try:
            answer = await self._carry_out(await self.request.body())
        except (BlobError, ArmError) as refusal:
            answer = self._refused(refusal)
        except Dropped:
            return Response(status_code=500)
        self.call["status"] = answer.status_code
        return answer

    async def _carry_out(self, body: bytes) -> Response:
        principal = self._identify()
        self._check_version()
        if not self.operation:
            message = "The resource doesn't support the specified HTTP verb."
            raise BlobError(405, "UnsupportedHttpVerb", message)
        effect = self._fault(principal)
        await before(self.request, effect)
        if not self.cloud.blobs.role:
            raise errors.no_role()
        self.cloud.blobs.container(self.container)
        self._check_digest(body)
        answer = _ACTS[self.operation](self, body)
        await after(self.request, effect)
        return answer

    def _identify(self) -> str:
        authorization = self.request.headers.get("authorization")
        try:
            return tokens.principal_of(authorization, STORAGE)
        except tokens.Unauthorized as refusal:
            raise errors.no_identity(refusal.code, given=bool(authorization)) from refusal

    def _check_version(self) -> None:
        version = self.request.headers.get("x-ms-version")
        if not version:
            raise errors.no_header("x-ms-version")
        if version not in VERSIONS:
            raise errors.bad_header("x-ms-version", version)

    def _fault(self, principal: str) -> Effect:
        mark = tokens.mark(self.request.headers.get("authorization"))
        path = self.request.url.path
        subject = Subject(self.operation, self.container, self.name, "blobs", path, principal, mark)
        self.call["fault"], effect = self.cloud.faults.take(subject)
        return effect

    def _check_digest(self, body: bytes) -> None:
        said = self.request.headers.get("content-md5")
        if said and said != _md5(body):
            message = "The MD5 value specified in the request did not match with the MD5 value calculated by the server."
            raise BlobError(400, "Md5Mismatch", message)

    def _refused(self, refusal: BlobError | ArmError) -> Response:
        said = refusal if isinstance(refusal, BlobError) else errors.in_its_words(refusal)
        self.call["code"] = said.code
        headers = {**self.headers, **said.headers, "x-ms-error-code": said.code}
        if self.request.method == "HEAD":
            return Response(status_code=said.status, headers=headers)
        xml = said.xml(self.headers["x-ms-request-id"])
        return Response(xml.encode(), said.status, headers, media_type="application/xml")

    def conditions(self) -> Conditions:
        """The conditional headers of this call. Raises BlobError."""
        given = self.request.headers
        return Conditions(
            if_match=given.get("if-match", ""),
            if_none_match=given.get("if-none-match", ""),
            append_position=self._number("x-ms-blob-condition-appendpos"),
            max_size=self._number("x-ms-blob-condition-maxsize"),
        )

    def _number(self, header: str) -> int | None:
        text = self.request.headers.get(header)
        if text is None:
            return None
        if not text.isdecimal():
            raise errors.bad_header(header, text)
        return int(text)

    def length(self) -> int:
        """How long the body is said to be. Raises BlobError."""
        text = self.request.headers.get("content-length")
        if text is None:
            raise BlobError(411, "MissingContentLengthHeader", "The Content-Length header was not specified.")
        return int(text)

    def fresh(self, kind: str, blocks: list[bytes]) -> Blob:
        """A blob with the properties this call names."""
        given = self.request.headers
        metadata = {
            name[10:]: value for name, value in given.items() if name.lower().startswith("x-ms-meta-")
        }
        content_type = given.get("x-ms-blob-content-type") or "application/octet-stream"
        return Blob(kind, blocks, metadata, content_type)

    def made(self, blob: Blob | None, more: dict[str, str] | None = None) -> Response:
        """201, with what is said of a blob that was written."""
        headers = {**self.headers, "x-ms-request-server-encrypted": "true", **(more or {})}
        return Response(status_code=201, headers={**headers, **(_stamp(blob) if blob else {})})


def _put(call: _Call, body: bytes) -> Response:
    kind = call.request.headers.get("x-ms-blob-type")
    if not kind:
        raise errors.no_header("x-ms-blob-type")
    if kind not in ("BlockBlob", "AppendBlob") or (kind == "AppendBlob" and call.length()):
        name = "x-ms-blob-type" if kind not in ("BlockBlob", "AppendBlob") else "Content-Length"
        raise errors.bad_header(name, call.request.headers[name.lower()])
    new = call.fresh(kind, [body] if body else [])
    return call.made(call.cloud.blobs.put(call.container, call.name, new, call.conditions()))


def _append(call: _Call, body: bytes) -> Response:
    if not call.length():
        raise errors.bad_header("Content-Length", "0")
    blob, offset = call.cloud.blobs.append(call.container, call.name, body, call.conditions())
    told = {"x-ms-blob-append-offset": str(offset), "x-ms-blob-committed-block-count": str(len(blob.blocks))}
    return call.made(blob, told)


def _stage(call: _Call, body: bytes) -> Response:
    block_id = call.request.query_params.get("blockid", "")
    if not block_id:
        raise errors.bad_query("blockid", block_id)
    if not call.length():
        raise errors.bad_header("Content-Length", "0")
    call.cloud.blobs.stage(call.container, call.name, block_id, body)
    return call.made(None, {"content-md5": _md5(body)})


def _commit(call: _Call, body: bytes) -> Response:
    store, new = call.cloud.blobs, call.fresh("BlockBlob", [])
    return call.made(store.commit(call.container, call.name, _listed(body), new, call.conditions()))


def _read(call: _Call, _: bytes) -> Response:
    blob = call.cloud.blobs.blob(call.container, call.name)
    headers = {**call.headers, **_stamp(blob), "x-ms-blob-type": blob.kind, "accept-ranges": "bytes"}
    headers |= {f"x-ms-meta-{name}": value for name, value in blob.metadata.items()}
    if blob.kind == "AppendBlob":
        headers["x-ms-blob-committed-block-count"] = str(len(blob.blocks))
    if call.request.method == "HEAD":
        headers |= {"content-length": str(blob.size), "content-type": blob.content_type}
        return Response(status_code=200, headers=headers)
    return _part(call, blob, headers)


def _part(call: _Call, blob: Blob, headers: dict[str, str]) -> Response:
    """The whole content, or the range that was asked for."""
    given, content = call.request.headers, blob.content
    asked = _RANGE.fullmatch(given.get("x-ms-range") or given.get("range") or "")
    if asked is None:
        return Response(content, 200, headers, media_type=blob.content_type)
    first, last = int(asked[1]), int(asked[2] or len(content) - 1)
    if first >= len(content):
        message = "The range specified is invalid for the current size of the resource."
        raise BlobError(416, "InvalidRange", message, headers={"content-range": f"bytes */{len(content)}"})
    last = min(last, len(content) - 1)
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, headers, media_type=blob.content_type)


def _listed(body: bytes) -> list[str]:
    """The ids of a block list's XML. Raises BlobError; blocks that were committed before are not offered here."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 (loopback alone sends it)
    except ElementTree.ParseError:
        raise BlobError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.") from None
    if root.tag != "BlockList" or any(one.tag not in ("Latest", "Uncommitted") for one in root):
        raise BlobError(400, "InvalidXmlNodeValue", "The value for one of the XML nodes is not valid.")
    return [one.text or "" for one in root]


def _stamp(blob: Blob) -> dict[str, str]:
    return {"etag": blob.etag, "last-modified": blob.changed.strftime(_HTTP_TIME)}


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


_ACTS = {
    "BLOB_PUT": _put,
    "BLOB_APPEND": _append,
    "BLOB_BLOCK": _stage,
    "BLOB_COMMIT": _commit,
    "BLOB_READ": _read,
}
