"""PURE: what else in the group bears on one opening: foreign rules that already open, beat or outlive it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Literal

from requests_app.targets.base import ContainerState, RuleSpec, RuleState
from requests_app.targets.mark import read_end
from requests_app.targets.priorities import address, protocol

Severity = Literal["info", "warning", "danger"]
Overlap = Literal["all", "some", "none"]

_DEFENDER: Final = "securitycenter-jitrule"
_INTERNET: Final = frozenset({"internet"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a person should know before the rule is written."""

    kind: str
    sentence: str
    severity: Severity


def findings(state: ContainerState, spec: RuleSpec) -> list[Finding]:
    """Everything worth saying about writing `spec` into `state`, the gravest first."""
    found = (
        *_already_open(state, spec),
        *_beaten(state, spec),
        *_no_deny_beneath(state, spec),
        *_defender(state, spec),
        *_two_groups(state),
        _sessions(state),
    )
    return list(gravest_first(found))


def gravest_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same, the gravest first."""
    order: tuple[Severity, ...] = ("danger", "warning", "info")
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def _foreign(state: ContainerState, spec: RuleSpec) -> list[RuleState]:
    """The inbound rules that are no portal's, in the order Azure evaluates them."""
    inbound = (rule for rule in state.rules if rule.direction.lower() == "inbound")
    foreign = (rule for rule in inbound if rule.name.lower() != spec.name.lower() and not _ends(rule))
    return sorted(foreign, key=lambda rule: rule.priority)


def _ends(rule: RuleState) -> bool:
    """Whether it is an opening of a portal, which closes by itself."""
    return rule.name.lower().startswith("latch-") and read_end(rule.description) is not None


def _already_open(state: ContainerState, spec: RuleSpec) -> Iterator[Finding]:
    for rule in _foreign(state, spec):
        how = covers(rule, spec)
        if rule.access.lower() == "deny" and how == "all":
            return
        if rule.access.lower() == "allow" and how == "all":
            yield Finding(
                "already_open",
                f"The rule {rule.name} ({rule.priority}) already lets this address in, "
                "and will go on doing so after this opening ends.",
                "warning",
            )
            return


def _beaten(state: ContainerState, spec: RuleSpec) -> Iterator[Finding]:
    for rule in _foreign(state, spec):
        if rule.priority >= spec.priority:
            return
        how = covers(rule, spec)
        if rule.access.lower() == "allow" and how == "all":
            return
        if rule.access.lower() == "deny" and how != "none":
            part = "all" if how == "all" else "part"
            sentence = (
                f"The rule {rule.name} ({rule.priority}) denies {part} of this before the new rule "
                f"({spec.priority}) is looked at; the opening would not take full effect."
            )
            yield Finding("beaten", sentence, "danger" if how == "all" else "warning")
            return


def _no_deny_beneath(state: ContainerState, spec: RuleSpec) -> Iterator[Finding]:
    defaults = [rule for rule in state.default_rules if rule.direction.lower() == "inbound"]
    beneath = [rule for rule in (*_foreign(state, spec), *defaults) if rule.access.lower() == "deny"]
    if not any(covers(rule, spec) == "all" for rule in beneath):
        yield Finding(
            "no_deny",
            "No rule of this group denies the port once the opening has ended.",
            "warning",
        )


def _defender(state: ContainerState, spec: RuleSpec) -> Iterator[Finding]:
    for rule in _foreign(state, spec):
        if (
            rule.name.lower().startswith(_DEFENDER)
            and _addresses_cover(rule.destinations, spec.destination) != "none"
        ):
            yield Finding(
                "defender",
                "Defender's just-in-time access manages the same machine; it may change priorities here.",
                "warning",
            )
            return


def _two_groups(state: ContainerState) -> Iterator[Finding]:
    if state.subnets and state.nics:
        yield Finding(
            "subnet_and_nic",
            "This group guards a subnet and network cards; a machine behind both needs both to allow it.",
            "info",
        )


def _sessions(state: ContainerState) -> Finding:
    if state.flush_connection:
        return Finding(
            "sessions_end",
            "This group re-evaluates live connections when its rules change: sessions should end with it.",
            "info",
        )
    return Finding(
        "sessions_stay",
        "Closing does not cut live sessions: a connection made while it was open stays up until it is ended.",
        "info",
    )


def covers(rule: RuleState, spec: RuleSpec) -> Overlap:
    """How much of what `spec` lets in this rule speaks about. What cannot be known (a tag) counts as some."""
    parts = (
        _protocol_covers(rule.protocol, spec.protocol),
        _addresses_cover(rule.sources, spec.source),
        _addresses_cover(rule.destinations, spec.destination),
        _ports_cover(rule.ports, spec.ports),
        "all" if any(port in ("*", "0-65535") for port in rule.source_ports) else "some",
    )
    if "none" in parts:
        return "none"
    return "all" if all(part == "all" for part in parts) else "some"


def _protocol_covers(theirs: str, ours: str) -> Overlap:
    if protocol(theirs) in ("*", protocol(ours)):
        return "all"
    return "some" if protocol(ours) == "*" else "none"


def _addresses_cover(theirs: tuple[str, ...], ours: str) -> Overlap:
    wanted = _network(ours)
    results = {_address_covers(address(text), wanted) for text in theirs}
    return "all" if "all" in results else "some" if "some" in results else "none"


def _address_covers(theirs: str, wanted: IPv4Network | IPv6Network | None) -> Overlap:
    if theirs == "*" or (theirs in _INTERNET and wanted is not None and wanted.is_global):
        return "all"
    network = _network(theirs)
    if network is None or wanted is None:
        return "some"
    if isinstance(network, IPv4Network) and isinstance(wanted, IPv4Network):
        return "all" if wanted.subnet_of(network) else "some" if wanted.overlaps(network) else "none"
    if isinstance(network, IPv6Network) and isinstance(wanted, IPv6Network):
        return "all" if wanted.subnet_of(network) else "some" if wanted.overlaps(network) else "none"
    return "none"


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _ports_cover(theirs: tuple[str, ...], ours: tuple[str, ...]) -> Overlap:
    """Whether one rule's ports take in all of ours, some of them or none; adjoining ranges count together."""
    held = _merged(theirs)
    wanted = _merged(ours)
    if wanted and all(any(low <= first and last <= high for low, high in held) for first, last in wanted):
        return "all"
    touch = any(low <= last and first <= high for low, high in held for first, last in wanted)
    return "some" if touch else "none"


def _merged(texts: tuple[str, ...]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(_range(text) for text in texts):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _range(text: str) -> tuple[int, int]:
    text = text.strip()
    if text == "*":
        return (0, 65535)
    first, dash, last = text.partition("-")
    return (int(first), int(last) if dash else int(first))
