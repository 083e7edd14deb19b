"""When an open grant may still be extended, and the beginning of it once that is agreed. Asking is in extend.py.

Convergence writes the new end into Azure in place and reads it back; only then the end moves.
"""

from datetime import datetime, timedelta

from audit_app.lifecycle import Stale, move
from requests_app import context
from requests_app.actions.held import rewrite
from requests_app.actions.refusals import refuse_unless_allowed, require_armed
from requests_app.context import Ask
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, Grant

# Later than this the new end could not be read back in time, and the reaper acts by what stands in Azure.
TOO_LATE = timedelta(minutes=2)


def latest(grant: Grant) -> datetime | None:
    """Return until when more time may be asked for and agreed to; None when it is not open, or closes with its window."""
    extensible = grant.state == Grant.State.OPEN and grant.closes_by is None
    return grant.expires_at - TOO_LATE if extensible and grant.expires_at else None


def new_end(grant: Grant, total: timedelta, moment: datetime) -> datetime:
    """Return when the grant would end after `total` time since its opening.

    Stale unless it is open; Refused in its last two minutes, and for what closes with its window; Invalid unless that is
    later than its present end.
    """
    if grant.closes_by:
        raise Refused(
            f"It closes with its window, at {grant.closes_by:%H:%M:%S} UTC, and not later.",
            check="window",
            way_on="Ask for what you need after that by itself.",
        )
    last = latest(grant)
    if last is None or grant.opened_at is None or grant.expires_at is None:
        raise Stale(f"This grant is {grant.get_state_display().lower()}; it can not be extended now.")
    if moment >= last:
        raise Refused(
            "In its last two minutes nothing can be extended: the new end might not stand in Azure in time.",
            check="last two minutes",
            way_on="Ask again for a new opening.",
        )
    end = grant.opened_at + total
    if end <= grant.expires_at:
        words = f"It ends at {grant.expires_at:%H:%M:%S} UTC already; choose a later end."
        raise Invalid(words, fields={"total": words})
    return end


def begin(wish: AccessRequest, moment: datetime) -> None:
    """The grant is extending: its rules are to be written with the new end. The caller holds the wish's row.

    Refused when policy or the directory says no by now; Stale or Refused when the grant is not open, or too late.
    """
    require_armed()
    grant = (
        Grant.objects.select_for_update(of=("self",))
        .select_related("entitlement__resource", "person", "access_request")
        .get(extensions=wish)
    )
    end = new_end(grant, wish.duration, moment)
    ask = Ask(
        entitlement=grant.entitlement,
        duration=wish.duration,
        reason=wish.reason,
        ticket=wish.ticket,
        source=grant.source_address,
    )
    # Who agrees is here, not the holder: what is asked of the holder's sign-in was asked when they wished for it.
    refuse_unless_allowed(context.verdict_at_activation(grant.person, ask, now=moment, moments=()))
    before = grant.expires_at
    move(
        grant,
        "extend",
        by=grant.person.party,
        why=wish.reason,
        extend_to=end,
        hard_end=end,
        data={"from": before.isoformat() if before else "", "to": end.isoformat(), "request": wish.pk},
    )
    rewrite(grant, end, moment)
