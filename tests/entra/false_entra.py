"""An Entra that answers whatever ID token a test made, signed or not. For refusals the pretend Azure never earns."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from latchportal.devcloud import tokens
from tests.support.devcloud import serving
from tests.support.environment import CLIENT, TENANT


@dataclass
class FalseEntra:
    """What the next token response holds; `url` is set once it runs."""

    url: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    status: int = 200

    def claims(self, nonce: str, /, **changes: Any) -> dict[str, Any]:
        """Sound claims of somebody new; a change to None leaves the claim out."""
        now = int(time.time())
        sound = {
            "iss": f"{self.url}/{TENANT}/v2.0",
            "aud": CLIENT,
            "ver": "2.0",
            "tid": TENANT,
            "oid": "c9f0c0de-0000-4000-8000-0000000000aa",
            "sub": "pairwise",
            "name": "Nia Newcomer",
            "preferred_username": "nia@northwind-harbour.example",
            "nonce": nonce,
            "iat": now,
            "exp": now + 600,
        }
        return {name: value for name, value in (sound | changes).items() if value is not None}

    def returns(self, id_token: str | None) -> None:
        """The next code is redeemed for this ID token."""
        self.answer = {"access_token": "opaque", "token_type": "Bearer"}
        if id_token is not None:
            self.answer["id_token"] = id_token

    def app(self) -> Starlette:
        """Return the endpoints allauth needs."""

        async def discovery(request: Request) -> JSONResponse:
            at = f"{self.url}/{TENANT}"
            return JSONResponse(
                {
                    "issuer": f"{at}/v2.0",
                    "authorization_endpoint": f"{at}/authorize",
                    "token_endpoint": f"{at}/token",
                    "jwks_uri": f"{at}/keys",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )

        async def keys(request: Request) -> JSONResponse:
            return JSONResponse(tokens.jwks())

        async def token(request: Request) -> JSONResponse:
            return JSONResponse(self.answer, status_code=self.status)

        return Starlette(
            routes=[
                Route(f"/{TENANT}/v2.0/.well-known/openid-configuration", discovery),
                Route(f"/{TENANT}/keys", keys),
                Route(f"/{TENANT}/token", token, methods=["POST"]),
            ]
        )


@contextmanager
def running_false_entra() -> Iterator[FalseEntra]:
    """It answers until the block ends."""
    false = FalseEntra()
    with serving(false.app()) as url:
        false.url = url
        yield false


def begin(client: Client, next_url: str = "/inbox/") -> dict[str, str]:
    """Start signing in; return the parameters of the authorize request."""
    answer = client.get("/login/", {"next": next_url})
    assert answer.status_code == 302, (
        f"the login page answered {answer.status_code}: {answer.content[:300]!r}"
    )
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}
