"""Open again, for the time that was left, what somebody took away by hand in Azure. Never without its holder's word."""

from datetime import datetime, timedelta
from typing import Any

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.trail import record
from requests_app.actions.activate import open_grant
from requests_app.actions.attempting import attempting
from requests_app.actions.held import lock
from requests_app.actions.refusals import require_armed
from requests_app.errors import Gone, Refused
from requests_app.models import Grant, Person

# For less it is not worth it: opening may take as long.
LEAST = timedelta(minutes=2)


def open_again(
    *, by: Person, grant_id: int, from_elsewhere: bool = False, sign_in: dict[str, Any] | None = None
) -> Grant:
    """A new grant, of the same request and for the time that was left, is opening. Its end is never a later one.

    Refused for anyone but the holder, and as `open_grant` refuses; while the portal only closes. Gone when no time is
    left; Stale when it was not removed in Azure, is not closed yet, or was opened again already.
    """
    grant = Grant.objects.select_related("entitlement__resource", "person").get(pk=grant_id)
    with attempting("grant.open_again_refused", by=by.party, about=grant.about()):
        grant = lock(grant_id)
        if by.pk != grant.person_id:
            raise Refused("Only its holder can open this again.", check="holder")
        require_armed()
        moment = now()
        end = _end(grant, moment)
        again = _again(by, grant, moment, end)
        open_grant(
            by, grant.access_request, again, moment, end, from_elsewhere=from_elsewhere, sign_in=sign_in
        )
    return again


def _again(by: Person, grant: Grant, moment: datetime, end: datetime) -> Grant:
    again = Grant.objects.create(
        item_id=grant.item_id,
        access_request=grant.access_request,
        person=grant.person,
        entitlement=grant.entitlement,
        source_address=grant.source_address,
        duration=end - moment,
        policy_hash=grant.policy_hash,
        break_glass=grant.break_glass,
        issued_at=moment,
        activate_by=end,
        activate_from=grant.activate_from,
        closes_by=grant.closes_by,
        again_of=grant,
    )
    record(
        "grant.opened_again",
        by=by.party,
        about=again.about(),
        data={
            "removed": str(grant.uid),
            "until": end.isoformat(),
            "observed": origin.current().source_address,
        },
    )
    return again


def could_open_again(grant: Grant, moment: datetime) -> bool:
    """Return whether this grant was taken away in Azure and has time left, and nobody opened it again."""
    return (
        grant.state == Grant.State.CLOSED
        and grant.ended_why == Grant.Why.REMOVED_IN_AZURE
        and grant.expires_at is not None
        and moment < grant.expires_at - LEAST
        and not Grant.objects.filter(again_of=grant).exists()
    )


def _end(grant: Grant, moment: datetime) -> datetime:
    if grant.ended_why != Grant.Why.REMOVED_IN_AZURE or grant.expires_at is None:
        raise Stale("Only what somebody removed in Azure can be opened again. Nothing was changed.")
    if grant.state != Grant.State.CLOSED:
        raise Stale("What is left of it is still being closed. Try again in a moment; nothing was changed.")
    if Grant.objects.filter(again_of=grant).exists():
        raise Stale("It was opened again already. Nothing was changed.")
    if moment >= grant.expires_at - LEAST:
        raise Gone("Its time is over, or nearly.", check="time left", way_on="Ask again; it takes a minute.")
    return grant.expires_at
