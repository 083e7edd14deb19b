"""The managed-identity endpoint as App Service offers it (2019-08-01). Hands out tokens; checks no rights."""

import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from latchportal.devcloud import tokens
from latchportal.devcloud.conditional_access import conditional_access_of
from latchportal.devcloud.world import Principal, World

HEADER = "demo-only-identity-header"


def routes(world: World) -> list[Route]:
    """GET /msi/token. Point IDENTITY_ENDPOINT at it and set IDENTITY_HEADER to `identity.HEADER`.

    Without client_id the first principal of the world answers, as a system-assigned identity would.
    """

    async def token(request: Request) -> JSONResponse:
        if not hmac.compare_digest(request.headers.get("x-identity-header", "").encode(), HEADER.encode()):
            return _refused(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.query_params.get("api-version") != "2019-08-01":
            return _refused(400, "The api-version is missing or not supported; use 2019-08-01.")
        resource = request.query_params.get("resource", "").removesuffix("/.default").rstrip("/")
        if resource not in tokens.RESOURCES:
            return _refused(400, f"AADSTS500011: The resource principal named {resource!r} was not found.")
        principal = _chosen(world, request.query_params.get("client_id"))
        if principal is None:
            return _refused(
                400, "No User Assigned or Delegated Managed Identity found for specified ClientId."
            )
        return _granted(request, world, principal, resource)

    return [Route("/msi/token", token, methods=["GET"])]


def _chosen(world: World, client_id: str | None) -> Principal | None:
    matching = (one for one in world.principals if client_id in (None, "", one.client_id))
    return next(matching, None)


def _granted(request: Request, world: World, principal: Principal, resource: str) -> JSONResponse:
    roles = conditional_access_of(world).graph_roles[principal.client_id]
    token = tokens.access_token(
        issuer=f"{request.url.scheme}://{request.url.netloc}/{world.tenant.id}/v2.0",
        tenant=world.tenant.id,
        audience=resource,
        app_id=principal.client_id,
        oid=principal.object_id,
        **({"roles": list(roles)} if resource == tokens.GRAPH else {}),
    )
    answer = {
        "access_token": token,
        "client_id": principal.client_id,
        "expires_on": str(tokens.now_s() + tokens.LIFETIME_S),
        "resource": resource,
        "token_type": "Bearer",
    }
    return JSONResponse(answer)


def _refused(status: int, message: str) -> JSONResponse:
    return JSONResponse({"statusCode": status, "message": message}, status_code=status)
