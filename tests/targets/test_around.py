"""What lies around a group: pure findings by table, and the reading of locks and admin rules over the wire."""

from typing import Any

import pytest

from requests_app import gateways
from requests_app.targets.around import UNREAD, Around, Lock, around_findings
from requests_app.targets.base import RuleSpec, RuleState

NSG = (
    "/subscriptions/11111111-aaaa-4bbb-8ccc-000000000001/resourceGroups/rg-prod-web"
    "/providers/Microsoft.Network/networkSecurityGroups/nsg-prod-web"
)
GROUP, SUBSCRIPTION = NSG.partition("/providers")[0], NSG.partition("/resourceGroups")[0]
NETWORK = (
    f"{SUBSCRIPTION}/resourceGroups/rg-prod-network/providers/Microsoft.Network/virtualNetworks/vnet-prod"
)
SPEC = RuleSpec("latch-x", 200, "81.2.69.142", "10.20.1.4", "tcp", ("22",), "")
READ = Around()


def admin(access: str, **more: Any) -> RuleState:
    said = {
        "name": "keep-ssh-out",
        "priority": 100,
        "direction": "Inbound",
        "access": access,
        "protocol": "Tcp",
        "sources": ("*",),
        "destinations": ("*",),
        "ports": ("22",),
    }
    return RuleState(**{**said, **more})


@pytest.mark.parametrize(
    ("around", "found"),
    [
        (READ, []),
        (UNREAD, [("locks_unchecked", "info"), ("admin_unchecked", "info")]),
        (Around(locks=(Lock("CanNotDelete", NSG.lower()),)), [("locked", "danger")]),
        (Around(locks=(Lock("ReadOnly", GROUP.lower()),)), [("locked", "danger")]),
        (Around(locks=(Lock("CanNotDelete", SUBSCRIPTION),), locks_unchecked="?"), [("locked", "danger")]),
        (Around(locks=(Lock("CanNotDelete", f"{GROUP}-2"),)), []),
        (Around(admin_rules=(admin("Deny"),)), [("admin_deny", "danger")]),
        (Around(admin_rules=(admin("Deny", sources=("81.2.0.0/16",)),)), [("admin_deny", "danger")]),
        (Around(admin_rules=(admin("Deny", sources=("Internet",)),)), [("admin_deny", "danger")]),
        (Around(admin_rules=(admin("Deny", sources=("VirtualNetwork",)),)), [("admin_deny", "warning")]),
        (Around(admin_rules=(admin("Deny", ports=("80",)),)), []),
        (Around(admin_rules=(admin("Deny", direction="Outbound"),)), []),
        (Around(admin_rules=(admin("AlwaysAllow"),)), [("admin_allow", "warning")]),
        (Around(admin_rules=(admin("Allow"), admin("Deny", priority=200))), []),
        (Around(admin_rules=(admin("Deny"), admin("Allow", priority=50))), []),
        (Around(admin_unchecked="no right"), [("admin_unchecked", "info")]),
    ],
    ids=str,
)
def test_what_lies_around_is_said_by_kind_and_weight(around: Around, found: list[tuple[str, str]]) -> None:
    told = around_findings(around, NSG, SPEC)
    assert [(one.kind, one.severity) for one in told] == found
    assert Around.from_dict(around.to_dict()) == around, "it does not survive being kept"


def read(azure: Any) -> Around:
    state = gateways.target("nsg").read(NSG, correlation_id="a-test")
    return gateways.around(state, "a-test")


def test_where_nothing_lies_around_nothing_is_said_and_nothing_is_unchecked(azure: Any) -> None:
    assert read(azure) == READ


@pytest.mark.parametrize(
    "scope",
    [
        {"nsg": "nsg-prod-web"},
        {"subscription": SUBSCRIPTION.rsplit("/", 1)[-1], "resource_group": "rg-prod-web"},
        {"subscription": SUBSCRIPTION.rsplit("/", 1)[-1]},
    ],
    ids=["on the group", "on its resource group", "on its subscription"],
)
def test_a_lock_is_found_wherever_above_it_lies(azure: Any, scope: dict[str, str]) -> None:
    azure.control("POST", "locks", {**scope, "level": "CanNotDelete"})
    lock = read(azure).lock_over(NSG)
    assert lock is not None
    assert lock.level == "CanNotDelete"


def test_a_lock_elsewhere_is_not_ours(azure: Any) -> None:
    azure.control("POST", "locks", {"nsg": "nsg-prod-app", "level": "CanNotDelete"})
    assert read(azure).lock_over(NSG) is None


def test_an_admin_rule_of_the_subnets_network_is_found(azure: Any) -> None:
    rule = {
        "name": "keep-ssh-out",
        "access": "Deny",
        "direction": "Inbound",
        "priority": 100,
        "protocol": "Tcp",
        "sources": [{"addressPrefix": "*", "addressPrefixType": "IPPrefix"}],
        "destinations": [{"addressPrefix": "*", "addressPrefixType": "IPPrefix"}],
        "sourcePortRanges": ["0-65535"],
        "destinationPortRanges": ["22"],
    }
    azure.control("POST", "admin_rules", {"network": NETWORK, "rules": [rule]})
    (found,) = around_findings(read(azure), NSG, SPEC)
    assert (found.kind, found.severity) == ("admin_deny", "danger")
    assert "keep-ssh-out" in found.sentence


@pytest.mark.parametrize(
    ("method", "kind", "right"),
    [
        ("LOCKS", "locks_unchecked", "Microsoft.Authorization/locks/read"),
        ("ADMIN_RULES", "admin_unchecked", "listNetworkManagerEffectiveSecurityAdminRules/action"),
    ],
)
def test_what_the_role_may_not_read_is_unchecked_and_names_the_right(
    azure: Any, method: str, kind: str, right: str
) -> None:
    azure.fault("forbidden", match={"method": method}, times=None)
    (found,) = around_findings(read(azure), NSG, SPEC)
    assert found.kind == kind
    assert right in found.sentence


@pytest.mark.parametrize("fault", ["server_error", "throttle", "drop_connection"])
def test_what_azure_does_not_tell_is_unchecked_and_raises_nothing(azure: Any, fault: str) -> None:
    azure.fault(fault, match={"method": ["LOCKS", "ADMIN_RULES"]}, times=None)
    around = read(azure)
    assert around.locks_unchecked.startswith("Azure did not tell")
    assert around.admin_unchecked.startswith("Azure did not tell")


def test_a_role_on_the_resource_group_alone_still_finds_its_locks(azure: Any) -> None:
    azure.control(
        "POST",
        "locks",
        {
            "subscription": SUBSCRIPTION.rsplit("/", 1)[-1],
            "resource_group": "rg-prod-web",
            "level": "ReadOnly",
        },
    )
    azure.fault("forbidden", match={"method": "LOCKS"}, times=1)
    around = read(azure)
    assert around.lock_over(NSG) is not None
    assert "may not read them" in around.locks_unchecked
