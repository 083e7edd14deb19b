"""Take access back, at once and with a reason: one grant, a request's, a resource's, a person's, or all there is.

Convergence then closes it in Azure; ending one's own is in end.py.
"""

from datetime import datetime

from django.db.models import QuerySet

from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from audit_app.trail import About, Party, record
from requests_app import lifecycle
from requests_app.actions.attempting import attempting
from requests_app.actions.codes import revoke_live
from requests_app.actions.held import LIVE, close, lock
from requests_app.actions.refusals import require_reason
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, Person, Resource

_NOT_THEIRS = "Only an administrator can revoke {}; and, where the glass was broken, whoever was told of it."


def revoke(*, by: Person, grant_id: int, reason: str) -> Grant:
    """The grant is closing, or was never opened, by an administrator's word.

    Of a broken glass also by whoever was told of it: nobody was asked, so each of them may say no. Refused for others.
    """
    reason = require_reason(reason)
    grant = Grant.objects.select_related("entitlement__resource", "person").get(pk=grant_id)
    with attempting("grant.revoke_refused", by=by.party, about=grant.about()):
        grant = lock(grant_id)
        if not lifecycle.allows(grant, "revoke", by):
            raise Refused(_NOT_THEIRS.format("a grant"), check="administrator")
        _revoke(grant, by.party, reason, now())
    return grant


def revoke_request(*, by: Person, access_request_id: int, reason: str) -> int:
    """All that came of this request is closing or void. Returns how many; Stale when nothing is left of it."""
    access_request = AccessRequest.objects.select_related("requester").get(pk=access_request_id)
    grants = Grant.objects.filter(access_request=access_request)
    return _together(
        grants,
        by=by,
        about=access_request.about(),
        reason=reason,
        allowed=by.is_administrator or lifecycle.was_alerted(access_request, by),
        refusal=_NOT_THEIRS.format("what came of a request"),
        nothing="Nothing of this request is open or could be opened. Nothing was changed.",
    )


def revoke_resource(*, by: Person, resource_id: int, reason: str) -> int:
    """All that is or could be opened on this resource is closing or void. Returns how many.

    Refused for anyone but an administrator and the resource's owner; Stale when nothing is open there.
    """
    resource = Resource.objects.get(pk=resource_id)
    about = About(kind="resource", id=resource.key, label=resource.name, resource=resource.name)
    return _together(
        Grant.objects.filter(entitlement__resource=resource),
        by=by,
        about=about,
        reason=reason,
        allowed=may_close(by, resource),
        refusal="Only an administrator or the owner of this resource can close everything on it.",
        nothing=f"Nothing is open on {resource.name}, or could be opened. Nothing was changed.",
    )


def revoke_person(*, by: Person, person_id: int, reason: str) -> int:
    """All that this person holds is closing or void. Refused for anyone but an administrator. Returns how many."""
    person = Person.objects.get(pk=person_id)
    return _together(
        Grant.objects.filter(person=person),
        by=by,
        about=About(kind="person", id=str(person.oid), label=str(person), subject=person.party),
        reason=reason,
        allowed=by.is_administrator,
        refusal="Only an administrator can close everything a person holds.",
        nothing=f"{person} holds nothing that is open or could be opened. Nothing was changed.",
    )


def revoke_everything(*, by: Person, reason: str) -> int:
    """Every grant that is open, opening or could be opened is closing or void. Returns how many."""
    return _together(
        Grant.objects.all(),
        by=by,
        about=lifecycle.EVERYTHING,
        reason=reason,
        allowed=by.is_administrator,
        refusal="Only an administrator can close everything.",
        event="grants.revoked_all",
    )


def may_close(person: Person, resource: Resource) -> bool:
    """Return whether this person may close everything on this resource."""
    return person.is_administrator or (resource.owner_oid is not None and resource.owner_oid == person.oid)


def _together(
    grants: QuerySet[Grant],
    *,
    by: Person,
    about: About,
    reason: str,
    allowed: bool,
    refusal: str,
    nothing: str = "",
    event: str = "grants.revoked_together",
) -> int:
    reason = require_reason(reason)
    with attempting("grant.revoke_refused", by=by.party, about=about):
        if not allowed:
            raise Refused(refusal, check="administrator")
        found = _locked(grants)
        if nothing and not found:
            raise Stale(nothing)
        record(event, by=by.party, about=about, why=reason, data={"count": len(found)})
        _revoke_each(found, by.party, reason)
    return len(found)


def revoke_grants(grants: QuerySet[Grant], *, by: Party, reason: str) -> int:
    """Each of these that is or could be open is closing or void, in the caller's transaction. Returns how many."""
    found = _locked(grants)
    _revoke_each(found, by, reason)
    return len(found)


def _revoke_each(grants: list[Grant], by: Party, reason: str) -> None:
    moment = now()
    for grant in grants:
        _revoke(grant, by, reason, moment)


def _locked(grants: QuerySet[Grant]) -> list[Grant]:
    """Return those that are or could be open, locked.

    Activation locks requests before grants; taking them in the same order, no grant slips past.
    """
    waiting = grants.filter(state__in=[Grant.State.ISSUED, *LIVE])
    requests = AccessRequest.objects.select_for_update().filter(grants__in=waiting)
    list(requests.order_by("pk").values_list("pk"))
    locked = waiting.select_for_update(of=("self",)).select_related("entitlement__resource", "person")
    return list(locked.order_by("pk"))


def _revoke(grant: Grant, by: Party, reason: str, moment: datetime) -> None:
    if grant.state == Grant.State.ISSUED:
        move(
            grant,
            "void",
            by=by,
            why=reason,
            ending_at=moment,
            closed_at=moment,
            ended_why=Grant.Why.REVOKED,
            ended_note=reason,
        )
        revoke_live(grant.access_request, moment, "Grant revoked", by)
    else:
        close(grant, "revoke", by=by, why=Grant.Why.REVOKED, moment=moment, note=reason)
