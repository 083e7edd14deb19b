"""The pretend Key Vault's keys: listing a key's versions, reading one, signing a digest.

From Azure's documentation: addresses, bodies, the challenge, api versions, error codes, that a disabled version neither
reads nor signs and one before its time or past its end does not sign. From memory alone: the wording of the messages,
and that the versions of an unknown key are an empty list. It holds one key, and what is in it ends with the process.
Faults mean it when they name the method VAULT_LIST, VAULT_GET or VAULT_SIGN, the key as `nsg`, the version as `rule`.
"""

import base64
import binascii
import json
import re
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from latchportal.devcloud import tokens
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.effects import Dropped, after, before
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.faults import Effect, Subject
from latchportal.devcloud.vault_store import KEY, Version, bad, encoded

RESOURCE = "https://vault.azure.net"
VERSIONS = ("7.4", "7.5", "7.6", "2025-07-01")
PAGE = 25
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


def routes(cloud: Cloud) -> list[Route]:
    """GET /keys/{key}/versions, GET /keys/{key}/{version}, POST /keys/{key}/{version}/sign; /_control/vault."""

    def act(name: str) -> Any:
        async def handle(request: Request) -> Response:
            return await _Call(cloud, request, name).run()

        return handle

    async def control(request: Request) -> JSONResponse:
        try:
            return await _control(cloud, request)
        except (ValueError, TypeError, ArmError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return [
        Route("/keys/{key}/versions", act("list"), methods=["GET"]),
        Route("/keys/{key}/{version}", act("get"), methods=["GET"]),
        Route("/keys/{key}/{version}/sign", act("sign"), methods=["POST"]),
        Route("/_control/vault", control, methods=["GET", "POST"]),
    ]


class _Call:
    """One call from its first byte to its answer."""

    def __init__(self, cloud: Cloud, request: Request, act: str) -> None:
        self.cloud, self.request, self.act = cloud, request, act
        self.key, self.version = request.path_params["key"], request.path_params.get("version", "")
        self.headers = {
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-keyvault-service-version": "1.9.2000.1",
            "cache-control": "no-cache",
        }
        self.call: dict[str, Any] = {"act": act, "version": self.version, "status": 0, "code": ""}
        cloud.vault.calls.append(self.call)

    async def run(self) -> Response:
        try:
            answer = JSONResponse(await self._take(await self.request.body()), 200, self.headers)
        except ArmError as refusal:
            answer = self._refused(refusal)
        except Dropped:
            return Response(status_code=500)
        self.call["status"] = answer.status_code
        return answer

    async def _take(self, body: bytes) -> dict[str, Any]:
        principal = self._identify()
        version = self.request.query_params.get("api-version")
        if not version:
            raise bad("api-version must be specified")
        if version not in VERSIONS:
            raise bad(
                f"The specified version ({version}) is not recognized. Supported: {', '.join(VERSIONS)}."
            )
        effect = self._fault(principal)
        await before(self.request, effect)
        if self.act not in self.cloud.vault.rights:
            raise _forbidden("Caller is not authorized to perform action on resource.", "ForbiddenByRbac")
        answer = self._answer(body)
        await after(self.request, effect)
        return answer

    def _identify(self) -> str:
        try:
            return tokens.principal_of(self.request.headers.get("authorization"), RESOURCE)
        except tokens.Unauthorized as refusal:
            authority = f"{self.request.url.scheme}://{self.request.url.netloc}/{uuid.UUID(int=0)}"
            challenge = f'Bearer authorization="{authority}", resource="{RESOURCE}"'
            message = f"AKV10000: {refusal.message}"
            raise ArmError(401, "Unauthorized", message, headers={"WWW-Authenticate": challenge}) from refusal

    def _fault(self, principal: str) -> Effect:
        mark = tokens.mark(self.request.headers.get("authorization"))
        path = self.request.url.path
        subject = Subject(
            f"VAULT_{self.act.upper()}", self.key, self.version, self.act, path, principal, mark
        )
        self.call["fault"], effect = self.cloud.faults.take(subject)
        return effect

    def _answer(self, body: bytes) -> dict[str, Any]:
        if self.act == "list":
            return self._page()
        version = self.cloud.vault.version(self.key, self.version)
        if not version.enabled:
            raise _forbidden(f"Operation {self.act} is not allowed on a disabled key.", "KeyDisabled")
        kid = self._id(version)
        if self.act == "get":
            ops = {"kid": kid, "key_ops": ["sign", "verify"]}
            return {"key": {**ops, **version.jwk()}, "attributes": version.attributes()}
        _check_time(version)
        algorithm, digest = _order(body)
        return {"kid": kid, "value": encoded(version.sign(algorithm, digest))}

    def _page(self) -> dict[str, Any]:
        first = int(self.request.query_params.get("$skiptoken") or 0)
        size = int(self.request.query_params.get("maxresults") or PAGE)
        if not 1 <= size <= PAGE:
            raise bad(f"maxresults must be between 1 and {PAGE}.")
        there = self.cloud.vault.versions if self.key == KEY else []
        page = [{"kid": self._id(one), "attributes": one.attributes()} for one in there[first : first + size]]
        following = self.request.url.include_query_params(**{"$skiptoken": first + size})
        return {"value": page, "nextLink": str(following) if first + size < len(there) else None}

    def _id(self, version: Version) -> str:
        return f"{self.request.url.scheme}://{self.request.url.netloc}/keys/{self.key}/{version.name}"

    def _refused(self, refusal: ArmError) -> JSONResponse:
        code, message = refusal.code, refusal.message
        if refusal.status == 429:
            code, message = "Throttled", "Request was not processed because too many requests were received."
        self.call["code"] = code
        error: dict[str, Any] = {"code": code, "message": message}
        if refusal.details:
            error["innererror"] = refusal.details[0]
        return JSONResponse({"error": error}, refusal.status, {**self.headers, **refusal.headers})


def _forbidden(message: str, inner: str) -> ArmError:
    return ArmError(403, "Forbidden", message, details=[{"code": inner}])


def _check_time(version: Version) -> None:
    moment = time.time()
    if version.not_before is not None and moment < version.not_before:
        raise _forbidden("Operation sign is not allowed before the key's nbf.", "KeyNotYetValid")
    if version.expires is not None and moment >= version.expires:
        raise _forbidden("Operation sign is not allowed on an expired key.", "KeyExpired")


def _order(body: bytes) -> tuple[str, bytes]:
    try:
        order = json.loads(body)
        algorithm, value = order["alg"], order["value"]
        if not _BASE64URL.fullmatch(value):
            raise bad("Property 'value' is not base64url.")
        return str(algorithm), base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise bad(f"The request body is not as expected: {error}.") from None


async def _control(cloud: Cloud, request: Request) -> JSONResponse:
    """GET: the versions, oldest first, the rights and every call. POST changes, each part if given:

    {"rights": ["get", "list", "sign"], "make": {"curve", "not_before", "expires", "created"},
    "change": {"version", "enabled", "not_before", "expires"}}.
    """
    vault = cloud.vault
    if request.method == "POST":
        order = json.loads(await request.body())
        if "rights" in order:
            vault.rights = set(order["rights"])
        if "make" in order:
            vault.make(order["make"].pop("curve", "P-256"), **order["make"])
        if "change" in order:
            _change(vault.version(KEY, order["change"].pop("version", "")), order["change"])
    told = [{"name": one.name, "curve": one.curve, **one.attributes()} for one in vault.versions]
    return JSONResponse(
        {"key": KEY, "rights": sorted(vault.rights), "versions": told, "calls": list(vault.calls)}
    )


def _change(version: Version, changes: dict[str, Any]) -> None:
    for name in changes:
        if name not in ("enabled", "not_before", "expires"):
            raise ValueError(f"{name!r} of a version can not be changed")
        setattr(version, name, changes[name])
