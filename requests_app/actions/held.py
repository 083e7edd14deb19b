"""The rows of one grant: locked in order, its rules due to go or to say another end. Who may do that is not asked here."""

from datetime import datetime

from audit_app.lifecycle import move
from audit_app.trail import Party
from requests_app import wake
from requests_app.models import AccessRequest, Grant, Opening
from requests_app.targets.mark import describe

LIVE = [Grant.State.OPENING, Grant.State.OPEN, Grant.State.EXTENDING]


def lock(grant_id: int) -> Grant:
    """Return the grant; its request's row and its own are locked, in the order everybody takes them."""
    request_id = Grant.objects.values_list("access_request_id", flat=True).get(pk=grant_id)
    AccessRequest.objects.select_for_update().get(pk=request_id)
    return (
        Grant.objects.select_for_update(of=("self",))
        .select_related("entitlement__resource", "person", "access_request")
        .get(pk=grant_id)
    )


def close(grant: Grant, event: str, *, by: Party, why: str, moment: datetime, note: str = "") -> None:
    """The grant is closing and its rules are due to go, now. The caller holds the grant's row."""
    move(
        grant,
        event,
        by=by,
        why=note,
        ending_at=moment,
        ended_why=why,
        ended_note=note,
        extend_to=None,
    )
    for opening in grant.openings.all():
        Opening.objects.filter(pk=opening.pk).update(
            desired=Opening.Desired.ABSENT, due_at=moment, failures=0
        )
        wake.wake(wake.CONVERGE, opening.container_id)


def rewrite(grant: Grant, end: datetime, moment: datetime) -> None:
    """The grant's rules are due to be written in place, saying this end. The caller holds the grant's row.

    What was read of them says nothing any more, so that only a new reading settles the grant.
    """
    description = describe(grant.uid.hex[:12], grant.access_request_id, end)
    for opening in grant.openings.select_for_update():
        Opening.objects.filter(pk=opening.pk).update(
            desired_spec={**opening.desired_spec, "description": description},
            observed=Opening.Observed.UNKNOWN,
            due_at=moment,
            failures=0,
        )
        wake.wake(wake.CONVERGE, opening.container_id)
