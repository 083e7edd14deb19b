"""Lets a test or a demo change people and groups at run time. Real Azure has none of this."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from latchportal.devcloud.directory import Directory, directory_of
from latchportal.devcloud.world import Person, World


class Invalid(Exception):
    """The order makes no sense; says why. Nothing was changed."""


def control_routes(world: World) -> list[Route]:
    """GET, DELETE /_control/people (everyone; back to the file), POST /_control/people/{oid or key}.

    Body of the POST, each field optional: `enabled` bool, `manager` person or null, `roles` list,
    `groups_add` and `groups_remove` lists of group names or ids (direct membership).
    """
    directory = directory_of(world)

    async def everyone(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            directory.reset()
        return JSONResponse({"people": [_state(directory, one) for one in directory.people.values()]})

    async def change(request: Request) -> JSONResponse:
        person = directory.person(request.path_params["key"])
        if person is None:
            return JSONResponse({"error": f"nobody is {request.path_params['key']!r}"}, status_code=404)
        try:
            _apply(directory, person.oid, _order(await request.body()))
        except Invalid as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(_state(directory, directory.people[person.oid]))

    return [
        Route("/_control/people", everyone, methods=["GET", "DELETE"]),
        Route("/_control/people/{key}", change, methods=["POST"]),
    ]


def _order(body: bytes) -> dict[str, Any]:
    try:
        order = json.loads(body)
    except ValueError as error:
        raise Invalid("the body must be JSON") from error
    kinds: dict[str, Any] = {"enabled": bool, "manager": str | None, "roles": list}
    kinds |= {"groups_add": list, "groups_remove": list}
    if not isinstance(order, dict):
        raise Invalid("the body must be an object")
    for field, value in order.items():
        if field not in kinds or not isinstance(value, kinds[field]):
            raise Invalid(f"{field}: unknown field or wrong kind of value; known are {', '.join(kinds)}")
    return order


def _apply(directory: Directory, oid: str, order: dict[str, Any]) -> None:
    joined = [_group_id(directory, key) for key in order.get("groups_add", [])]
    left = [_group_id(directory, key) for key in order.get("groups_remove", [])]
    if order.get("manager") is not None:
        manager = directory.person(order["manager"])
        if manager is None:
            raise Invalid(f"manager: nobody is {order['manager']!r}")
        order["manager"] = manager.oid
    if "manager" in order:
        directory.set_manager(oid, order["manager"])
    roles = tuple(str(role) for role in order["roles"]) if "roles" in order else None
    directory.change(oid, enabled=order.get("enabled"), roles=roles)
    for group_id in joined:
        directory.join(oid, group_id)
    for group_id in left:
        directory.leave(oid, group_id)


def _group_id(directory: Directory, key: Any) -> str:
    group = directory.group(str(key))
    if group is None:
        raise Invalid(f"no group is called {key!r}")
    return group.id


def _state(directory: Directory, person: Person) -> dict[str, Any]:
    return {
        "oid": person.oid,
        "key": person.key,
        "name": person.name,
        "upn": person.upn,
        "part": person.part,
        "manager": person.manager,
        "enabled": person.enabled,
        "roles": list(person.roles),
        "groups": [group.name for group in directory.parents(person.oid)],
        "address": person.address,
    }
