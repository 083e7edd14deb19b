"""What a reading of Azure means for our openings: there, gone, put right, taken away. Nothing here calls Azure.

Grants are moved by what was read in settle.py; what else stands in a container is reported in report.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from audit_app import origin
from audit_app.models import Event
from audit_app.trail import record
from requests_app import notify
from requests_app.converge.settle import may_land_until, settle
from requests_app.converge.shut import CONVERGENCE, correlation_of, shut
from requests_app.models import Grant, Opening
from requests_app.targets.base import ContainerState, RuleSpec, RuleState
from requests_app.targets.drift import Judgement, judge
from requests_app.targets.mark import read_end
from requests_app.targets.priorities import difference

log = structlog.get_logger("latch.converge")
_HELD = frozenset({Grant.State.OPEN, Grant.State.EXTENDING})


def wanted(opening: Opening, priority: int) -> RuleSpec:
    """Return the rule this opening stands for, at this priority."""
    spec = opening.desired_spec
    return RuleSpec(
        name=spec["name"],
        priority=priority,
        source=spec["source"],
        destination=spec["destination"],
        protocol=spec["protocol"],
        ports=tuple(spec["ports"]),
        description=spec["description"],
    )


@dataclass(frozen=True)
class Reading:
    """What Azure answered, None when the whole container is gone; when it was asked, and when it answered.

    Unless `armed`, nothing is concluded from a rule that is missing: it may be the database that is wrong.
    """

    state: ContainerState | None
    asked_at: datetime
    at: datetime
    armed: bool


def observe(openings: Iterable[Opening], reading: Reading) -> None:
    """Each opening knows whether its rule is there, and its grant has moved accordingly.

    A reading that is older than what is known, as of a worker that stood still, changes nothing.
    """
    for opening in openings:
        rule = reading.state.rule(opening.name) if reading.state else None
        before = opening.observed
        judgement = _judgement(opening, rule) if rule else None
        opening.observed = _seen(opening, rule, judgement)
        with transaction.atomic():
            if not _note(opening, rule, reading):
                continue
            if rule and reading.armed and opening.desired == Opening.Desired.PRESENT:
                _put_right(opening, judgement, reading.at)
        settle(opening.grant_id, reading.at, flush=reading.state.flush_connection if reading.state else None)
        if reading.armed and opening.grant.state in _HELD:
            _taken_away(opening, judgement, reading.at)
        if rule and before == Opening.Observed.ABSENT and opening.grant.state == Grant.State.CLOSED:
            _found_open(opening, reading.at)


def _note(opening: Opening, rule: RuleState | None, reading: Reading) -> bool:
    """The row holds what was read; False when somebody wants another rule by now, or read it later than this."""
    seen: dict[str, Any] = {"read_at": reading.asked_at, "observed": opening.observed}
    if opening.observed != Opening.Observed.UNKNOWN:
        seen["observed_spec"] = opening.desired_spec if rule else {}
    if opening.observed == Opening.Observed.PRESENT and rule:
        # Somebody may have given it a higher number: then that is its number.
        seen["priority"] = opening.priority = rule.priority
    rows = Opening.objects.filter(
        Q(read_at__isnull=True) | Q(read_at__lte=reading.asked_at),
        pk=opening.pk,
        desired=opening.desired,
        desired_spec=opening.desired_spec,
    )
    opening.read_at = reading.asked_at
    return bool(rows.update(**seen))


def _seen(opening: Opening, rule: RuleState | None, judgement: Judgement | None) -> "Opening.Observed":
    """Return what a reading says: a rule that Azure is still writing, or that lets in more or less, is not open."""
    if rule is None:
        return Opening.Observed.ABSENT
    settled = rule.provisioning_state in ("", "Succeeded")
    as_wanted = judgement is not None and judgement.drift == "same" and _ends_as_wanted(opening, rule)
    return Opening.Observed.PRESENT if settled and as_wanted else Opening.Observed.UNKNOWN


def _ends_as_wanted(opening: Opening, rule: RuleState) -> bool:
    # While it is being extended the old end is nobody's doing, but it is not what is wanted either.
    return read_end(rule.description) == read_end(opening.desired_spec["description"])


def _judgement(opening: Opening, rule: RuleState) -> Judgement:
    if opening.priority is None:
        # Without a number we never wrote it: whoever did, it is not what this grant stands for.
        return Judgement("wider", ("it is not of the portal's making",))
    if rule.provisioning_state not in ("", "Succeeded"):
        return Judgement("same")
    written = read_end(opening.observed_spec.get("description", ""))
    return judge(wanted(opening, opening.priority), rule, written_end=written)


def under_way(opening: Opening, state: ContainerState) -> bool:
    """Return whether Azure is still writing this very rule, as a worker that died had asked: then wait, not write."""
    rule = state.rule(opening.name)
    if rule is None or rule.provisioning_state != "Updating" or opening.priority is None:
        return False
    return not difference(wanted(opening, opening.priority), rule)


def _put_right(opening: Opening, judgement: Judgement | None, moment: datetime) -> None:
    """A rule that lets in or lasts more than agreed is due to be written anew, at once, and the trail says so once.

    Once, because from here on it is due; and while the portal itself is writing another end, it is due as well.
    """
    if judgement is None or judgement.drift != "wider" or opening.grant.state not in _HELD:
        return
    if opening.due_at and opening.grant.expires_at and opening.due_at < opening.grant.expires_at:
        return
    Opening.objects.filter(pk=opening.pk).update(due_at=moment)
    why = f"Somebody changed the rule in Azure: {'; '.join(judgement.changes)}. It is put back as agreed."
    with origin.origin(correlation_of(opening.grant)):
        notify.alert("grant.repaired", why, opening.grant.about())
        record(
            "grant.repaired",
            by=CONVERGENCE,
            about=opening.grant.about(),
            why=why,
            data={
                "rule": opening.name,
                "container": opening.container.azure_id,
                "changes": judgement.changes,
            },
        )
    log.error(
        "converge.rule_widened",
        rule=opening.name,
        grant=str(opening.grant.uid),
        changes=judgement.changes,
    )


def _taken_away(opening: Opening, judgement: Judgement | None, moment: datetime) -> None:
    """What somebody deleted or narrowed in Azure counts as revoked: people in Azure win, and it is never made again."""
    if opening.observed == Opening.Observed.ABSENT:
        how = f"Somebody removed the rule {opening.name} in Azure."
    elif judgement is not None and judgement.drift == "narrower" and not may_land_until([opening], moment):
        # A write of ours that may still land could have put an older rule there; then it is written anew instead.
        how = f"Somebody narrowed the rule in Azure: {'; '.join(judgement.changes)}."
    else:
        return
    log.error("converge.removed_in_azure", rule=opening.name, grant=str(opening.grant.uid), why=how)
    shut(opening.grant, "removed", Grant.Why.REMOVED_IN_AZURE, moment, moment, note=how)


def _found_open(opening: Opening, moment: datetime) -> None:
    """It stands in the trail that a rule was there after its grant had closed: a late write, or somebody's hand."""
    with origin.origin(correlation_of(opening.grant)), transaction.atomic():
        # Due from this instant, so that the next round removes it without a pause.
        Opening.objects.filter(pk=opening.pk).update(due_at=moment)
        record(
            "grant.found_open",
            by=CONVERGENCE,
            about=opening.grant.about(),
            outcome=Event.Outcome.FAILURE,
            why="A rule of this grant was found in Azure after it had closed; it is being removed.",
            data={"rule": opening.name, "container": opening.container.azure_id},
        )
        notify.alert(
            "grant.found_open", f"{opening.name} was there after its grant had closed.", opening.grant.about()
        )
    log.error("converge.found_open", rule=opening.name, container=opening.container.azure_id)
