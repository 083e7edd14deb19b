"""What the clock brings about for the grants of one container, before Azure is asked anything."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from requests_app import wake
from requests_app.converge.observe import CONVERGENCE, correlation_of
from requests_app.models import Container, Grant, Opening

_ALIVE = [Grant.State.OPENING, Grant.State.OPEN, Grant.State.EXTENDING]


def bring_about(container: Container) -> None:
    """Grants past their end are closing, and those that did not open within the budget have failed."""
    moment = now()
    too_old = moment - timedelta(seconds=settings.OPENING_BUDGET_SECONDS)
    over = Grant.objects.filter(openings__container=container, state__in=_ALIVE).filter(
        Q(expires_at__lte=moment)
        | Q(hard_end__lte=moment)
        | Q(state=Grant.State.OPENING, activated_at__lte=too_old)
    )
    for grant in over.select_related("entitlement__resource", "person").distinct():
        if grant.state == Grant.State.OPENING:
            fail(grant, "It could not be opened in time.", moment)
        else:
            end = min(filter(None, (grant.expires_at, grant.hard_end)))
            shut(grant, "expire", Grant.Why.EXPIRED, end, moment)


def fail(grant: Grant, words: str, moment: datetime) -> None:
    """The grant could not be opened, says why, and whatever of it was written is to go."""
    shut(grant, "fail", Grant.Why.FAILED, moment, moment, note=words)


def shut(grant: Grant, event: str, why: str, end: datetime, moment: datetime, *, note: str = "") -> None:
    """The grant is closing since `end`, and each of its rules is due to go; nothing when somebody else was first."""
    try:
        with origin.origin(correlation_of(grant)), transaction.atomic():
            move(grant, event, by=CONVERGENCE, why=note, ending_at=end, ended_why=why, ended_note=note)
            for opening in grant.openings.all():
                Opening.objects.filter(pk=opening.pk).update(
                    desired=Opening.Desired.ABSENT, due_at=moment, failures=0
                )
                wake.wake(wake.CONVERGE, opening.container_id)
    except Stale:
        return
