"""Shortly before the end its holder is told, with the way to more time. The database says whose turn it is."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from audit_app.clock import now
from requests_app import notify
from requests_app.actions.extending import latest
from requests_app.models import Grant

# Whoever opened for less knows the end without being told.
SHORTEST: Final = timedelta(minutes=15)
_BATCH = 200


def tell() -> int:
    """Everybody whose open grant ends within ten minutes was told, once for each end. Returns how many.

    Not of one that is open for less than a quarter of an hour in all, nor of an end that was set, and so told, so late.
    """
    moment = now()
    due = Grant.objects.filter(
        Q(told_end__isnull=True) | ~Q(told_end=F("expires_at")),
        state=Grant.State.OPEN,
        expires_at__gt=moment,
        expires_at__lte=moment + notify.SOON,
        opened_at__lte=F("expires_at") - SHORTEST,
    )
    found = due.select_related("entitlement__resource", "person", "access_request__requester")
    return sum(_tell(grant) for grant in found.order_by("expires_at")[:_BATCH])


def _tell(grant: Grant) -> int:
    with transaction.atomic():
        same = Grant.objects.filter(pk=grant.pk, state=Grant.State.OPEN, expires_at=grant.expires_at)
        # Whoever moves the end at this moment, or tells of it, is waited for; then nothing matches any more.
        told = same.exclude(told_end=grant.expires_at).update(told_end=grant.expires_at)
        if told:
            notify.ending(grant, ask_by=latest(grant))
    return told
