"""How a write begins: checks, then the change that shows at once and the operation that ends it. No HTTP."""

from typing import Any

from latchportal.devcloud import errors, validation
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.nsg import TYPE, Nsg, Rule
from latchportal.devcloud.operations import Operation, Plan


def put_rule(cloud: Cloud, nsg: Nsg, name: str, body: object, plan: Plan) -> tuple[Rule, bool, Operation]:
    """The rule stands in the NSG as Updating; answers it, whether it is new, and the operation.

    If-Match is deliberately not looked at: Azure is reported to ignore it here, so nothing may lean on a 412.
    Raises ArmError.
    """
    rule = checked_rule(nsg, name, body)
    refuse_locked(cloud, nsg.key, "write", ("ReadOnly",))
    refuse_busy(cloud, nsg)
    before, old = nsg.written(), nsg.rules.get(name.lower())
    rule.name, rule.state = (old.name if old else name), "Updating"
    nsg.put(rule)
    return rule, old is None, _start(cloud, nsg, "PutSecurityRuleOperation", rule.name, before, plan)


def checked_rule(nsg: Nsg, name: str, body: object) -> Rule:
    """The rule this body makes in this NSG. Raises ArmError."""
    validation.check_name(name)
    rule = Rule(name, validation.rule_properties(f"{nsg.id}/securityRules/{name}", body))
    validation.check_in_group(rule, nsg.rules.values())
    return rule


def delete_rule(cloud: Cloud, nsg: Nsg, rule: Rule, plan: Plan) -> Operation:
    """The rule shows as Deleting and is gone when the operation ends. Raises ArmError."""
    refuse_locked(cloud, nsg.key, "delete", ("ReadOnly", "CanNotDelete"))
    refuse_busy(cloud, nsg)
    before = nsg.written()
    rule.state = "Deleting"
    return _start(cloud, nsg, "DeleteSecurityRuleOperation", rule.name, before, plan, deletes=True)


def put_nsg(cloud: Cloud, new: Nsg, body: object, plan: Plan) -> tuple[Nsg, bool, Operation]:
    """The NSG holds exactly the rules of the body: those it does not list are gone. Raises ArmError."""
    validation.check_name(new.name)
    top, properties = validation.nsg_properties(body)
    old = cloud.nsgs.get(new.key)
    rules = _rules_of(old or new, properties.get("securityRules") or [])
    refuse_locked(cloud, new.key, "write", ("ReadOnly",))
    if old:
        refuse_busy(cloud, old)
        _refuse_other_place(old, top["location"])
    nsg, before = old or new, old.written() if old else None
    nsg.location = nsg.location or top["location"].replace(" ", "").lower()
    nsg.rules = {rule.name.lower(): rule for rule in rules}
    nsg.tags, nsg.flush_connection = dict(top.get("tags") or {}), properties.get("flushConnection")
    cloud.add(nsg)
    kind = "PutNetworkSecurityGroupOperation"
    return nsg, old is None, _start(cloud, nsg, kind, None, before, plan)


def delete_nsg(cloud: Cloud, nsg: Nsg, plan: Plan) -> Operation:
    """The NSG is gone when the operation ends. Raises ArmError, also while a subnet or NIC uses it."""
    refuse_locked(cloud, nsg.key, "delete", ("ReadOnly", "CanNotDelete"))
    refuse_busy(cloud, nsg)
    if nsg.subnets or nsg.nics:
        raise validation.bad(
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {nsg.id} cannot be deleted because it is in use by the following "
            f"resources: {', '.join([*nsg.subnets, *nsg.nics])}. In order to delete the Network security "
            "group, remove the association with the resource(s).",
        )
    kind = "DeleteNetworkSecurityGroupOperation"
    return _start(cloud, nsg, kind, None, nsg.written(), plan, deletes=True)


def refuse_locked(cloud: Cloud, nsg_key: str, operation: str, levels: tuple[str, ...]) -> None:
    """Raises ArmError 409 ScopeLocked when a lock of one of these levels lies over the NSG."""
    lock = cloud.lock_on(nsg_key)
    if lock and lock[1] in levels:
        raise errors.locked(lock[0], operation)


def refuse_busy(cloud: Cloud, nsg: Nsg) -> None:
    """Raises ArmError 429 RetryableError while another write on this NSG is running."""
    running = cloud.operations.running_on(nsg.key)
    if running:
        raise errors.busy(running.kind, running.id, nsg.id)


def _refuse_other_place(nsg: Nsg, location: str) -> None:
    if location.replace(" ", "").lower() != nsg.location.lower():
        raise errors.ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{nsg.name}' already exists in location '{nsg.location}' in resource group "
            f"'{nsg.group}'. A resource with the same name cannot be created in location '{location}'. Please "
            "select a new resource name.",
        )


def _rules_of(nsg: Nsg, given: list[Any]) -> list[Rule]:
    rules: list[Rule] = []
    for entry in given:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise errors.cannot_parse(f"Every rule of {TYPE} must have a name.")
        validation.check_name(name)
        rule = Rule(name, validation.rule_properties(f"{nsg.id}/securityRules/{name}", entry), "Updating")
        validation.check_in_group(rule, rules)
        rules = [other for other in rules if other.name.lower() != name.lower()] + [rule]
    return rules


def _start(
    cloud: Cloud,
    nsg: Nsg,
    kind: str,
    rule: str | None,
    before: list[dict[str, Any]] | None,
    plan: Plan,
    *,
    deletes: bool = False,
) -> Operation:
    seconds = cloud.write_seconds if plan.seconds is None else plan.seconds
    due = cloud.clock() + seconds
    nsg.state = "Deleting" if deletes and rule is None else "Updating"
    nsg.touch()
    operation = Operation(kind, nsg.key, nsg.subscription, nsg.location, rule, due, plan, before, deletes)
    cloud.operations.add(operation)
    cloud.save()
    return operation
