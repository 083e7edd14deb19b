"""The pretend Logs Ingestion endpoint: one POST of records to one stream of one data collection rule.

From Azure's documentation: the address, the token's audience, 1 MB a call, 64 KB a field, 429 with Retry-After. From
recorded traffic and the SDKs' live tests: 413 ContentLengthLimitExceeded in these words, 403 OperationFailed, 500 for
an empty body, x-ms-error-code. From memory alone: 404 for an unknown rule, 400 InvalidStream for an unknown stream.
Whatever else is stricter than Azure, streams.py says. Faults mean it when they name the method LOGS.
"""

import json
import re
import uuid
import zlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from latchportal.devcloud import errors, streams, tokens
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.effects import Dropped, after, before
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.faults import Effect, Subject
from latchportal.devcloud.received import too_many

MONITOR = "https://monitor.azure.com"
VERSIONS = ("2023-01-01", "2021-11-01-preview")
# "Both compressed and uncompressed data."
LARGEST_CALL = 1024 * 1024
_RULE = re.compile(r"dcr-[0-9a-f]{32}")


def routes(cloud: Cloud) -> list[Route]:
    """POST /dataCollectionRules/{rule}/streams/{stream}; GET, POST /_control/logs."""

    async def upload(request: Request) -> Response:
        return await _Upload(cloud, request).run()

    async def control(request: Request) -> JSONResponse:
        return await _control(cloud, request)

    return [
        Route("/dataCollectionRules/{rule}/streams/{stream}", upload, methods=["POST"]),
        Route("/_control/logs", control, methods=["GET", "POST"]),
    ]


class _Upload:
    """One call from its first byte to its answer."""

    def __init__(self, cloud: Cloud, request: Request) -> None:
        self.cloud, self.request = cloud, request
        self.rule, self.stream = request.path_params["rule"], request.path_params["stream"]
        self.headers = {"x-ms-request-id": str(uuid.uuid4()), "server": "Kestrel"}
        self.call: dict[str, Any] = {"stream": self.stream, "records": 0, "bytes": 0, "status": 0, "code": ""}
        cloud.logs.calls.append(self.call)

    async def run(self) -> Response:
        try:
            await self._take(await self.request.body())
        except ArmError as refusal:
            return self._refused(refusal)
        except Dropped:
            return Response(status_code=500)
        self.call["status"] = 204
        return Response(status_code=204, headers=self.headers)

    async def _take(self, sent: bytes) -> None:
        principal = self._identify()
        self._find()
        effect = self._fault(principal)
        await before(self.request, effect)
        self.cloud.logs.pay(len(sent), self.cloud.clock())
        records = streams.fitting(self.stream, _records(self._unpacked(sent)))
        self.call["records"] = len(records)
        self.cloud.logs.keep(self.stream, records)
        await after(self.request, effect)

    def _identify(self) -> str:
        try:
            return tokens.principal_of(self.request.headers.get("authorization"), MONITOR)
        except tokens.Unauthorized as refusal:
            raise errors.unauthenticated(refusal.code, refusal.message) from refusal

    def _find(self) -> None:
        version = self.request.query_params.get("api-version")
        if not version:
            raise errors.missing_api_version()
        if version not in VERSIONS:
            raise errors.invalid_api_version(version)
        if not _RULE.fullmatch(self.rule) or self.rule != streams.RULE:
            raise ArmError(
                404, "NotFound", f"Data collection rule with immutable Id '{self.rule}' not found."
            )
        if self.stream not in streams.DECLARED:
            message = f"Stream: '{self.stream}' was not found in data collection rule '{self.rule}'."
            raise ArmError(400, "InvalidStream", message)

    def _fault(self, principal: str) -> Effect:
        subject = Subject(
            "LOGS",
            self.rule,
            self.stream,
            "ingest",
            self.request.url.path,
            principal,
            tokens.mark(self.request.headers.get("authorization")),
        )
        self.call["fault"], effect = self.cloud.faults.take(subject)
        return effect

    def _unpacked(self, sent: bytes) -> bytes:
        self.call["bytes"] = len(sent)
        _within_limit(len(sent))
        if self.request.headers.get("content-encoding", "").lower() != "gzip":
            return sent
        try:
            # One byte past the limit is enough to know, however much a small body would unpack to.
            unpacked = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(sent, LARGEST_CALL + 1)
        except zlib.error as error:
            raise ArmError(400, "InvalidContentEncoding", f"The body is no gzip: {error}.") from error
        _within_limit(len(unpacked))
        return unpacked

    def _refused(self, refusal: ArmError) -> Response:
        said = self._in_its_words(refusal)
        self.call["status"], self.call["code"] = said.status, said.code
        headers = {**self.headers, **said.headers}
        if not said.code:
            return Response(status_code=said.status, headers=headers)
        body = {"error": {"code": said.code, "message": said.message}}
        return JSONResponse(body, said.status, {**headers, "x-ms-error-code": said.code})

    def _in_its_words(self, refusal: ArmError) -> ArmError:
        """Faults speak as ARM does; this endpoint has words of its own."""
        if refusal.status == 403:
            message = (
                "The authentication token provided does not have access to ingest data for the data collection rule "
                f"with immutable Id '{self.rule}'."
            )
            return ArmError(403, "OperationFailed", message)
        if refusal.status == 429:
            return too_many(int(refusal.headers.get("Retry-After", 1)))
        return refusal


def _within_limit(size: int) -> None:
    if size > LARGEST_CALL:
        message = f"Maximum allowed content length: {LARGEST_CALL} bytes (1 MB). Provided content length: {size} bytes."
        raise ArmError(413, "ContentLengthLimitExceeded", message)


def _records(body: bytes) -> Any:
    if not body:
        raise ArmError(500, "", "")
    try:
        return json.loads(body)
    except ValueError as error:
        raise ArmError(400, "InvalidPayload", f"The body is no JSON: {error}.") from error


async def _control(cloud: Cloud, request: Request) -> JSONResponse:
    """GET ?since=N: what was received, in order, and every call.

    POST {"requests_per_minute", "bytes_per_minute", "refuses"}: limits, and the Object of records to be refused.
    """
    if request.method == "POST":
        order = json.loads(await request.body())
        for name in ("requests_per_minute", "bytes_per_minute"):
            setattr(cloud.logs, name, int(order.get(name, getattr(cloud.logs, name))))
        cloud.logs.refuses = str(order.get("refuses", cloud.logs.refuses))
    since = int(request.query_params.get("since") or 0)
    told = {"total": cloud.logs.total, "calls": list(cloud.logs.calls), "rule": streams.RULE}
    return JSONResponse({**told, "records": cloud.logs.since(since)})
