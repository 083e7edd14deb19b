"""PURE: what became of a rule of ours that somebody changed: wider than agreed, narrower, or the same. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from requests_app.targets.base import RuleSpec, RuleState
from requests_app.targets.mark import read_end
from requests_app.targets.priorities import address, ports, protocol

Drift = Literal["same", "narrower", "wider"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rule in Azure lets in or lasts, beside what was agreed; each change in a phrase."""

    drift: Drift
    changes: tuple[str, ...] = ()


def judge(wanted: RuleSpec, found: RuleState, *, written_end: datetime | None = None) -> Judgement:
    """Return whether `found` lets in or lasts more than `wanted`, only less, or just as much.

    One thing too much outweighs whatever was taken away. A rule with a higher number lets in no more, and one with
    other words beside its end is the same. `written_end` is the end that the portal itself last read there: while
    it writes another, the old one is nobody's doing.
    """
    wider = tuple(_wider(wanted, found))
    if wider:
        return Judgement("wider", wider)
    narrower = tuple(_narrower(wanted, found, written_end))
    return Judgement("narrower", narrower) if narrower else Judgement("same")


def _wider(wanted: RuleSpec, found: RuleState) -> Iterator[str]:
    if found.access.lower() != "allow":
        # It lets nothing in, whatever else it says.
        return
    if found.direction.lower() != "inbound":
        yield f"its direction is {found.direction or 'empty'}"
    if protocol(found.protocol) != protocol(wanted.protocol):
        yield f"its protocol is {found.protocol}"
    if strangers := [text for text in found.sources if not _within(text, (wanted.source,))]:
        yield f"it lets in {', '.join(strangers)}"
    if strangers := [text for text in found.destinations if not _within(text, (wanted.destination,))]:
        yield f"it leads to {', '.join(strangers)}"
    if not _ports_within(found.ports, wanted.ports):
        yield f"its ports are {', '.join(found.ports)}"
    yield from _sooner_or_longer(wanted, found)


def _sooner_or_longer(wanted: RuleSpec, found: RuleState) -> Iterator[str]:
    if found.priority < wanted.priority:
        yield f"it is looked at earlier, at {found.priority}"
    end, agreed = read_end(found.description), read_end(wanted.description)
    if end is None:
        yield "its description does not say when it ends"
    elif agreed is not None and end > agreed:
        yield f"its description says that it ends at {end:%H:%M:%S}"


def _narrower(wanted: RuleSpec, found: RuleState, written_end: datetime | None) -> Iterator[str]:
    if found.access.lower() != "allow":
        yield f"it is a rule that says {found.access or 'nothing'}"
    if not _within(wanted.source, found.sources):
        yield f"it lets in only {', '.join(found.sources) or 'nobody'}"
    if not _within(wanted.destination, found.destinations):
        yield f"it leads only to {', '.join(found.destinations) or 'nowhere'}"
    if not _ports_within(wanted.ports, found.ports):
        yield f"its ports are only {', '.join(found.ports) or 'none'}"
    if ports(found.source_ports) != frozenset({"*"}):
        yield f"its source ports are only {', '.join(found.source_ports) or 'none'}"
    end, agreed = read_end(found.description), read_end(wanted.description)
    if end is not None and agreed is not None and end < agreed and end != written_end:
        yield f"its description says that it ends at {end:%H:%M:%S} already"


def _within(text: str, wholes: Iterable[str]) -> bool:
    """Return whether one of these prefixes takes in all of `text`. A tag takes in only itself, everything all."""
    inner = address(text)
    return any(_takes_in(address(whole), inner) for whole in wholes)


def _takes_in(whole: str, inner: str) -> bool:
    if whole in ("*", inner):
        return True
    outer_network, inner_network = _network(whole), _network(inner)
    if isinstance(outer_network, IPv4Network) and isinstance(inner_network, IPv4Network):
        return inner_network.subnet_of(outer_network)
    if isinstance(outer_network, IPv6Network) and isinstance(inner_network, IPv6Network):
        return inner_network.subnet_of(outer_network)
    return False


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _ports_within(inner: Iterable[str], outer: Iterable[str]) -> bool:
    held = _joined(outer)
    return all(any(low <= first and last <= high for low, high in held) for first, last in _joined(inner))


def _joined(texts: Iterable[str]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(map(_range, ports(texts))):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def _range(text: str) -> tuple[int, int]:
    if text == "*":
        return 0, 65535
    first, dash, last = text.partition("-")
    return int(first), int(last) if dash else int(first)
