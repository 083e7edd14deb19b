"""The pretend Entra ID v2: discovery, keys, token, logout. Signing in by hand is in entra_signin.py.

A script signs in without a browser: `POST` to the very address of the authorize request (same query string)
with the form field `person=<oid>` answers 302 to the redirect address with `code` and `state`; where `claims`
asks for an authentication context, send `mfa=confirmed` too. With the cookies kept, GETs go straight through.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from latchportal.devcloud import entra_token, tokens
from latchportal.devcloud.entra_signin import signin_routes
from latchportal.devcloud.entra_state import ANY_TENANT, Refusal, State
from latchportal.devcloud.people_control import control_routes
from latchportal.devcloud.world import World

__all__ = ["control_routes", "routes"]
CLAIMS = (
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "name",
    "tid",
    "oid",
    "preferred_username",
    "email",
)


def routes(world: World) -> list[Route]:
    """Everything under /{tenant}; a tenant that is not the world's is refused with AADSTS90002."""
    state = State(world)

    async def discovery(request: Request) -> Response:
        try:
            state.check_tenant(request.path_params["tenant"])
        except Refusal as refusal:
            return _failed(refusal)
        return JSONResponse(_configuration(request, world))

    async def keys(request: Request) -> Response:
        return JSONResponse(tokens.jwks())

    async def token(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
        try:
            state.check_tenant(request.path_params["tenant"])
            made = entra_token.answer(state, _base(request), form, request.headers.get("authorization", ""))
        except Refusal as refusal:
            return _failed(refusal)
        return JSONResponse(made, headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})

    return [
        Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery, methods=["GET"]),
        Route("/{tenant}/discovery/v2.0/keys", keys, methods=["GET"]),
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        *signin_routes(state),
    ]


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _configuration(request: Request, world: World) -> dict[str, Any]:
    base, named = _base(request), request.path_params["tenant"]
    at = f"{base}/{named}"
    return {
        "issuer": f"{base}/{'{tenantid}' if named in ANY_TENANT else world.tenant.id}/v2.0",
        "authorization_endpoint": f"{at}/oauth2/v2.0/authorize",
        "token_endpoint": f"{at}/oauth2/v2.0/token",
        "jwks_uri": f"{at}/discovery/v2.0/keys",
        "end_session_endpoint": f"{at}/oauth2/v2.0/logout",
        "userinfo_endpoint": f"{base}/oidc/userinfo",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_modes_supported": ["query", "fragment"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": [*CLAIMS],
        "claims_parameter_supported": True,
    }


def _failed(refusal: Refusal) -> JSONResponse:
    trace, correlation, now = str(uuid4()), str(uuid4()), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trailer = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
    body = {
        "error": refusal.error,
        "error_description": f"{refusal.description} {trailer}",
        "error_codes": [refusal.number],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
    }
    return JSONResponse(body, status_code=refusal.status)
