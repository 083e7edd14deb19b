"""Grants moved by what was read: open, extended, closed. Readings are understood in observe.py."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from audit_app import origin
from audit_app.lifecycle import Stale, move
from requests_app import notify
from requests_app.converge.shut import CONVERGENCE
from requests_app.models import Attempt, Grant, Opening

# A write that landed late would show after we looked; so we look again.
REREADS = (timedelta(seconds=30), timedelta(seconds=120))


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
            elif grant.state == Grant.State.EXTENDING and _all(openings, Opening.Observed.PRESENT):
                _extended(grant, moment)
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


def _extended(grant: Grant, moment: datetime) -> None:
    """The later end was read back from every container, so it is the end from now on."""
    move(
        grant,
        "extended",
        by=CONVERGENCE,
        expires_at=grant.extend_to,
        told_end=notify.said(grant.extend_to, moment),
        extend_to=None,
        data={
            "from": grant.expires_at.isoformat() if grant.expires_at else "",
            "to": grant.extend_to.isoformat() if grant.extend_to else "",
        },
    )
    Opening.objects.filter(grant=grant).update(due_at=grant.expires_at, failures=0)
    notify.extended(grant)


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
        data={
            "close_lag_seconds": lag,
            "why": grant.ended_why,
            "sessions_outlive_rule": not grant.flush_connection if grant.opened_at else None,
        },
    )
    Opening.objects.filter(grant=grant).update(
        due_at=moment + REREADS[0], rereads_left=len(REREADS), failures=0
    )
    notify.closed(grant)
