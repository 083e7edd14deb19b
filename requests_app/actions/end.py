"""End what is open before its time, by its holder's word. Others revoke: that is in revoke.py."""

from audit_app.clock import now
from requests_app import lifecycle
from requests_app.actions.attempting import attempting
from requests_app.actions.held import close, lock
from requests_app.errors import Refused
from requests_app.models import Grant, Person


def end_now(*, by: Person, grant_id: int) -> Grant:
    """The grant is closing before its time. Refused for anyone but its holder; Stale when it is not open."""
    grant = Grant.objects.select_related("entitlement__resource", "person").get(pk=grant_id)
    with attempting("grant.end_refused", by=by.party, about=grant.about()):
        grant = lock(grant_id)
        if not lifecycle.allows(grant, "end", by):
            raise Refused("Only its holder can end this; an administrator can revoke it.", check="holder")
        close(grant, "end", by=by.party, why=Grant.Why.ENDED, moment=now())
    return grant
