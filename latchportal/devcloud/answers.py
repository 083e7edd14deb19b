"""What each ARM call is answered: target and method in; status, headers, JSON out. No faults, no rights."""

from dataclasses import dataclass, field
from typing import Any

from latchportal.devcloud import around, errors, writes
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.nsg import DEFAULT_RULES, Nsg, default_rules_json, nsg_json, rule_json
from latchportal.devcloud.operations import Operation, Plan
from latchportal.devcloud.paths import Target


@dataclass(frozen=True)
class Answer:
    """Status, JSON (None: empty body) and the headers that belong to this answer alone."""

    status: int
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """One call that was let in. `base` is scheme and host of the request, for addresses in the answer."""

    method: str
    target: Target
    api_version: str
    base: str
    body: object
    plan: Plan


def answer(cloud: Cloud, ask: Ask) -> Answer:
    """What Azure answers. Raises ArmError."""
    cloud.check_subscription(ask.target.subscription)
    handler = _HANDLERS.get((ask.target.kind, ask.method))
    if handler is None:
        raise errors.method_not_allowed(ask.method)
    return handler(cloud, ask)


def location_of(cloud: Cloud, target: Target) -> str:
    """The region a call counts against, or "" when it names no known place."""
    if target.location:
        return target.location
    if target.nsg:
        found = cloud.nsgs.get(Nsg(target.subscription, target.group, target.nsg, "").key)
        return found.location if found else ""
    return ""


def _list_all(cloud: Cloud, ask: Ask) -> Answer:
    mine = [nsg for nsg in cloud.nsgs.values() if nsg.subscription.lower() == ask.target.subscription.lower()]
    return Answer(200, {"value": [nsg_json(nsg) for nsg in mine]})


def _list_group(cloud: Cloud, ask: Ask) -> Answer:
    cloud.check_group(ask.target.subscription, ask.target.group)
    place = (ask.target.subscription.lower(), ask.target.group.lower())
    mine = [nsg for nsg in cloud.nsgs.values() if (nsg.subscription.lower(), nsg.group.lower()) == place]
    return Answer(200, {"value": [nsg_json(nsg) for nsg in mine]})


def _get_nsg(cloud: Cloud, ask: Ask) -> Answer:
    nsg = _found(cloud, ask.target)
    return Answer(200, nsg_json(nsg), {"etag": nsg.etag})


def _list_rules(cloud: Cloud, ask: Ask) -> Answer:
    nsg = _found(cloud, ask.target)
    return Answer(200, {"value": [rule_json(nsg, rule) for rule in nsg.rules.values()]})


def _get_rule(cloud: Cloud, ask: Ask) -> Answer:
    nsg = _found(cloud, ask.target)
    rule = nsg.rules.get(ask.target.rule.lower())
    if rule is None:
        raise errors.child_not_found(f"{nsg.id}/securityRules/{ask.target.rule}")
    return Answer(200, rule_json(nsg, rule), {"etag": nsg.etag})


def _list_defaults(cloud: Cloud, ask: Ask) -> Answer:
    return Answer(200, {"value": default_rules_json(_found(cloud, ask.target))})


def _get_default(cloud: Cloud, ask: Ask) -> Answer:
    nsg = _found(cloud, ask.target)
    for rule in DEFAULT_RULES:
        if rule.name.lower() == ask.target.rule.lower():
            return Answer(200, rule_json(nsg, rule, kind="defaultSecurityRules"), {"etag": nsg.etag})
    raise errors.child_not_found(f"{nsg.id}/defaultSecurityRules/{ask.target.rule}")


def _put_rule(cloud: Cloud, ask: Ask) -> Answer:
    nsg = _parent(cloud, ask.target)
    rule, new, operation = writes.put_rule(cloud, nsg, ask.target.rule, ask.body, ask.plan)
    return Answer(201 if new else 200, rule_json(nsg, rule), {"azure-asyncoperation": _url(ask, operation)})


def _delete_rule(cloud: Cloud, ask: Ask) -> Answer:
    nsg = _parent(cloud, ask.target)
    rule = nsg.rules.get(ask.target.rule.lower())
    if rule is None:
        return Answer(204)
    return Answer(202, headers=_both(ask, writes.delete_rule(cloud, nsg, rule, ask.plan)))


