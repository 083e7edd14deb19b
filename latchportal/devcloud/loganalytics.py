"""The pretend Log Analytics endpoint: one query of one workspace, whose only table is AzureActivity.

From Azure's documentation: the address, `Prefer: wait`, the answer's tables, 200 with PartialError, 504 past the wait, 400
BadArgumentError with its inner error, 403 InsufficientAccessError. From reports of its users: the token's audience, 403
InvalidTokenError for a token of another, 401 AuthorizationRequiredError without one, 404 PathNotFoundError for what is no
GUID. From memory alone: the words of 404 WorkspaceNotFoundError and of 429. Faults mean it when they name the method QUERY.
"""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from latchportal.devcloud import kql, tokens
from latchportal.devcloud.activity import COLUMNS, WORKSPACE, Change
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.effects import Dropped, after, before
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.faults import Effect, Subject

AUDIENCE = "https://api.loganalytics.io"
LONGEST_WAIT, USUAL_WAIT = 600, 180
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WAIT = re.compile(r"wait=(\d{1,4})")
_KNOWN_FIELDS = {"query", "timespan", "workspaces"}


class Refusal(Exception):
    """The answer is no, in this API's words."""

    def __init__(
        self, status: int, code: str, message: str, *inner: tuple[str, str], retry: str = ""
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.message, self.inner, self.retry = status, code, message, inner, retry

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {}
        for code, message in reversed(self.inner):
            error = {"code": code, "message": message, **({"innererror": error} if error else {})}
        said = {"message": self.message, "code": self.code, "correlationId": str(uuid.uuid4())}
        return {"error": {**said, **({"innererror": error} if error else {})}}


def routes(cloud: Cloud) -> list[Route]:
    """POST /v1/workspaces/{id}/query; GET, POST, DELETE /_control/activity."""

    async def query(request: Request) -> Response:
        return await _Query(cloud, request).run()

    return [
        Route("/v1/workspaces/{workspace}/query", query, methods=["POST"]),
        Route("/_control/activity", _safely(_control, cloud), methods=["GET", "POST", "DELETE"]),
    ]


class _Query:
    """One query from its first byte to its answer."""

    def __init__(self, cloud: Cloud, request: Request) -> None:
        self.cloud, self.request = cloud, request
        self.workspace = request.path_params["workspace"]
        self.call: dict[str, Any] = {"query": "", "timespan": "", "status": 0, "code": "", "rows": 0}
        cloud.activity.calls.append(self.call)

    async def run(self) -> Response:
        try:
            answer = await self._answer(await self.request.body())
        except Dropped:
            return Response(status_code=500)
        except (Refusal, ArmError) as error:
            no = error if isinstance(error, Refusal) else self._in_its_words(error)
            self.call["status"], self.call["code"] = no.status, no.code
            return JSONResponse(no.body(), no.status, {"Retry-After": no.retry} if no.retry else None)
        self.call["status"] = 200
        return JSONResponse(answer)

    async def _answer(self, sent: bytes) -> dict[str, Any]:
        principal = self._identify()
        self._find()
        effect = self._fault(principal)
        wait = self._wait()
        if effect.wait_after > wait:
            await asyncio.sleep(wait)
            raise Refusal(
                504, "GatewayTimeout", "Gateway timeout", ("GatewayTimeout", "The query took too long.")
            )
        await before(self.request, effect)
        answer = self._run(*self._asked(sent))
        await after(self.request, effect)
        return answer

    def _identify(self) -> str:
        authorization = self.request.headers.get("authorization")
        if not authorization:
            raise Refusal(401, "AuthorizationRequiredError", "Valid authentication was not provided")
        try:
            return tokens.principal_of(authorization, AUDIENCE)
        except tokens.Unauthorized as error:
            message = "The provided authentication is not valid for this resource"
            raise Refusal(403, "InvalidTokenError", message, (error.code, error.message)) from error

    def _find(self) -> None:
        if not _GUID.fullmatch(self.workspace):
            raise Refusal(404, "PathNotFoundError", "The requested path does not exist")
        if self.workspace.lower() != WORKSPACE:
            raise Refusal(404, "WorkspaceNotFoundError", "The workspace could not be found")

    def _fault(self, principal: str) -> Effect:
        mark = tokens.mark(self.request.headers.get("authorization"))
        path = self.request.url.path
        subject = Subject("QUERY", self.workspace, "AzureActivity", "query", path, principal, mark)
        self.call["fault"], effect = self.cloud.faults.take(subject)
        return effect

    def _wait(self) -> int:
        prefer = self.request.headers.get("prefer", "")
        match = _WAIT.fullmatch(prefer)
        wait = int(match[1]) if match else USUAL_WAIT
        if (prefer and not match) or not 1 <= wait <= LONGEST_WAIT:
            raise _bad("InvalidPreference", f"The Prefer header '{prefer}' is not known here.")
        return wait

    def _asked(self, sent: bytes) -> tuple[str, str]:
        if self.request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise _bad("InvalidContentType", "The body must be application/json.")
        try:
            body = json.loads(sent)
        except ValueError as error:
            raise _bad("InvalidJsonBody", f"The body is no JSON: {error}.") from error
        if not isinstance(body, dict) or set(body) - _KNOWN_FIELDS or not isinstance(body.get("query"), str):
            raise _bad("InvalidJsonBody", "The body must hold a query, a timespan and workspaces.")
        self.call["query"], self.call["timespan"] = body["query"], body.get("timespan") or ""
        return body["query"], self.call["timespan"]

    def _run(self, query: str, timespan: str) -> dict[str, Any]:
        self.cloud.settle()
        since, until = _span(timespan)
        rows = self.cloud.activity.arrived(datetime.now(UTC))
        rows = [row for row in rows if since <= row["TimeGenerated"] <= until]
        try:
            found = kql.run(query, {"AzureActivity": (COLUMNS, rows)})
        except kql.SyntaxProblem as error:
            raise _bad("SyntaxError", "A recognition error occurred in the query.") from error
        except kql.SemanticProblem as error:
            inner = (("SemanticError", "A semantic error occurred."), ("SEM0100", str(error)))
            raise Refusal(
                400, "BadArgumentError", "The request had some invalid properties", *inner
            ) from error
        return self._told(found)

    def _told(self, found: kql.Result) -> dict[str, Any]:
        most = self.cloud.activity.most
        columns = [{"name": name, "type": kind} for name, kind in found.columns]
        rows = [[_json(value) for value in row] for row in found.rows[:most]]
        self.call["rows"] = len(rows)
        answer: dict[str, Any] = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}
        if len(found.rows) > most:
            why = f"The results of this query exceed the set limit of {most} records, so not all records were returned."
            inner = {"code": "-2133196797", "message": why, "severity": 2, "severityName": "Error"}
            engine = "Something went wrong processing your query on the server."
            details = [{"code": "EngineError", "message": engine, "innererror": inner}]
            message = "There were some errors when processing your query."
            answer["error"] = {"code": "PartialError", "message": message, "details": details}
        return answer

    def _in_its_words(self, refusal: ArmError) -> Refusal:
        """Faults speak as ARM does; this endpoint has words of its own."""
        if refusal.status == 403:
            message = "The provided credentials have insufficient access to perform the requested operation"
            why = f"The service principal does not have sufficient permissions to access this resource: {self.workspace}"
            return Refusal(403, "InsufficientAccessError", message, ("UnauthorizedClient", why))
        if refusal.status == 429:
            message = "The rate limit of 200 queries in 30 seconds was reached."
            return Refusal(429, "ThrottledError", message, retry=refusal.headers.get("Retry-After", "30"))
        return Refusal(refusal.status, refusal.code, refusal.message)


