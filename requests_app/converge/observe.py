"""What a reading of Azure means: openings observed, grants moved by what was read. Nothing here calls Azure."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Max, Q

from audit_app import origin
from audit_app.lifecycle import Stale, move
from audit_app.models import Event
from audit_app.trail import record, system
from requests_app import notify
from requests_app.models import AccessRequest, Attempt, Container, ContainerSnapshot, Grant, Opening
from requests_app.targets.base import ContainerState, RuleSpec, RuleState
from requests_app.targets.priorities import difference

log = structlog.get_logger("latch.converge")
CONVERGENCE = system("convergence")
# A write that landed late would show after we looked; so we look again.
REREADS = (timedelta(seconds=30), timedelta(seconds=120))


def snapshot(container: Container, state: ContainerState, moment: datetime) -> None:
    """The pages can show this reading."""
    ContainerSnapshot.objects.update_or_create(
        container=container,
        defaults={"read_at": moment, "tried_at": moment, "body": state.to_dict(), "error": ""},
    )


def snapshot_failed(container: Container, error: str, moment: datetime) -> None:
    """The pages can say that the last reading failed; what was read before stays."""
    found = ContainerSnapshot.objects.filter(container=container)
    if not found.update(error=error, tried_at=moment):
        ContainerSnapshot.objects.create(
            container=container, read_at=moment, tried_at=moment, body={}, error=error
        )


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


def observe(openings: Iterable[Opening], state: ContainerState | None, moment: datetime) -> None:
    """Each opening knows whether its rule is there, and its grant has moved accordingly.

    `state` None means that the whole container is gone, and every rule with it.
    """
    for opening in openings:
        rule = state.rule(opening.name) if state else None
        came_back = bool(rule) and opening.observed == Opening.Observed.ABSENT
        opening.observed = _seen(opening, rule)
        seen: dict[str, Any] = {"read_at": moment, "observed": opening.observed}
        if opening.observed != Opening.Observed.UNKNOWN:
            seen["observed_spec"] = opening.desired_spec if rule else {}
        Opening.objects.filter(pk=opening.pk).update(**seen)
        settle(opening.grant_id, moment, flush=state.flush_connection if state else None)
        if came_back and opening.grant.state == Grant.State.CLOSED:
            _found_open(opening, moment)


def _seen(opening: Opening, rule: RuleState | None) -> "Opening.Observed":
    """Return what a reading says: a rule that Azure is still writing, or that differs from ours, is not open yet."""
    if rule is None:
        return Opening.Observed.ABSENT
    settled = rule.provisioning_state in ("", "Succeeded")
    return Opening.Observed.PRESENT if settled and _as_wanted(opening, rule) else Opening.Observed.UNKNOWN


def _as_wanted(opening: Opening, rule: RuleState) -> bool:
    # Without a number we never wrote it: whoever did, it is not what this grant stands for.
    return opening.priority is not None and not difference(wanted(opening, opening.priority), rule)


def under_way(opening: Opening, state: ContainerState) -> bool:
    """Return whether Azure is still writing this very rule, as a worker that died had asked: then wait, not write."""
    rule = state.rule(opening.name)
    return rule is not None and rule.provisioning_state == "Updating" and _as_wanted(opening, rule)


def settle(grant_id: int, moment: datetime, *, flush: bool | None) -> None:
    """The grant is open, or closed, if that is what its openings were read to be; else nothing changed."""
    with transaction.atomic():
        grant = (
            Grant.objects.select_for_update(of=("self",))
            .select_related("entitlement__resource", "person", "access_request__requester")
            .get(pk=grant_id)
        )
        openings = list(grant.openings.select_related("container"))
        with origin.origin(grant.access_request.correlation_id), suppress(Stale):
            if grant.state == Grant.State.OPENING and _all(openings, Opening.Observed.PRESENT):
                _opened(grant, openings, moment, flush)
            elif grant.state == Grant.State.CLOSING and _gone_for_good(openings, moment):
                _closed(grant, moment)


def _all(openings: list[Opening], observed: str) -> bool:
    return bool(openings) and all(opening.observed == observed for opening in openings)


def _gone_for_good(openings: list[Opening], moment: datetime) -> bool:
    """Return whether all are absent and no write that could still land is under way."""
    if not all(opening.observed == Opening.Observed.ABSENT for opening in openings):
        return False
    return may_land_until(openings, moment) is None


def may_land_until(openings: list[Opening], moment: datetime) -> datetime | None:
    """Return until when a write whose outcome nobody knows may still land; None when there is no such write."""
    late = Attempt.objects.filter(
        Q(outcome="") | Q(outcome=Attempt.Outcome.UNCERTAIN),
        opening__in=openings,
        kind=Attempt.Kind.WRITE,
        deadline__gt=moment,
    )
    deadline: datetime | None = late.aggregate(last=Max("deadline"))["last"]
    return deadline


def _opened(grant: Grant, openings: list[Opening], moment: datetime, flush: bool | None) -> None:
    assert grant.hard_end is not None  # noqa: S101 - a CHECK of the schema
    expires_at = min(moment + grant.duration, grant.hard_end)
    move(
        grant,
        "opened",
        by=CONVERGENCE,
        opened_at=moment,
        expires_at=expires_at,
        flush_connection=flush,
        data={
            "expires_at": expires_at.isoformat(),
            "rules": [
                {"name": o.name, "container": o.container.azure_id, "priority": o.priority} for o in openings
            ],
            "sessions_outlive_rule": not flush,
        },
    )
    Opening.objects.filter(grant=grant).update(due_at=expires_at, failures=0)
    _landed(openings, moment)
    notify.opened(grant)


def _landed(openings: list[Opening], moment: datetime) -> None:
    """A write nobody had an answer to has landed when its rule was read and no other write could have made it.

    So nothing of it can come later, and the closing need not wait for its deadline.
    """
    for opening in openings:
        writes = list(
            opening.attempts.filter(kind=Attempt.Kind.WRITE).exclude(outcome=Attempt.Outcome.FAILED)
        )
        if len(writes) == 1:
            Attempt.objects.filter(pk=writes[0].pk, deadline__gt=moment).update(deadline=moment)


def _closed(grant: Grant, moment: datetime) -> None:
    lag = (moment - grant.ending_at).total_seconds() if grant.ending_at else None
    move(
        grant,
        "closed",
        by=CONVERGENCE,
        closed_at=moment,
        data={"close_lag_seconds": lag, "why": grant.ended_why},
    )
    Opening.objects.filter(grant=grant).update(
        due_at=moment + REREADS[0], rereads_left=len(REREADS), failures=0
    )
    notify.closed(grant)


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
    log.error("converge.found_open", rule=opening.name, container=opening.container.azure_id)


def correlation_of(grant: Grant) -> str:
    """Return the correlation id that the request's events carry and Azure is sent."""
    return AccessRequest.objects.values_list("correlation_id", flat=True).get(pk=grant.access_request_id)
