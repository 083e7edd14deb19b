"""The pretend services for tests: built from the demo's world, in process or on a loopback port."""

import asyncio
import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette

from latchportal.devcloud import entra, graph, identity, tenant_control, world

WORLD_FILE = Path(__file__).parents[2] / "latchportal/demo/organisation/world.yaml"
BASE = "http://localhost:9001"
CALLBACK = "http://localhost:8000/accounts/oidc/entra/login/callback/"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def services(of: world.World) -> Starlette:
    """Everything this folder owns, in one application."""
    return Starlette(
        routes=[
            *identity.routes(of),
            *graph.routes(of),
            *entra.control_routes(of),
            *tenant_control.routes(of),
            *entra.routes(of),
        ]
    )


class InProcess(httpx.BaseTransport):
    """Hands the requests of an ordinary client to an application, without a socket."""

    def __init__(self, app: Starlette) -> None:
        self.inner = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        body, headers = request.read(), request.headers
        copy = httpx.Request(request.method, request.url, headers=headers, content=body)
        answer = await self.inner.handle_async_request(copy)
        content = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


def browser(of: world.World, app: Starlette | None = None) -> httpx.Client:
    """A browser that follows no redirect by itself."""
    return httpx.Client(transport=InProcess(app or services(of)), base_url=BASE)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The application on a free loopback port; gives its base address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", proxy_headers=False))
    ready = threading.Event()
    begun = server.startup

    async def startup(sockets: Any = None) -> None:
        await begun(sockets)
        ready.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(10), "the server did not start within 10 s"
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def authorize_url(of: world.World, **more: str) -> str:
    """The address a good app sends the browser to; `more` replaces or adds, an empty value removes."""
    query = {
        "client_id": of.apps[0].client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email",
        "state": "st4te",
        "nonce": "n0nce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    kept = {name: value for name, value in (query | more).items() if value}
    return f"/{of.tenant.id}/oauth2/v2.0/authorize?{urlencode(kept)}"


def answered(response: Any) -> dict[str, str]:
    """What a redirect back to the app carries."""
    assert response.status_code == 302, f"no redirect but {response.status_code}: {response.text[-300:]}"
    assert response.headers["location"].startswith(CALLBACK), response.headers["location"]
    return {
        name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()
    }


def redeem(at: httpx.Client, of: world.World, code: str, /, **more: str) -> Any:
    """The token endpoint's answer to this code."""
    form = {
        "grant_type": "authorization_code",
        "client_id": of.apps[0].client_id,
        "client_secret": of.apps[0].client_secret,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return at.post(f"/{of.tenant.id}/oauth2/v2.0/token", data=form | more)


def sign_in(web: httpx.Client, of: world.World, key: str, mfa: str = "", **more: str) -> dict[str, str]:
    form = {"person": of.person(key).oid} | ({"mfa": mfa} if mfa else {})
    return answered(web.post(authorize_url(of, **more), data=form))
