"""The demo's trusted proxy: says from which public address a person comes. No sign-in here.

`python -m latchportal.devcloud.proxy --listen 8000 --upstream http://127.0.0.1:8001 --world world.yaml`
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from latchportal.devcloud import world as worlds

PERSON_COOKIE = "latch_demo_person"
# RFC 9110 7.6.1: of this connection only, never passed on. Expect is answered by our own server.
HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
}  # fmt: skip
# What only this proxy may say; a client's own words about it are dropped.
FORGEABLE = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
NOT_UP = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Not up yet</title>
<meta http-equiv="refresh" content="2"><meta name="color-scheme" content="light dark">
<body style="font:1rem/1.5 system-ui;max-width:30rem;margin:15vh auto;padding:0 1rem">
<h1>The site is not up yet</h1><p>It is starting, or it has stopped. This page tries again by itself.</p>"""


def app(world: worlds.World, upstream: str, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The proxy as an application; `transport` replaces the network towards the site."""
    addresses = {person.oid: person.address for person in world.people}
    timeout = httpx.Timeout(300, connect=5)
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=1.5)
    client = httpx.AsyncClient(
        base_url=upstream, timeout=timeout, limits=limits, transport=transport, trust_env=False
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    async def forward(request: Request) -> Response:
        address = addresses.get(request.cookies.get(PERSON_COOKIE, ""), world.visitor_address)
        try:
            return await _forward(client, request, address)
        except httpx.TransportError:
            return HTMLResponse(NOT_UP, status_code=502, headers={"Cache-Control": "no-store"})
        except ClientDisconnect:
            return PlainTextResponse("The client went away.", status_code=499)

    routes = [Route("/{path:path}", forward, methods=METHODS)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _forward(client: httpx.AsyncClient, request: Request, address: str) -> Response:
    target = client.base_url.copy_with(raw_path=_path(request))
    # Not client.build_request: that would add headers the browser never sent.
    outgoing = httpx.Request(
        request.method,
        target,
        headers=_outgoing_headers(request, address),
        content=request.stream() if _has_body(request) else None,
        extensions={"timeout": client.timeout.as_dict()},
    )
    try:
        answer = await client.send(outgoing, stream=True)
    except httpx.RemoteProtocolError:
        # The site closed an idle connection just as it was used again; a plain read may be asked twice.
        if request.method not in ("GET", "HEAD") or _has_body(request):
            raise
        answer = await client.send(outgoing, stream=True)
    response = StreamingResponse(_body(answer), status_code=answer.status_code)
    response.raw_headers = [
        (name.lower(), value) for name, value in answer.headers.raw if name.lower().decode() not in HOP_BY_HOP
    ]
    return response


def _path(request: Request) -> bytes:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    return raw + (b"?" + query if query else b"")


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _outgoing_headers(request: Request, address: str) -> list[tuple[bytes, bytes]]:
    named = {word.strip().lower() for word in request.headers.get("connection", "").split(",")}
    dropped = HOP_BY_HOP | FORGEABLE | named
    kept = [
        (name, value) for name, value in request.headers.raw if name.decode("latin-1").lower() not in dropped
    ]
    host = request.headers.get("host", "")
    said = {"x-forwarded-for": address, "x-forwarded-proto": request.url.scheme, "x-forwarded-host": host}
    return kept + [(name.encode(), value.encode()) for name, value in said.items()]


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


def main() -> None:
    """Serves until stopped, on loopback only."""
    parser = argparse.ArgumentParser(description="The demo's trusted proxy, on loopback.")
    parser.add_argument("--listen", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--upstream", required=True, help="the site, such as http://127.0.0.1:8001")
    parser.add_argument("--world", required=True, help="world.yaml, for people's addresses")
    asked = parser.parse_args()
    proxy = app(worlds.load(asked.world), asked.upstream)
    # proxy_headers off: uvicorn would otherwise believe a client's X-Forwarded-Proto.
    uvicorn.run(
        proxy,
        host="127.0.0.1",
        port=asked.listen,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