def _bad(code: str, message: str) -> Refusal:
    return Refusal(400, "BadArgumentError", "The request had some invalid properties", (code, message))


def _span(timespan: str) -> tuple[datetime, datetime]:
    if not timespan:
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    try:
        since, until = (datetime.fromisoformat(part) for part in timespan.split("/"))
        if since.tzinfo is None or until.tzinfo is None or until < since:
            raise ValueError(timespan)
    except ValueError as error:
        raise _bad("InvalidTimespan", f"The timespan '{timespan}' is not valid.") from error
    return since, until


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "0Z")
    return json.dumps(value) if isinstance(value, dict) else value


def _safely(act: Callable[[Cloud, Request], Awaitable[Any]], cloud: Cloud) -> Any:
    async def handle(request: Request) -> JSONResponse:
        cloud.settle()
        try:
            return JSONResponse(await act(cloud, request))
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return handle


async def _control(cloud: Cloud, request: Request) -> dict[str, Any]:
    """GET: the workspace, every row, every call. DELETE ?entity=…&status=…: rows of what ends so are gone.

    POST {"delay", "most"}: seconds until a row can be queried, rows in one answer. POST {"add": {"entity", "action",
    "caller", "correlation_id", "seconds_ago"}}: somebody else's change.
    """
    log, gone = cloud.activity, 0
    if request.method == "DELETE":
        gone = log.forget(request.query_params.get("entity", ""), request.query_params.get("status", ""))
    elif request.method == "POST":
        order = json.loads(await request.body())
        log.delay, log.most = float(order.get("delay", log.delay)), int(order.get("most", log.most))
        if "add" in order:
            log.by_hand(_change(**order["add"]))
    rows = [{name: _json(value) for name, value in row.items()} for row in log.rows]
    return {"workspace": WORKSPACE, "rows": rows, "calls": list(log.calls), "gone": gone}


def _change(
    *, entity: str, action: str, caller: str, correlation_id: str = "", seconds_ago: float = 0.0
) -> Change:
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds_ago, UTC)
    return Change(action, entity, caller, correlation_id or str(uuid.uuid4()), at)
