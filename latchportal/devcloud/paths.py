"""Reads ARM addresses: which resource a path names, without regard to case, as ARM does. Pure."""

import re
from dataclasses import dataclass

_SUBSCRIPTION = r"/subscriptions/(?P<subscription>[^/]+)"
_NETWORK = r"/providers/Microsoft\.Network"
_GROUP = rf"{_SUBSCRIPTION}/resourceGroups/(?P<group>[^/]+)"
_NSG = rf"{_GROUP}{_NETWORK}/networkSecurityGroups/(?P<nsg>[^/]+)"
_PLACE = rf"{_SUBSCRIPTION}{_NETWORK}/locations/(?P<location>[^/]+)"
_KINDS = {
    "all_nsgs": rf"{_SUBSCRIPTION}{_NETWORK}/networkSecurityGroups",
    "group_nsgs": rf"{_GROUP}{_NETWORK}/networkSecurityGroups",
    "nsg": _NSG,
    "rules": rf"{_NSG}/securityRules",
    "rule": rf"{_NSG}/securityRules/(?P<rule>[^/]+)",
    "default_rules": rf"{_NSG}/defaultSecurityRules",
    "default_rule": rf"{_NSG}/defaultSecurityRules/(?P<rule>[^/]+)",
    "locks": rf"{_SUBSCRIPTION}(?:/resourceGroups/(?P<group>[^/]+))?/providers/Microsoft\.Authorization/locks",
    "admin_rules": rf"{_GROUP}{_NETWORK}/virtualNetworks/(?P<network>[^/]+)"
    r"/listNetworkManagerEffectiveSecurityAdminRules",
    "operation": rf"{_PLACE}/operations/(?P<operation>[^/]+)",
    "result": rf"{_PLACE}/operationResults/(?P<operation>[^/]+)",
}
_PATTERNS = {kind: re.compile(f"{pattern}/?", re.IGNORECASE) for kind, pattern in _KINDS.items()}
_ACTIONS = {
    "all_nsgs": "networkSecurityGroups",
    "group_nsgs": "networkSecurityGroups",
    "nsg": "networkSecurityGroups",
    "rules": "networkSecurityGroups/securityRules",
    "rule": "networkSecurityGroups/securityRules",
    "default_rules": "networkSecurityGroups/defaultSecurityRules",
    "default_rule": "networkSecurityGroups/defaultSecurityRules",
    "admin_rules": "virtualNetworks/listNetworkManagerEffectiveSecurityAdminRules",
    "operation": "locations/operations",
    "result": "locations/operationResults",
}


@dataclass(frozen=True)
class Target:
    """What a path names; parts it does not have are empty."""

    kind: str
    subscription: str
    group: str = ""
    nsg: str = ""
    rule: str = ""
    location: str = ""
    operation: str = ""
    network: str = ""

    @property
    def polls(self) -> bool:
        """Whether this is the status of an operation."""
        return self.kind in ("operation", "result")

    def action(self, method: str) -> str:
        """The name of the permission the call needs."""
        if self.kind == "locks":
            return "Microsoft.Authorization/locks/read"
        if self.kind == "admin_rules":
            return f"Microsoft.Network/{_ACTIONS[self.kind]}/action"
        verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")
        return f"Microsoft.Network/{_ACTIONS[self.kind]}/{verb}"


def parse(path: str) -> Target | None:
    """The resource, or None for a path this cloud has nothing at."""
    for kind, pattern in _PATTERNS.items():
        match = pattern.fullmatch(path)
        if match:
            return Target(kind, **{name: part or "" for name, part in match.groupdict().items()})
    return None
