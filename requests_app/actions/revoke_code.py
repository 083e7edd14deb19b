"""A verifier takes a latch code back, and with it the right it carries. People revoke grants: that is in revoke.py."""

from audit_app.trail import record
from requests_app.actions import standing
from requests_app.actions.attempting import attempting
from requests_app.actions.held import LIVE
from requests_app.actions.revoke import revoke_grants
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, Verifier


def revoke_code(*, by: Verifier, text: str) -> int:
    """What this code carries is closing or void, as far as the verifier sees it, and the code is good for nothing.

    The grants go too: with the code alone gone, its holder had a new one, or the open door, a click later. Whoever
    merely lost a code gets another by themself. Returns how many grants ended: none for what is no code of ours, was
    revoked before or is over. Refused where the verifier sees nothing of what the code is about.
    """
    found = standing.find(text)
    if found is None:
        return 0
    access_request = found.code.access_request
    with attempting("verifier.revoke_refused", by=by.party, about=access_request.about()):
        # The request's row first, as everywhere: nobody spends the code meanwhile. Then it is looked at once more.
        AccessRequest.objects.select_for_update().get(pk=access_request.pk)
        return _revoke(standing.find(text) or found, by)


def _revoke(found: standing.Standing, by: Verifier) -> int:
    seen = [grant.pk for grant in found.seen_by(by)]
    if not seen:
        raise Refused("This code is about nothing that this verifier sees.", check="verifier")
    if found.code.revoked_at:
        return 0
    ending = LIVE if found.code.spent_at else [Grant.State.ISSUED]
    reason = f"Its latch code was revoked by {by.name}."
    grants = Grant.objects.filter(pk__in=seen, state__in=ending)
    count = revoke_grants(grants, by=by.party, reason=reason)
    if count:
        data = {"jti": found.claims.jti, "count": count}
        record("verifier.revoked", by=by.party, about=found.code.access_request.about(), data=data)
    return count
