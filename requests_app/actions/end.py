"""End what is open: by its holder, by an administrator, one or all. Convergence then closes it in Azure."""

from datetime import datetime

from django.db import transaction

from audit_app.clock import now
from audit_app.lifecycle import move
from audit_app.trail import Party, record
from requests_app import lifecycle, wake
from requests_app.actions.attempting import attempting
from requests_app.actions.codes import revoke_live
from requests_app.actions.submit import require_reason
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, Opening, Person

_LIVE = [Grant.State.OPENING, Grant.State.OPEN, Grant.State.EXTENDING]


def end_now(*, by: Person, grant_id: int) -> Grant:
    """The grant is closing before its time. Refused for anyone but its holder; Stale when it is not open."""
    grant = Grant.objects.select_related("entitlement__resource", "person").get(pk=grant_id)
    with attempting("grant.end_refused", by=by.party, about=grant.about()):
        grant = _lock(grant_id)
        if not lifecycle.allows(grant, "end", by):
            raise Refused("Only its holder can end this; an administrator can revoke it.", check="holder")
        close(grant, "end", by=by.party, why=Grant.Why.ENDED, moment=now())
    return grant


def revoke(*, by: Person, grant_id: int, reason: str) -> Grant:
    """The grant is closing, or was never opened, by an administrator's word. Refused for anyone else."""
    reason = require_reason(reason)
    grant = Grant.objects.select_related("entitlement__resource", "person").get(pk=grant_id)
    with attempting("grant.revoke_refused", by=by.party, about=grant.about()):
        grant = _lock(grant_id)
        if not lifecycle.allows(grant, "revoke", by):
            raise Refused("Only an administrator can revoke a grant.", check="administrator")
        _revoke(grant, by.party, reason, now())
    return grant


def revoke_everything(*, by: Person, reason: str) -> int:
    """Every grant that is open, opening or could be opened is closing or void. Returns how many."""
    reason = require_reason(reason)
    if not by.is_administrator:
        with attempting("grant.revoke_refused", by=by.party, about=lifecycle.EVERYTHING):
            raise Refused("Only an administrator can close everything.", check="administrator")
    with transaction.atomic():
        # Activation locks requests before grants; taking them in the same order, no grant slips past.
        waiting = Grant.objects.filter(state__in=[Grant.State.ISSUED, *_LIVE])
        list(
            AccessRequest.objects.select_for_update()
            .filter(grants__in=waiting)
            .order_by("pk")
            .values_list("pk")
        )
        found = list(
            waiting.select_for_update(of=("self",))
            .select_related("entitlement__resource", "person")
            .order_by("pk")
        )
        moment = now()
        record(
            "grants.revoked_all",
            by=by.party,
            about=lifecycle.EVERYTHING,
            why=reason,
            data={"count": len(found)},
        )
        for grant in found:
            _revoke(grant, by.party, reason, moment)
    return len(found)


def close(grant: Grant, event: str, *, by: Party, why: str, moment: datetime, note: str = "") -> None:
    """The grant is closing and its rules are due to go, now. The caller holds the grant's row."""
    move(grant, event, by=by, why=note, ending_at=moment, ended_why=why, ended_note=note)
    for opening in grant.openings.all():
        Opening.objects.filter(pk=opening.pk).update(
            desired=Opening.Desired.ABSENT, due_at=moment, failures=0
        )
        wake.wake(wake.CONVERGE, opening.container_id)


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


def _lock(grant_id: int) -> Grant:
    request_id = Grant.objects.values_list("access_request_id", flat=True).get(pk=grant_id)
    AccessRequest.objects.select_for_update().get(pk=request_id)
    return (
        Grant.objects.select_for_update(of=("self",))
        .select_related("entitlement__resource", "person", "access_request")
        .get(pk=grant_id)
    )
