"""What the pretend Graph says of Conditional Access: policies and authentication contexts, each to who may read them."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from latchportal.devcloud.conditional_access import conditional_access_of, shown_policy
from latchportal.devcloud.graph_answers import PAGE, GraphError
from latchportal.devcloud.world import World

ROOT = "identity/conditionalAccess/"
# Who may list policies, and who may list contexts; the second list is shorter, as Microsoft's pages say.
MAY_READ = {
    "policies": ("Policy.Read.ConditionalAccess", "Policy.ReadWrite.ConditionalAccess", "Policy.Read.All"),
    "authenticationContextClassReferences": (
        "Policy.Read.ConditionalAccess",
        "Policy.ReadWrite.ConditionalAccess",
    ),
}


def is_about(path: str) -> bool:
    """Whether this path is answered here."""
    return path.strip("/").startswith(ROOT)


def answer(
    world: World, base: str, path: str, query: dict[str, str], roles: Collection[str]
) -> dict[str, Any]:
    """The body of a GET. Raises GraphError."""
    name = path.strip("/").removeprefix(ROOT)
    if name not in MAY_READ:
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{name}'.")
    if not set(MAY_READ[name]) & set(roles):
        words = "You cannot perform the requested operation, required scopes are missing in the token."
        raise GraphError(403, "AccessDenied", words)
    if unknown := [option for option in query if option != "$skiptoken"]:
        raise GraphError(400, "BadRequest", f"'{unknown[0]}' is not offered here by the pretend Graph.")
    return _page(base, name, _rows(world, name), query.get("$skiptoken", "0"))


def _rows(world: World, name: str) -> list[dict[str, Any]]:
    if name == "policies":
        return [dict(shown_policy(one)) for one in conditional_access_of(world).policies.values()]
    return [
        {"id": one.id, "displayName": one.name, "description": one.name, "isAvailable": one.available}
        for one in world.contexts
    ]


def _page(base: str, name: str, rows: list[dict[str, Any]], token: str) -> dict[str, Any]:
    if not token.isdigit():
        raise GraphError(400, "BadRequest", "The specified page token value is bad.")
    start = int(token)
    made: dict[str, Any] = {"@odata.context": f"{base}/$metadata#{ROOT}{name}"}
    if start + PAGE < len(rows):
        more = urlencode({"$skiptoken": start + PAGE}, safe="$")
        made["@odata.nextLink"] = f"{base}/{ROOT}{name}?{more}"
    return made | {"value": rows[start : start + PAGE]}
