"""What else stands in a container: rules of ours that no grant knows, and foreign ones in the way. Told once each.

Only what carries our mark is ever removed; what is foreign is reported, never touched.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from audit_app.models import Event
from audit_app.trail import About, record
from requests_app import notify
from requests_app.converge import snapshots
from requests_app.converge.observe import Reading, wanted
from requests_app.converge.shut import CONVERGENCE
from requests_app.models import Container, ContainerSnapshot, Opening
from requests_app.targets.base import ContainerState, RuleState
from requests_app.targets.findings import findings
from requests_app.targets.mark import belongs_to, read_end

log = structlog.get_logger("latch.drift")
_IN_THE_WAY = frozenset({"already_open", "beaten"})
_ORPHAN, _STOPPED = "orphan", "orphans_stopped"


@dataclass(frozen=True)
class Entry:
    """One thing worth telling of a container; the same thing is told once, for as long as it stays."""

    kind: str
    rule: str
    sentence: str
    grant: str = ""


def ours(state: ContainerState) -> list[RuleState]:
    """Return the rules that carry this portal's mark."""
    return [rule for rule in state.rules if belongs_to(settings.LATCH_INSTANCE, rule.name)]


def report(container: Container, reading: Reading) -> list[RuleState]:
    """The pages show this reading, what is new in it stands in the trail; returns the orphans that are to go."""
    state = reading.state
    if state is None:
        return []
    orphans = _orphans(container, state)
    doomed = _doomed(orphans, reading.at, armed=reading.armed)
    entries = [*_about_orphans(orphans, doomed, reading.armed), *_in_the_way(container, state)]
    with transaction.atomic():
        kept = ContainerSnapshot.objects.select_for_update().filter(container=container).first()
        before = {_key(Entry(**entry)): Entry(**entry) for entry in kept.foreign} if kept else {}
        for entry in entries:
            if _key(entry) not in before:
                _tell(container, entry)
        for key, entry in before.items():
            if entry.kind == _ORPHAN and key not in set(map(_key, entries)):
                _record(container, "rule.orphan_removed", f"{entry.rule} is gone.", entry)
        snapshots.keep(container, state, reading.at, foreign=[asdict(entry) for entry in entries])
    return doomed


def _key(entry: Entry) -> tuple[str, str, str]:
    return entry.kind, entry.rule, entry.grant


def _orphans(container: Container, state: ContainerState) -> list[RuleState]:
    marked = {rule.name.lower(): rule for rule in ours(state)}
    known = Opening.objects.filter(container=container, name__in=marked).values_list("name", flat=True)
    return [marked[name] for name in sorted(marked.keys() - set(known))]


def _doomed(orphans: list[RuleState], moment: datetime, *, armed: bool) -> list[RuleState]:
    """Return which of them are to go: those past their end; the others only when they are few, and we are sure of us.

    Many at once are more likely a wrong database than so many forgotten rules.
    """
    over = [rule for rule in orphans if _is_over(rule, moment)]
    rest = [rule for rule in orphans if not _is_over(rule, moment)]
    return [*over, *rest] if armed and len(rest) <= settings.ORPHAN_LIMIT else over


def _is_over(rule: RuleState, moment: datetime) -> bool:
    end = read_end(rule.description)
    return end is not None and end <= moment


def _about_orphans(orphans: list[RuleState], doomed: list[RuleState], armed: bool) -> Iterator[Entry]:
    going = {rule.name for rule in doomed}
    for rule in orphans:
        end = read_end(rule.description)
        until = f"until {end:%Y-%m-%d %H:%M:%S} UTC" if end else "without an end that can be read"
        fate = "It is being removed." if rule.name in going else "It is left alone."
        yield Entry(
            _ORPHAN, rule.name, f"{rule.name} carries our mark, {until}, and no grant knows it. {fate}"
        )
    left = len(orphans) - len(doomed)
    if left and armed:
        yield Entry(
            _STOPPED,
            "",
            f"{left} rules carry our mark and no grant knows them, more than the {settings.ORPHAN_LIMIT} that are "
            "removed without asking. Is this the right database? What is past its end is removed all the same.",
        )


def _in_the_way(container: Container, state: ContainerState) -> Iterator[Entry]:
    openings = Opening.objects.filter(container=container, observed=Opening.Observed.PRESENT)
    for opening in openings.filter(desired=Opening.Desired.PRESENT).select_related("grant"):
        if opening.priority is None:
            continue
        for finding in findings(state, wanted(opening, opening.priority)):
            if finding.kind in _IN_THE_WAY:
                yield Entry(finding.kind, "", finding.sentence, str(opening.grant.uid))


def _tell(container: Container, entry: Entry) -> None:
    kind = {_ORPHAN: "rule.orphan_found", _STOPPED: "rule.orphans_stopped"}.get(
        entry.kind, "rule.foreign_found"
    )
    _record(container, kind, entry.sentence, entry, outcome=Event.Outcome.FAILURE)
    if kind == "rule.orphans_stopped":
        notify.alert(kind, entry.sentence, _about(container))
    level = log.warning if kind == "rule.foreign_found" else log.error
    level(kind, container=container.azure_id, rule=entry.rule, grant=entry.grant, words=entry.sentence)


def _record(
    container: Container, kind: str, why: str, entry: Entry, *, outcome: str = Event.Outcome.SUCCESS
) -> None:
    record(
        kind,
        by=CONVERGENCE,
        about=_about(container),
        outcome=outcome,
        why=why,
        data={
            "container": container.azure_id,
            "kind": entry.kind,
            "rule": entry.rule,
            "grant": entry.grant,
        },
    )


def _about(container: Container) -> About:
    return About(kind="container", id=str(container.pk), label=container.name)
