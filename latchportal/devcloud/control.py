"""The control API, which real Azure has none of: looking in, changes by hand, faults, locks, reset."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from latchportal.devcloud import faults, writes
from latchportal.devcloud.activity import Change
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.nsg import Nsg

# Who the Activity Log says it was that changed a rule by this door.
HAND = "somebody@northwind-harbour.example"
Handler = Callable[[Request], Awaitable[JSONResponse]]


def routes(cloud: Cloud) -> list[Route]:
    """Everything under /_control that is about ARM.

    GET calls?since=N; GET, POST nsgs; GET, POST, DELETE faults; GET, POST locks; POST admin_rules; PUT, DELETE
    rules/{nsg}/{rule}; POST settings {"write_seconds"}; POST finish (running writes end now); POST reset.
    """
    return [
        Route("/_control/calls", _safely(_calls, cloud), methods=["GET"]),
        Route("/_control/nsgs", _safely(_nsgs, cloud), methods=["GET", "POST"]),
        Route("/_control/faults", _safely(_faults, cloud), methods=["GET", "POST", "DELETE"]),
        Route("/_control/locks", _safely(_locks, cloud), methods=["GET", "POST"]),
        Route("/_control/admin_rules", _safely(_admin_rules, cloud), methods=["POST"]),
        Route("/_control/rules/{nsg}/{rule}", _safely(_rules, cloud), methods=["PUT", "DELETE"]),
        Route("/_control/settings", _safely(_settings, cloud), methods=["POST"]),
        Route("/_control/finish", _safely(_finish, cloud), methods=["POST"]),
        Route("/_control/reset", _safely(_reset, cloud), methods=["POST"]),
    ]


def _safely(act: Callable[[Cloud, Request], Awaitable[Any]], cloud: Cloud) -> Handler:
    async def handle(request: Request) -> JSONResponse:
        cloud.settle()
        try:
            return JSONResponse(await act(cloud, request))
        except ArmError as refusal:
            return JSONResponse(refusal.body(), refusal.status)
        except LookupError as error:
            return JSONResponse({"error": str(error)}, 404)
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return handle


async def _order(request: Request) -> dict[str, Any]:
    order = json.loads(await request.body())
    if not isinstance(order, dict):
        raise TypeError("the body must be a JSON object")
    return order


async def _calls(cloud: Cloud, request: Request) -> dict[str, Any]:
    calls = cloud.calls.since(int(request.query_params.get("since") or 0))
    return {"calls": calls, "last": calls[-1]["number"] if calls else None}


async def _nsgs(cloud: Cloud, request: Request) -> dict[str, Any]:
    """POST makes an empty one, {"subscription", "resource_group", "name", "location"}, as somebody else would."""
    if request.method == "POST":
        order = await _order(request)
        cloud.check_subscription(order["subscription"])
        cloud.add(Nsg(order["subscription"], order["resource_group"], order["name"], order["location"]))
        cloud.save()
    return {"nsgs": [plain(nsg) for nsg in cloud.nsgs.values()]}


def plain(nsg: Nsg) -> dict[str, Any]:
    """An NSG with flat rules, by direction and priority."""
    rules = [{"name": rule.name, **rule.properties, "state": rule.state} for rule in nsg.rules.values()]
    rules.sort(key=lambda rule: (rule["direction"], rule["priority"]))
    where = {"subscription": nsg.subscription, "resource_group": nsg.group, "location": nsg.location}
    return {"id": nsg.id, "name": nsg.name, **where, "state": nsg.state, "rules": rules}


async def _faults(cloud: Cloud, request: Request) -> dict[str, Any]:
    if request.method == "DELETE":
        cloud.faults.clear()
    elif request.method == "POST":
        cloud.faults.inject(await _order(request))
    return {"faults": cloud.faults.list(), "kinds": faults.described()}


async def _locks(cloud: Cloud, request: Request) -> dict[str, Any]:
    """Body: {"nsg"} or {"subscription"} and perhaps {"resource_group"}, and "level": CanNotDelete, ReadOnly or null."""
    if request.method == "POST":
        order = await _order(request)
        level, scope = order.get("level"), _scope(cloud, order)
        if level not in ("CanNotDelete", "ReadOnly", None):
            raise ValueError("level is CanNotDelete, ReadOnly or null")
        if level is None:
            cloud.locks.pop(scope, None)
        else:
            cloud.locks[scope] = level
        cloud.save()
    return {"locks": cloud.locks}


async def _admin_rules(cloud: Cloud, request: Request) -> dict[str, Any]:
    """Body: {"network": its id, "rules": [{"name", and the properties of an effective admin rule}]}."""
    order = await _order(request)
    network = str(order["network"])
    cloud.admin_rules[network.lower()] = [
        {
            "id": f"{network}/securityAdminConfigurations/house/ruleCollections/all/rules/{rule.pop('name')}",
            "kind": "Custom",
            "properties": {**rule, "provisioningState": "Succeeded"},
        }
        for rule in order["rules"]
    ]
    return {"admin_rules": cloud.admin_rules}


def _scope(cloud: Cloud, order: dict[str, Any]) -> str:
    if "nsg" in order:
        return cloud.named(order["nsg"]).key
    if "resource_group" not in order:
        cloud.check_subscription(order["subscription"])
        return f"/subscriptions/{order['subscription']}".lower()
    subscription, group = order["subscription"], order["resource_group"]
    cloud.check_group(subscription, group)
    return f"/subscriptions/{subscription}/resourceGroups/{group}".lower()


async def _rules(cloud: Cloud, request: Request) -> dict[str, Any]:
    """A change by somebody else's hand, at once. PUT takes flat or ARM-shaped fields; others stay."""
    nsg, name = cloud.named(request.path_params["nsg"]), request.path_params["rule"]
    old = nsg.rules.get(name.lower())
    if request.method == "DELETE":
        if old is None:
            raise LookupError(f"{nsg.name} has no rule {name!r}")
        del nsg.rules[name.lower()]
    else:
        order = await _order(request)
        given = order.get("properties", order)
        nsg.put(writes.checked_rule(nsg, name, {"properties": {**(old.properties if old else {}), **given}}))
    nsg.touch()
    cloud.save()
    verb = "delete" if request.method == "DELETE" else "write"
    action = f"Microsoft.Network/networkSecurityGroups/securityRules/{verb}"
    hand = Change(action, f"{nsg.id}/securityRules/{name}", HAND, str(uuid4()), datetime.now(UTC))
    cloud.activity.by_hand(hand)
    return plain(nsg)


async def _settings(cloud: Cloud, request: Request) -> dict[str, Any]:
    order = await _order(request)
    cloud.write_seconds = float(order.get("write_seconds", cloud.write_seconds))
    return {"write_seconds": cloud.write_seconds}


async def _finish(cloud: Cloud, request: Request) -> dict[str, Any]:
    ended = list(cloud.operations.running())
    for operation in ended:
        operation.due = cloud.clock()
    cloud.settle()
    return {"ended": len(ended)}


async def _reset(cloud: Cloud, request: Request) -> dict[str, Any]:
    cloud.reset()
    return {"nsgs": len(cloud.nsgs), "limits": asdict(cloud.throttle.limits)}
