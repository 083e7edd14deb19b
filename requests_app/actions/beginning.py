"""As a window begins that was agreed to beforehand, its holder is told. The database says whose turn it is."""

from typing import Final

from django.db import transaction

from audit_app.clock import now
from requests_app import notify
from requests_app.models import Grant

_BATCH: Final = 200


def tell() -> int:
    """Everybody whose window has begun, and who did not activate it yet, was told, once for each. Returns how many."""
    moment = now()
    due = Grant.objects.filter(
        state=Grant.State.ISSUED,
        activate_from__lte=moment,
        activate_by__gt=moment,
        told_start_at__isnull=True,
    )
    found = due.select_related("entitlement__resource", "person", "access_request__requester")
    return sum(_tell(grant) for grant in found.order_by("activate_from", "pk")[:_BATCH])


def _tell(grant: Grant) -> int:
    with transaction.atomic():
        # Whoever activates it at this moment, or tells of it, is waited for; then nothing matches any more.
        waiting = Grant.objects.filter(pk=grant.pk, state=Grant.State.ISSUED, told_start_at__isnull=True)
        told = waiting.update(told_start_at=now())
        if told:
            notify.beginning(grant)
    return told
