"""Rules and groups for the tests of targets: made by hand, spelt as Azure spells them. No tests live here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from requests_app.targets.base import ContainerState, RuleSpec, RuleState
from requests_app.targets.mark import describe, rule_name

INSTANCE = "test"
GRANT_UID = "6f0b0f5e-3f5f-4c59-9d1b-0c2a4f3c7a10"
END = datetime(2026, 11, 22, 23, 5, tzinfo=UTC)
NSG_ID = (
    "/subscriptions/s-1/resourceGroups/rg-prod/providers/Microsoft.Network/networkSecurityGroups/nsg-prod-web"
)


def a_spec(**changes: Any) -> RuleSpec:
    spec = RuleSpec(
        name=rule_name(INSTANCE, GRANT_UID, 0),
        priority=200,
        source="81.2.69.142",
        destination="10.20.1.4",
        protocol="Tcp",
        ports=("22",),
        description=describe("G-12", 9, END),
    )
    return replace(spec, **changes)


def a_rule(**changes: Any) -> RuleState:
    """The rule of `a_spec()` as Azure would hold it."""
    spec = a_spec()
    rule = RuleState(
        name=spec.name,
        priority=spec.priority,
        direction="Inbound",
        access="Allow",
        protocol="TCP",
        sources=("81.2.69.142/32",),
        destinations=("10.20.1.4",),
        ports=("22",),
        description=spec.description,
    )
    return replace(rule, **changes)


def foreign(name: str, priority: int, access: str = "Allow", **changes: Any) -> RuleState:
    """Somebody else's inbound rule about everything, unless said otherwise."""
    everything: dict[str, Any] = {"sources": ("*",), "destinations": ("*",), "ports": ("*",), "protocol": "*"}
    return a_rule(name=name, priority=priority, access=access, description="", **(everything | changes))


DENY_ALL = foreign("DenyAllInBound", 65500, "Deny")


def a_group(*rules: RuleState, **changes: Any) -> ContainerState:
    state = ContainerState(azure_id=NSG_ID, location="westeurope", rules=rules, default_rules=(DENY_ALL,))
    return replace(state, **changes)