def _put_nsg(cloud: Cloud, ask: Ask) -> Answer:
    target = ask.target
    cloud.check_group(target.subscription, target.group)
    subscription = cloud.subscriptions[target.subscription.lower()].id
    group = cloud.groups[(target.subscription.lower(), target.group.lower())]
    nsg, new, operation = writes.put_nsg(cloud, Nsg(subscription, group, target.nsg, ""), ask.body, ask.plan)
    headers = {"azure-asyncoperation": _url(ask, operation), "azure-asyncnotification": "Enabled"}
    return Answer(201 if new else 200, nsg_json(nsg), headers)


def _delete_nsg(cloud: Cloud, ask: Ask) -> Answer:
    nsg = cloud.find(ask.target.subscription, ask.target.group, ask.target.nsg)
    if nsg is None:
        return Answer(204)
    headers = _both(ask, writes.delete_nsg(cloud, nsg, ask.plan))
    return Answer(202, headers={**headers, "azure-asyncnotification": "Enabled"})


def _locks(cloud: Cloud, ask: Ask) -> Answer:
    return Answer(200, around.locks(cloud, ask.target.subscription, ask.target.group, ask.api_version))


def _admin_rules(cloud: Cloud, ask: Ask) -> Answer:
    where = (ask.target.subscription, ask.target.group, ask.target.network)
    return Answer(200, around.admin_rules(cloud, *where, ask.body))


def _operation(cloud: Cloud, ask: Ask) -> Answer:
    return Answer(200, _known(cloud, ask).json())


def _result(cloud: Cloud, ask: Ask) -> Answer:
    operation = _known(cloud, ask)
    if operation.status == "InProgress":
        return Answer(202, headers=_both(ask, operation))
    if operation.status == "Succeeded":
        return Answer(204 if operation.deletes else 200, None if operation.deletes else operation.json())
    raise errors.ArmError(409, operation.json()["error"]["code"], operation.plan.message)


def _known(cloud: Cloud, ask: Ask) -> Operation:
    found = cloud.operations.get(ask.target.operation)
    if found is None or found.subscription.lower() != ask.target.subscription.lower():
        raise errors.ArmError(404, "OperationNotFound", f"Operation {ask.target.operation} was not found.")
    return found


def _found(cloud: Cloud, target: Target) -> Nsg:
    nsg = cloud.find(target.subscription, target.group, target.nsg)
    if nsg is None:
        raise errors.nsg_not_found(target.nsg, target.group)
    return nsg


def _parent(cloud: Cloud, target: Target) -> Nsg:
    nsg = cloud.find(target.subscription, target.group, target.nsg)
    if nsg is None:
        raise errors.parent_not_found(target.nsg)
    return nsg


def _url(ask: Ask, operation: Operation, kind: str = "operations") -> str:
    place = (
        f"/subscriptions/{operation.subscription}/providers/Microsoft.Network/locations/{operation.location}"
    )
    return f"{ask.base}{place}/{kind}/{operation.id}?api-version={ask.api_version}"


def _both(ask: Ask, operation: Operation) -> dict[str, str]:
    return {
        "azure-asyncoperation": _url(ask, operation),
        "location": _url(ask, operation, "operationResults"),
    }


_HANDLERS = {
    ("all_nsgs", "GET"): _list_all,
    ("group_nsgs", "GET"): _list_group,
    ("nsg", "GET"): _get_nsg,
    ("nsg", "PUT"): _put_nsg,
    ("nsg", "DELETE"): _delete_nsg,
    ("rules", "GET"): _list_rules,
    ("rule", "GET"): _get_rule,
    ("rule", "PUT"): _put_rule,
    ("rule", "DELETE"): _delete_rule,
    ("default_rules", "GET"): _list_defaults,
    ("default_rule", "GET"): _get_default,
    ("locks", "GET"): _locks,
    ("admin_rules", "POST"): _admin_rules,
    ("operation", "GET"): _operation,
    ("result", "GET"): _result,
}
