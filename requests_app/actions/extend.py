"""Ask for more time for what is open: a new decision, for the whole time from its opening to the new end."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from audit_app.clock import now
from audit_app.lifecycle import Stale
from requests_app.actions.attempting import attempting
from requests_app.actions.extending import new_end
from requests_app.actions.refusals import require_armed
from requests_app.actions.submit import submit
from requests_app.context import Ask
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, Person


def ask(
    *,
    by: Person,
    grant_id: int,
    total: timedelta,
    reason: str,
    ticket: str = "",
    submission_key: UUID,
    sign_in: dict[str, Any] | None = None,
) -> AccessRequest:
    """A request for `total` time since the opening waits for its first stage; without one it is being extended.

    Refused for anyone but the holder, in the last two minutes, when policy says no, or while the portal only closes;
    Invalid unless it would end later than now; Stale when it is not open, or when more time was asked for already.
    """
    earlier = AccessRequest.objects.filter(requester=by, submission_key=submission_key).first()
    if earlier:
        return earlier
    grant = Grant.objects.select_related("entitlement__resource", "person").get(pk=grant_id)
    with attempting("grant.extend_refused", by=by.party, about=grant.about()):
        # The row is the lock: two wishes at once are one wish and one refusal.
        grant = (
            Grant.objects.select_for_update(of=("self",))
            .select_related("entitlement__resource", "person")
            .get(pk=grant_id)
        )
        if by.pk != grant.person_id:
            raise Refused("Only its holder can ask for more time.", check="holder")
        require_armed()
        new_end(grant, total, now())
        if grant.extensions.filter(state__in=["pending", "returned"]).exists():
            raise Stale("More time was asked for already, and waits for a decision. Nothing was changed.")
        wish = Ask(
            entitlement=grant.entitlement,
            duration=total,
            reason=reason,
            ticket=ticket,
            source=grant.source_address,
        )
        return submit(by=by, ask=wish, submission_key=submission_key, sign_in=sign_in, extends=grant)
