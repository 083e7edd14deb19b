"""PURE: between ARM's JSON of a network security group and our dataclasses. No SDK, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from requests_app.targets.base import ContainerState, RuleSpec, RuleState, TargetError
from requests_app.targets.mark import MAX_DESCRIPTION, MAX_NAME, belongs_to, read_end
from requests_app.targets.priorities import HIGHEST, LOWEST

_ID: Final = re.compile(
    r"/subscriptions/(?P<subscription>[\w-]+)/resourceGroups/(?P<group>[\w.()-]*[\w()-])"
    r"/providers/Microsoft\.Network/networkSecurityGroups/(?P<name>\w[\w.-]*)",
    re.IGNORECASE,
)
_PORT: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_PORTED: Final = frozenset({"Tcp", "Udp"})
_PORTLESS: Final = frozenset({"Icmp", "Esp", "Ah"})
_WIDEST: Final = {4: 8, 6: 32}  # an IPv6 /32 is a whole provider, as an IPv4 /8 is


@dataclass(frozen=True, slots=True)
class NsgId:
    """The parts of a group's ARM id."""

    subscription: str
    group: str
    name: str


def parse_id(azure_id: str) -> NsgId:
    """The parts of the id. Raises TargetError (invalid) when it names no network security group."""
    found = _ID.fullmatch(azure_id.rstrip("/"))
    if not found:
        raise _invalid(azure_id, f"{azure_id!r} is not the id of a network security group")
    return NsgId(**found.groupdict())


def container(azure_id: str, data: Mapping[str, Any]) -> ContainerState:
    """The state of a group from ARM's answer to a GET of it.

    An answer that does not surely list this group's rules must not read as a group without rules, or a rule
    would count as gone: ValueError, KeyError, TypeError or AttributeError.
    """
    properties = data["properties"]
    if data["id"].lower() != azure_id.rstrip("/").lower():
        raise ValueError(f"asked for {azure_id}, got {data['id']}")
    if not isinstance(properties["securityRules"], list):
        raise TypeError("securityRules is not a list")
    return ContainerState(
        azure_id=data["id"],
        location=data.get("location") or "",
        rules=tuple(rule(item) for item in properties["securityRules"]),
        default_rules=tuple(rule(item) for item in properties.get("defaultSecurityRules") or ()),
        flush_connection=properties.get("flushConnection"),
        etag=data.get("etag") or properties.get("etag") or "",
        subnets=tuple(item["id"] for item in properties.get("subnets") or ()),
        nics=tuple(item["id"] for item in properties.get("networkInterfaces") or ()),
    )


def rule(data: Mapping[str, Any]) -> RuleState:
    """One rule from ARM's JSON. An application security group stands by its id among the addresses."""
    properties = data.get("properties") or {}
    return RuleState(
        name=data.get("name") or "",
        priority=properties.get("priority") or 0,
        direction=properties.get("direction") or "",
        access=properties.get("access") or "",
        protocol=properties.get("protocol") or "",
        sources=_folded(
            properties, "sourceAddressPrefix", "sourceAddressPrefixes", "sourceApplicationSecurityGroups"
        ),
        destinations=_folded(
            properties,
            "destinationAddressPrefix",
            "destinationAddressPrefixes",
            "destinationApplicationSecurityGroups",
        ),
        ports=_folded(properties, "destinationPortRange", "destinationPortRanges"),
        source_ports=_folded(properties, "sourcePortRange", "sourcePortRanges"),
        description=properties.get("description") or "",
        provisioning_state=properties.get("provisioningState") or "",
        etag=data.get("etag") or "",
    )


def body(spec: RuleSpec) -> dict[str, Any]:
    """The JSON of a PUT of this rule: always inbound, always allow."""
    properties: dict[str, Any] = {
        "description": spec.description,
        "protocol": spec.protocol,
        "sourceAddressPrefix": spec.source,
        "sourcePortRange": "*",
        "destinationAddressPrefix": spec.destination,
        "access": "Allow",
        "direction": "Inbound",
        "priority": spec.priority,
    }
    if len(spec.ports) == 1:
        properties["destinationPortRange"] = spec.ports[0]
    else:
        properties["destinationPortRanges"] = list(spec.ports)
    return {"properties": properties}


def check(instance: str, spec: RuleSpec) -> None:
    """The last line of defence before a write: TargetError (invalid) for a rule that must never be ours."""
    for problem in (_bad_mark(instance, spec), _bad_addresses(spec), _bad_ports(spec)):
        if problem:
            raise _invalid(spec.name, f"refused to write rule {spec.name!r}: {problem}")


def check_name(instance: str, name: str) -> None:
    """TargetError (invalid) unless this instance of the portal named the rule."""
    if not belongs_to(instance, name):
        raise _invalid(name, f"refused to touch rule {name!r}: it does not carry the mark of {instance!r}")


def _bad_mark(instance: str, spec: RuleSpec) -> str:
    check_name(instance, spec.name)
    if len(spec.name) > MAX_NAME:
        return f"its name is longer than {MAX_NAME} characters"
    if len(spec.description) > MAX_DESCRIPTION or read_end(spec.description) is None:
        return "its description does not say when it ends"
    if not LOWEST <= spec.priority <= HIGHEST:
        return f"priority {spec.priority} is not within {LOWEST}-{HIGHEST}"
    return ""


def _bad_addresses(spec: RuleSpec) -> str:
    try:
        source, destination = ip_network(spec.source), ip_network(spec.destination)
    except ValueError:
        return f"{spec.source!r} to {spec.destination!r} is not from one network to another"
    if source.version != destination.version:
        return "source and destination are of different IP versions"
    for word, network in (("source", source), ("destination", destination)):
        if network.prefixlen < _WIDEST[network.version]:
            return f"{word} {network} is wider than /{_WIDEST[network.version]}"
    return ""


def _bad_ports(spec: RuleSpec) -> str:
    if spec.protocol in _PORTLESS:
        return "" if spec.ports == ("*",) else f"{spec.protocol} has no ports, so they must be '*'"
    if spec.protocol not in _PORTED:
        return f"protocol {spec.protocol!r} is none of Tcp, Udp, Icmp, Esp, Ah"
    if not spec.ports:
        return "it names no port"
    return next((f"{port!r} is no port or range" for port in spec.ports if not _is_port(port)), "")


def _is_port(text: str) -> bool:
    found = _PORT.fullmatch(text)
    return found is not None and int(found[1]) <= int(found[2] or found[1]) <= 65535


def _folded(properties: Mapping[str, Any], singular: str, plural: str, groups: str = "") -> tuple[str, ...]:
    several = list(properties.get(plural) or ())
    one = properties.get(singular) or ""
    ids = [item["id"] for item in properties.get(groups) or ()] if groups else []
    return tuple(dict.fromkeys(([one] if one else []) + several + ids))


def _invalid(where: str, message: str) -> TargetError:
    return TargetError("invalid", message, code="RefusedByPortal", where=where, certain=True)
