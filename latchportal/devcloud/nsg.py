"""Network security groups as Azure holds them, and the JSON it shows of them. No HTTP, no validation."""

import copy
import uuid
from dataclasses import dataclass, field
from typing import Any

TYPE = "Microsoft.Network/networkSecurityGroups"
PLURALS = (
    "sourcePortRanges",
    "destinationPortRanges",
    "sourceAddressPrefixes",
    "destinationAddressPrefixes",
)
SHOWN = (
    "description",
    "protocol",
    "sourcePortRange",
    "destinationPortRange",
    "sourceAddressPrefix",
    "destinationAddressPrefix",
    "sourceApplicationSecurityGroups",
    "destinationApplicationSecurityGroups",
    "access",
    "priority",
    "direction",
)


def _default(
    name: str, description: str, access: str, priority: int, direction: str, source: str, destination: str
) -> "Rule":
    properties = {
        "description": description,
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": destination,
        "access": access,
        "priority": priority,
        "direction": direction,
    }
    return Rule(name, properties)


@dataclass
class Rule:
    """One security rule: the properties as written, and how far Azure got with it."""

    name: str
    properties: dict[str, Any]
    state: str = "Succeeded"


_VNET, _ANY = "VirtualNetwork", "*"
DEFAULT_RULES = (
    _default(
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        "Allow",
        65000,
        "Inbound",
        _VNET,
        _VNET,
    ),
    _default(
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "Allow",
        65001,
        "Inbound",
        "AzureLoadBalancer",
        _ANY,
    ),
    _default("DenyAllInBound", "Deny all inbound traffic", "Deny", 65500, "Inbound", _ANY, _ANY),
    _default(
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "Allow",
        65000,
        "Outbound",
        _VNET,
        _VNET,
    ),
    _default(
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        "Allow",
        65001,
        "Outbound",
        _ANY,
        "Internet",
    ),
    _default("DenyAllOutBound", "Deny all outbound traffic", "Deny", 65500, "Outbound", _ANY, _ANY),
)


@dataclass
class Nsg:
    """One NSG. `rules` is keyed by lower-case name; `etag` changes when a write starts and when it ends."""

    subscription: str
    group: str
    name: str
    location: str
    rules: dict[str, Rule] = field(default_factory=dict)
    subnets: list[str] = field(default_factory=list)
    nics: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    flush_connection: bool | None = None
    state: str = "Succeeded"
    etag: str = field(default_factory=lambda: f'W/"{uuid.uuid4()}"')
    guid: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{TYPE}/{self.name}"

    @property
    def key(self) -> str:
        """The id as Azure compares it: without regard to case."""
        return self.id.lower()

    def touch(self) -> None:
        """The etag is a new one."""
        self.etag = f'W/"{uuid.uuid4()}"'

    def put(self, rule: Rule) -> None:
        """The rule stands in the group, in place of one of the same name."""
        self.rules[rule.name.lower()] = rule

    def written(self) -> list[dict[str, Any]]:
        """The rules as plain data, enough to put them back."""
        return [
            {"name": rule.name, "properties": copy.deepcopy(rule.properties)} for rule in self.rules.values()
        ]

    def restore(self, written: list[dict[str, Any]]) -> None:
        """The rules are those that `written()` returned."""
        self.rules = {}
        for entry in written:
            self.put(Rule(entry["name"], copy.deepcopy(entry["properties"])))


def rule_json(nsg: Nsg, rule: Rule, *, kind: str = "securityRules") -> dict[str, Any]:
    """A rule as ARM shows it: the empty plural lists are always there, a rule's etag is its group's."""
    properties: dict[str, Any] = {"provisioningState": rule.state}
    properties.update({name: rule.properties[name] for name in SHOWN if name in rule.properties})
    properties.update({name: list(rule.properties.get(name, ())) for name in PLURALS})
    return {
        "name": rule.name,
        "id": f"{nsg.id}/{kind}/{rule.name}",
        "etag": nsg.etag,
        "type": f"{TYPE}/{kind}",
        "properties": properties,
    }


def default_rules_json(nsg: Nsg) -> list[dict[str, Any]]:
    """The six rules every group has."""
    return [rule_json(nsg, rule, kind="defaultSecurityRules") for rule in DEFAULT_RULES]


def nsg_json(nsg: Nsg) -> dict[str, Any]:
    """A whole group as ARM shows it."""
    properties: dict[str, Any] = {
        "provisioningState": nsg.state,
        "resourceGuid": nsg.guid,
        "securityRules": [rule_json(nsg, rule) for rule in nsg.rules.values()],
        "defaultSecurityRules": default_rules_json(nsg),
    }
    if nsg.flush_connection is not None:
        properties["flushConnection"] = nsg.flush_connection
    if nsg.subnets:
        properties["subnets"] = [{"id": one} for one in nsg.subnets]
    if nsg.nics:
        properties["networkInterfaces"] = [{"id": one} for one in nsg.nics]
    body: dict[str, Any] = {"name": nsg.name, "id": nsg.id, "etag": nsg.etag, "type": TYPE}
    body["location"] = nsg.location
    if nsg.tags:
        body["tags"] = nsg.tags
    body["properties"] = properties
    return body
