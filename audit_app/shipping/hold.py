"""Who is shipping to a destination: one worker at a time, by its cursor's row, for as long as a batch may take.

No transaction stays open while a destination is called: it would hold back everybody who waits for a horizon.
"""

import os
import threading
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from django.db.models import F, Q

from audit_app.clock import now
from audit_app.models import ShippingCursor

# Longer than a whole round takes, the longest call included; a worker that is killed holds others up by this at most.
LASTS: Final = timedelta(seconds=60)


def take(destination: str) -> ShippingCursor | None:
    """Return the cursor, held by this worker alone; None while somebody else holds it, or before it is due."""
    moment = now()
    ShippingCursor.objects.get_or_create(destination=destination)
    free = Q(held_until__isnull=True) | Q(held_until__lte=moment)
    due = Q(due_at__isnull=True) | Q(due_at__lte=moment)
    owner = f"{os.getpid()}-{threading.get_ident()}-{uuid4().hex[:12]}"
    taken = ShippingCursor.objects.filter(free, due, pk=destination)
    if not taken.update(held_by=owner, held_until=moment + LASTS, tried_at=moment):
        return None
    return ShippingCursor.objects.filter(pk=destination, held_by=owner).first()


def moved(cursor: ShippingCursor, to: int, *, taken: int, set_aside: int) -> bool:
    """The cursor stands at this event, held for a full term more; False when the hold was lost: then it stays."""
    moment = now()
    ours = ShippingCursor.objects.filter(
        pk=cursor.pk, held_by=cursor.held_by, shipped_to=cursor.shipped_to, held_until__gt=moment
    )
    done = ours.update(
        shipped_to=to,
        taken=F("taken") + taken,
        set_aside=F("set_aside") + set_aside,
        held_until=moment + LASTS,
        failures=0,
        last_error="",
    )
    if done:
        cursor.shipped_to, cursor.failures = to, 0
    return bool(done)


def release(cursor: ShippingCursor, **more: Any) -> None:
    """Somebody else may ship, if the hold was still ours; `more` is what else the row says from now on."""
    ours = ShippingCursor.objects.filter(pk=cursor.pk, held_by=cursor.held_by)
    ours.update(held_by="", held_until=None, **more)


def failed(cursor: ShippingCursor, error: str, again: datetime) -> None:
    """The row says what went wrong, and is not due before `again`."""
    moment = now()
    release(
        cursor,
        failures=cursor.failures + 1,
        last_error=error,
        last_error_at=moment,
        due_at=again,
    )
