"""The doors of the pretend Microsoft Graph v1.0: who may ask, faults, $batch. Answers: graph_answers.py."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from latchportal.devcloud import graph_policies, tokens
from latchportal.devcloud.graph_answers import Answers, GraphError
from latchportal.devcloud.world import World

__all__ = ["routes"]
BATCH_LIMIT = 20


def routes(world: World) -> list[Route]:
    """Everything under /v1.0, `/oidc/userinfo`, and `POST /_control/graph`.

    `POST /_control/graph {"status": 429, "times": 2, "retry_after": 1}` makes the next two requests fail so;
    `times` 0 ends it.
    """
    faults = Faults()
    answers = Answers(world)

    async def read(request: Request) -> JSONResponse:
        try:
            if ordered := faults.next():
                raise ordered
            roles = _roles(request)
        except GraphError as refused:
            return _failed(refused)
        base = f"{request.url.scheme}://{request.url.netloc}/v1.0"
        if request.method == "POST":
            return await _batch(request, answers, base, roles)
        return _one(answers, base, request.path_params["path"], dict(request.query_params), roles)

    async def set_fault(request: Request) -> JSONResponse:
        return faults.set(await request.json())

    async def userinfo(request: Request) -> JSONResponse:
        try:
            claims = tokens.claims_of(request.headers.get("authorization"), tokens.GRAPH)
        except tokens.Unauthorized as error:
            return _failed(GraphError(401, "InvalidAuthenticationToken", error.message))
        return JSONResponse({name: claims[name] for name in ("sub", "name", "email") if name in claims})

    return [
        Route("/v1.0/$batch", read, methods=["POST"]),
        Route("/v1.0/{path:path}", read, methods=["GET"]),
        Route("/oidc/userinfo", userinfo, methods=["GET"]),
        Route("/_control/graph", set_fault, methods=["POST"]),
    ]


class Faults:
    """Failures that tests ordered for the next requests."""

    def __init__(self) -> None:
        self.left, self.status, self.retry_after = 0, 429, 1

    def set(self, order: dict[str, Any]) -> JSONResponse:
        unknown = set(order) - {"status", "times", "retry_after"}
        if unknown or not all(isinstance(value, int) for value in order.values()):
            return JSONResponse(
                {"error": "give whole numbers for status, times, retry_after"}, status_code=400
            )
        self.status, self.retry_after = order.get("status", 429), order.get("retry_after", 1)
        self.left = order.get("times", 1)
        return JSONResponse({"status": self.status, "times": self.left, "retry_after": self.retry_after})

    def next(self) -> GraphError | None:
        if not self.left:
            return None
        self.left -= 1
        codes = {429: "TooManyRequests", 403: "Authorization_RequestDenied", 503: "serviceNotAvailable"}
        code = codes.get(self.status, "generalException")
        retry_after = self.retry_after if self.status in (429, 503) else None
        return GraphError(self.status, code, "This failure was ordered by a test.", retry_after)


def _roles(request: Request) -> list[str]:
    """What the caller may do in Graph. Raises GraphError for who is not known."""
    header = request.headers.get("authorization")
    if not header:
        raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
    try:
        claims = tokens.claims_of(header, tokens.GRAPH)
    except tokens.Unauthorized as error:
        message = f"Access token validation failure. {error.message}"
        raise GraphError(401, "InvalidAuthenticationToken", message) from error
    return list(claims.get("roles", []))


def _one(answers: Answers, base: str, path: str, query: dict[str, str], roles: list[str]) -> JSONResponse:
    try:
        if graph_policies.is_about(path):
            return JSONResponse(graph_policies.answer(answers.world, base, path, query, roles))
        if "User.Read.All" not in roles:
            message = "Insufficient privileges to complete the operation."
            raise GraphError(403, "Authorization_RequestDenied", message)
        return JSONResponse(answers.get(base, path, query))
    except GraphError as error:
        return _failed(error)


async def _batch(request: Request, answers: Answers, base: str, roles: list[str]) -> JSONResponse:
    try:
        orders = (await request.json())["requests"]
        parts = [(str(order["id"]), str(order["method"]), urlsplit(str(order["url"]))) for order in orders]
    except (ValueError, KeyError, TypeError):
        return _failed(GraphError(400, "BadRequest", "Invalid batch payload format."))
    if len(parts) > BATCH_LIMIT:
        message = f"Number of batch request steps exceeds the maximum value of {BATCH_LIMIT}."
        return _failed(GraphError(400, "BadRequest", message))
    responses = []
    for id_, method, url in parts:
        made = _one(answers, base, url.path.strip("/"), dict(parse_qsl(url.query)), roles)
        if method.upper() != "GET":
            made = _failed(GraphError(405, "Request_BadRequest", "Only GET is offered here."))
        responses.append({"id": id_, "status": made.status_code, "body": json.loads(bytes(made.body))})
    return JSONResponse({"responses": responses})


def _failed(error: GraphError) -> JSONResponse:
    inner = {"date": error.at, "request-id": str(uuid4()), "client-request-id": str(uuid4())}
    body = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    return JSONResponse(body, status_code=error.status, headers=headers)
