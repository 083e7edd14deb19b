"""A grant that ends by the portal's own doing: its time is over, it could not open, somebody removed its rule."""

from contextlib import suppress
from datetime import datetime

from django.db import transaction

from audit_app import origin
from audit_app.lifecycle import Stale, move
from audit_app.trail import system
from requests_app import notify, wake
from requests_app.models import AccessRequest, Grant, Opening
from requests_app.targets.mark import describe, read_end

CONVERGENCE = system("convergence")


def fail(grant: Grant, words: str, moment: datetime) -> None:
    """The grant could not be opened, says why, and whatever of it was written is to go."""
    shut(grant, "fail", Grant.Why.FAILED, moment, moment, note=words)


def shut(grant: Grant, event: str, why: str, end: datetime, moment: datetime, *, note: str = "") -> None:
    """The grant is closing since `end`, and each of its rules is due to go; nothing when somebody else was first."""
    with suppress(Stale), origin.origin(correlation_of(grant)), transaction.atomic():
        move(
            grant,
            event,
            by=CONVERGENCE,
            why=note,
            ending_at=end,
            ended_why=why,
            ended_note=note,
            extend_to=None,
        )
        for opening in grant.openings.all():
            Opening.objects.filter(pk=opening.pk).update(
                desired=Opening.Desired.ABSENT, due_at=moment, failures=0
            )
            wake.wake(wake.CONVERGE, opening.container_id)
        if why == Grant.Why.REMOVED_IN_AZURE:
            notify.removed(grant)
            notify.alert("grant.removed_in_azure", note, grant.about())


def not_extended(grant: Grant, words: str, moment: datetime) -> None:
    """The grant keeps the end it had, says why, and a rule that already told of the later one is written back."""
    with suppress(Stale), origin.origin(correlation_of(grant)), transaction.atomic():
        held = Grant.objects.select_for_update(of=("self",)).get(pk=grant.pk)
        openings = list(held.openings.select_for_update())
        ends = [read_end(opening.observed_spec.get("description", "")) for opening in openings]
        end = min((end for end in ends if end is not None), default=held.expires_at)
        kept = max(filter(None, (end, held.expires_at)))
        move(grant, "not_extended", by=CONVERGENCE, why=words, extend_to=None, hard_end=kept)
        description = describe(grant.uid.hex[:12], grant.access_request_id, kept)
        for opening in openings:
            Opening.objects.filter(pk=opening.pk).update(
                desired_spec={**opening.desired_spec, "description": description},
                observed=Opening.Observed.UNKNOWN,
                due_at=moment,
                failures=0,
            )
            wake.wake(wake.CONVERGE, opening.container_id)


def correlation_of(grant: Grant) -> str:
    """Return the correlation id that the request's events carry and Azure is sent."""
    return AccessRequest.objects.values_list("correlation_id", flat=True).get(pk=grant.access_request_id)
