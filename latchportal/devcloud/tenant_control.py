"""Lets a test or a demo do what an administrator does in Entra's portal. Real Azure has none of this door."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from latchportal.devcloud.access_world import STATES
from latchportal.devcloud.conditional_access import CONTEXT, ConditionalAccess, conditional_access_of
from latchportal.devcloud.world import World


def routes(world: World) -> list[Route]:
    """GET, DELETE /_control/tenant (how it is; back to the file), POST /_control/tenant.

    Body of the POST, each field optional: `policy` (its name or id) with `state`, `contexts` or `exclude`;
    `optional_claims` of the first app; `graph_roles` of the first managed identity.
    """
    tenant = conditional_access_of(world)

    async def settings(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            tenant.reset()
        elif request.method == "POST":
            try:
                _apply(world, tenant, json.loads(await request.body()))
            except LookupError as error:
                return JSONResponse({"error": str(error)}, status_code=404)
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(_shown(tenant))

    return [Route("/_control/tenant", settings, methods=["GET", "POST", "DELETE"])]


def _apply(world: World, tenant: ConditionalAccess, order: Any) -> None:
    known = {"policy", "state", "contexts", "exclude", "optional_claims", "graph_roles"}
    if not isinstance(order, dict) or set(order) - known:
        raise ValueError(f"the body is an object of {', '.join(sorted(known))}")
    if order.get("state", STATES[0]) not in STATES:
        raise ValueError(f"state is one of {', '.join(STATES)}")
    lists = {name: _words(order[name]) for name in known - {"policy", "state"} if name in order}
    if not all(CONTEXT.fullmatch(one) for one in lists.get("contexts", ())):
        raise ValueError("contexts are called c1 to c99")
    if "policy" in order:
        fields: dict[str, Any] = {name: lists[name] for name in ("contexts", "exclude") if name in lists}
        tenant.change(
            str(order["policy"]), **fields, **({"state": order["state"]} if "state" in order else {})
        )
    if "optional_claims" in lists:
        tenant.optional_claims[world.apps[0].client_id] = lists["optional_claims"]
    if "graph_roles" in lists:
        tenant.graph_roles[world.principals[0].client_id] = lists["graph_roles"]


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("lists hold words")
    return tuple(value)


def _shown(tenant: ConditionalAccess) -> dict[str, Any]:
    policies = [
        {"id": one.id, "name": one.name, "state": one.state, "contexts": one.contexts, "exclude": one.exclude}
        for one in tenant.policies.values()
    ]
    return {
        "policies": policies,
        "optional_claims": tenant.optional_claims,
        "graph_roles": tenant.graph_roles,
    }
