"""PURE: a free priority for a rule, and whether the rule Azure holds is the rule we want. No I/O, no SDK."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

from requests_app.targets.base import ContainerState, RuleSpec, RuleState, TargetError

LOWEST: Final = 100
HIGHEST: Final = 4096
DEFENDER: Final = range(100, 111)  # where Defender's just-in-time access puts its allow rules
MAX_RULES: Final = 1000  # both directions together; the default rules do not count
_EVERYTHING: Final = frozenset({"*", "any", "0.0.0.0/0", "::/0"})


def next_free(
    state: ContainerState, band: range, *, direction: str = "Inbound", taken: Iterable[int] = ()
) -> int:
    """The lowest number of the band that no rule of this direction holds, never one of Defender's.

    `taken` are numbers promised to openings that Azure does not show yet. Raises TargetError (full) when
    the group has no room and ValueError when the band lies outside what Azure allows.
    """
    if not band or min(band) < LOWEST or max(band) > HIGHEST:
        raise ValueError(f"the band must lie within {LOWEST}-{HIGHEST}, not {band}")
    where = state.azure_id.rsplit("/", 1)[-1]
    if len(state.rules) >= MAX_RULES:
        raise TargetError(
            "full",
            f"{where} already has {len(state.rules)} rules, the most Azure allows",
            where=where,
            certain=True,
        )
    used = {rule.priority for rule in state.rules if rule.direction.lower() == direction.lower()}
    used |= set(taken) | set(DEFENDER)
    for number in band:
        if number not in used:
            return number
    message = f"every priority from {min(band)} to {max(band)} in {where} is in use"
    raise TargetError("full", message, where=where, certain=True)


def matches(spec: RuleSpec, rule: RuleState) -> bool:
    """True when Azure holds exactly what was asked for, spelling apart."""
    return not difference(spec, rule)


def difference(spec: RuleSpec, rule: RuleState) -> list[str]:
    """What differs, one phrase a field; empty when nothing does. Spellings of one thing count as equal."""
    wanted = {
        "direction": "inbound",
        "access": "allow",
        "name": spec.name.lower(),
        "priority": spec.priority,
        "protocol": protocol(spec.protocol),
        "source": addresses((spec.source,)),
        "source ports": frozenset({"*"}),
        "destination": addresses((spec.destination,)),
        "ports": ports(spec.ports),
        "description": spec.description,
    }
    found = {
        "direction": rule.direction.lower(),
        "access": rule.access.lower(),
        "name": rule.name.lower(),
        "priority": rule.priority,
        "protocol": protocol(rule.protocol),
        "source": addresses(rule.sources),
        "source ports": ports(rule.source_ports),
        "destination": addresses(rule.destinations),
        "ports": ports(rule.ports),
        "description": rule.description,
    }
    return [
        f"{key} is {_say(found[key])}, not {_say(wanted[key])}" for key in wanted if found[key] != wanted[key]
    ]


def protocol(text: str) -> str:
    """One spelling: lower case, `*` for any."""
    return "*" if text.lower() in ("*", "any", "") else text.lower()


def address(text: str) -> str:
    """One spelling of an address, a network, a tag or everything: `10.0.0.4/32` is `10.0.0.4`."""
    text = text.strip()
    if text.lower() in _EVERYTHING:
        return "*"
    try:
        network = ip_network(text)
    except ValueError:
        return text.lower()
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def addresses(texts: Iterable[str]) -> frozenset[str]:
    """The set these prefixes name; everything swallows the rest."""
    found = frozenset(address(text) for text in texts)
    return frozenset({"*"}) if "*" in found else found


def ports(texts: Iterable[str]) -> frozenset[str]:
    """The set of ports and ranges; `*` and 0-65535 are one, and so are `22` and `22-22`."""
    found = frozenset(_port(text) for text in texts)
    return frozenset({"*"}) if "*" in found else found


def _port(text: str) -> str:
    first, dash, last = text.replace(" ", "").partition("-")
    if (first, last) == ("0", "65535"):
        return "*"
    return first if not dash or first == last else f"{first}-{last}"


def _say(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    return str(value) if value != "" else "empty"
