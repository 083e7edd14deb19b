"""The door of the pretend Azure Resource Manager: who may come in, what is spent, what fails on purpose."""

import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from latchportal.devcloud import answers, errors, tokens
from latchportal.devcloud.activity import Change
from latchportal.devcloud.answers import Answer, Ask
from latchportal.devcloud.calls import Call
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.effects import Dropped, after, before
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.faults import Subject
from latchportal.devcloud.paths import Target, parse

METHODS = ["GET", "PUT", "DELETE", "POST", "PATCH", "HEAD"]
_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(-preview)?$")
_ALWAYS = {
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "-1",
    "server": "Microsoft-HTTPAPI/2.0",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
}


Authenticate = Callable[[str | None, str], str]


def routes(cloud: Cloud, authenticate: Authenticate = tokens.principal_of) -> list[Route]:
    """Everything under /subscriptions."""

    async def arm(request: Request) -> Response:
        return await _Exchange(cloud, request, authenticate).run()

    return [Route("/subscriptions/{rest:path}", arm, methods=METHODS)]


class _Exchange:
    """One call from its first byte to its answer."""

    def __init__(self, cloud: Cloud, request: Request, authenticate: Authenticate) -> None:
        self.cloud, self.request, self.authenticate = cloud, request, authenticate
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        self.headers = {
            **_ALWAYS,
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-correlation-request-id": correlation,
            "x-ms-arm-service-request-id": str(uuid.uuid4()),
            "x-ms-routing-request-id": f"WESTEUROPE:{uuid.uuid4()}",
        }
        self.began, self.correlation = datetime.now(UTC), correlation
        at = self.began.isoformat(timespec="milliseconds")
        self.call: Call = cloud.calls.begin(at, request.method, request.url.path, correlation)

    async def run(self) -> Response:
        try:
            done = await self._answer(await self.request.body())
        except ArmError as refusal:
            self.call.code = refusal.code
            done = Answer(refusal.status, refusal.body(), refusal.headers)
        except Dropped:
            self.call.status = 0
            return Response(status_code=500)
        self.call.status = done.status
        headers = {**self.headers, **done.headers}
        if done.json is None:
            return Response(status_code=done.status, headers=headers)
        return JSONResponse(done.json, done.status, headers, media_type="application/json; charset=utf-8")

    async def _answer(self, body: bytes) -> Answer:
        self._identify()
        version = self._api_version()
        target = parse(self.request.url.path)
        if target is None:
            raise errors.no_such_type(self.request.url.path)
        self._pay(target)
        subject = self._subject(target)
        self.call.fault, effect = self.cloud.faults.take(subject)
        try:
            await before(self.request, effect)
            ask = Ask(self.request.method, target, version, self._base(), _json(body), effect.plan)
            self.cloud.settle()
            done = answers.answer(self.cloud, ask)
        except ArmError as refusal:
            if self._changes:
                self.cloud.activity.refused(self._change(target), refusal)
            raise
        if self._changes:
            self.cloud.activity.accepted(self._change(target), done.status, _operation_of(done))
        await after(self.request, effect)
        return done

    @property
    def _changes(self) -> bool:
        return self.request.method not in ("GET", "HEAD")

    def _change(self, target: Target) -> Change:
        return Change(
            target.action(self.request.method),
            self.request.url.path.rstrip("/"),
            self.call.principal,
            self.correlation,
            self.began,
            self.request.method,
            self.request.client.host if self.request.client else "",
        )

    def _identify(self) -> None:
        try:
            self.call.principal = self.authenticate(self.request.headers.get("authorization"), tokens.ARM)
        except tokens.Unauthorized as refusal:
            raise errors.unauthenticated(refusal.code, refusal.message) from refusal

    def _api_version(self) -> str:
        version = self.request.query_params.get("api-version")
        if not version:
            raise errors.missing_api_version()
        if not _VERSION.match(version):
            raise errors.invalid_api_version(version)
        return version

    def _pay(self, target: Target) -> None:
        now, method = self.cloud.clock(), self.request.method
        self.headers.update(
            self.cloud.throttle.spend(target.subscription.lower(), self.call.principal, method, now)
        )
        location = answers.location_of(self.cloud, target)
        if location:
            self.cloud.throttle.spend_network(target.subscription.lower(), location, method, now)

    def _subject(self, target: Target) -> Subject:
        nsg, rule = target.nsg, target.rule
        if target.polls:
            operation = self.cloud.operations.get(target.operation)
            nsg = operation.nsg_key.rpartition("/")[2] if operation else ""
            rule = (operation.rule or "") if operation else ""
        # Reading what lies around a group is met by faults that name it alone.
        apart = {"locks": "LOCKS", "admin_rules": "ADMIN_RULES"}
        method = "POLL" if target.polls else apart.get(target.kind, self.request.method)
        action = target.action(self.request.method)
        return Subject(
            method,
            nsg,
            rule,
            action,
            self.request.url.path,
            self.call.principal,
            tokens.mark(self.request.headers.get("authorization")),
        )

    def _base(self) -> str:
        return f"{self.request.url.scheme}://{self.request.url.netloc}"


def _operation_of(done: Answer) -> str:
    """The id of the operation an answer leads to, "" for what is done at once."""
    return done.headers.get("azure-asyncoperation", "").rpartition("/")[2].partition("?")[0]


def _json(body: bytes) -> object:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise errors.cannot_parse(str(error)) from error
