"""Raise the alarm about closings that are late. What is late is said by attention.py; closing is convergence's."""

from datetime import datetime

import structlog
from django.db import transaction

from audit_app import origin
from audit_app.clock import now
from audit_app.models import Event
from audit_app.trail import record, system
from requests_app import attention, notify
from requests_app.models import Attempt, Grant

log = structlog.get_logger("latch.overdue")
WATCH = system("watch")
_BATCH = 200


def raise_overdue() -> int:
    """Each late closing stands in the trail, once, and administrators and the hook are told. Returns how many."""
    late = attention.overdue().filter(overdue_at__isnull=True)
    found = late.select_related("entitlement__resource", "person", "access_request__requester")[:_BATCH]
    return sum(_raise(grant, now()) for grant in found)


def _raise(grant: Grant, moment: datetime) -> int:
    due = min(filter(None, (grant.ending_at, grant.expires_at, grant.hard_end)))
    last = Attempt.objects.filter(opening__grant=grant).order_by("-pk").first()
    containers = list(grant.openings.values_list("container__azure_id", flat=True))
    why = f"Its time was up at {due:%H:%M:%S} UTC, and Azure was not yet read without its rule."
    if last and last.error_message:
        why += f" Azure said last: {last.error_message}"
    with origin.origin(grant.access_request.correlation_id), transaction.atomic():
        if not Grant.objects.filter(pk=grant.pk, overdue_at__isnull=True).update(overdue_at=moment):
            return 0
        late = moment - due
        record(
            "grant.overdue",
            by=WATCH,
            about=grant.about(),
            outcome=Event.Outcome.FAILURE,
            why=why,
            data={"late_seconds": round(late.total_seconds(), 1), "containers": containers},
        )
        notify.overdue(grant, late=late)
        notify.alert("grant.overdue", why, grant.about())
    log.error(
        "grant.overdue",
        grant=str(grant.uid),
        request=grant.access_request_id,
        containers=containers,
        late_seconds=round(late.total_seconds(), 1),
        correlation_id=grant.access_request.correlation_id,
        azure_request_id=last.azure_request_id if last else "",
        error=last.error_message if last else "",
    )
    return 1
