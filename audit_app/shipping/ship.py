"""ship(): the trail goes to one destination, from where its cursor stands, as far as a round's budget lasts.

At least once: the cursor moves after the destination took a batch, never before. What was sent twice has the same
event id twice. Schemas, sending and the horizon stand in files of their own.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom
from typing import Final

import structlog
from django.db import transaction

from audit_app.clock import now
from audit_app.models import Event, ShippingCursor
from audit_app.shipping import hold
from audit_app.shipping.delivery import Delivery, Packed, deliver
from audit_app.shipping.destination import Destination, Unavailable
from audit_app.shipping.horizon import settled
from audit_app.trail import About, record, system

log = structlog.get_logger("latch.shipping")
# One round's budget: mail waits behind it in the same queue. The next round is seconds away.
ROUND_SECONDS: Final = 2.0
ROUND_EVENTS: Final = 5_000
LONGEST_PAUSE: Final = 300.0
SET_ASIDE: Final = "shipping.set_aside"
_BY: Final = system("shipping")
_chance: Final = SystemRandom()


@dataclass
class Round:
    """What one round did, for the log and for tests."""

    taken: int = 0
    set_aside: int = 0
    batches: int = 0
    size: int = 0
    error: str = ""


def ship(destination: Destination) -> Round | None:
    """What is settled was shipped, as far as the budget lasts; None when another worker is at it, or it is not due."""
    cursor = hold.take(destination.name)
    if cursor is None:
        return None
    done, began = Round(), time.monotonic()
    try:
        _ship(destination, cursor, done, began + ROUND_SECONDS)
    except Unavailable as error:
        _failed(destination, cursor, done, error)
    except Exception as error:  # whatever it was, the other destinations' turn must come
        log.exception("shipping.broken", destination=destination.name)
        _failed(destination, cursor, done, Unavailable(f"{type(error).__name__}: {error}"))
    else:
        hold.release(cursor, due_at=None)
    if done.taken or done.set_aside:
        _say(destination, cursor, done, time.monotonic() - began)
    return done


def _ship(destination: Destination, cursor: ShippingCursor, done: Round, end: float) -> None:
    last = settled()
    while done.taken + done.set_aside < ROUND_EVENTS and time.monotonic() < end:
        waiting = _waiting(cursor.shipped_to, last, destination.limits.events)
        batch = list(_fitting(destination, waiting))
        if not batch:
            return
        delivery = deliver(destination, batch)
        done.batches += 1
        done.size += sum(len(packed.encoded) for packed in batch)
        if delivery.done and not _settle(destination, cursor, batch, delivery, done):
            log.warning("shipping.hold_lost", destination=destination.name)
            return
        if delivery.error:
            raise delivery.error


def _waiting(after: int, last: int, most: int) -> Sequence[Event]:
    return list(Event.objects.filter(id__gt=after, id__lte=last).order_by("id")[:most])


def _fitting(destination: Destination, events: Sequence[Event]) -> Iterator[Packed]:
    """As many of these as may be sent at once, from the first, and the first in any case."""
    size = 0
    for event in events:
        packed = _packed(destination, event)
        size += len(packed.encoded)
        if size > destination.limits.size and event is not events[0]:
            return
        yield packed


def _packed(destination: Destination, event: Event) -> Packed:
    try:
        return Packed(event, destination.encode(event))
    except (ValueError, TypeError, LookupError) as error:
        # One event that can not be said must not stop those behind it.
        return Packed(event, b"", fault=f"it can not be encoded: {type(error).__name__}: {error}")


def _settle(
    destination: Destination,
    cursor: ShippingCursor,
    batch: Sequence[Packed],
    delivery: Delivery,
    done: Round,
) -> bool:
    """The cursor stands behind what was settled, and the trail tells of what was set aside; both or neither."""
    aside = len(delivery.refused)
    taken, to = delivery.done - aside, batch[delivery.done - 1].event.pk
    with transaction.atomic():
        if not hold.moved(cursor, to, taken=taken, set_aside=aside):
            return False
        for event, why in delivery.refused:
            _set_aside(destination, event, why)
    done.taken += taken
    done.set_aside += aside
    return True


def _set_aside(destination: Destination, event: Event, why: str) -> None:
    log.error(
        SET_ASIDE,
        destination=destination.name,
        uid=str(event.uid),
        number=event.pk,
        kind=event.kind,
        error=why,
    )
    # The event that tells of it is shipped too; told of itself, it would go on for ever.
    if event.kind != SET_ASIDE:
        about = About(kind="event", id=str(event.uid), label=f"{event.kind} to {destination.title}")
        data = {"destination": destination.name, "number": event.pk}
        record(SET_ASIDE, by=_BY, about=about, outcome=Event.Outcome.FAILURE, why=why[:2000], data=data)


def _failed(destination: Destination, cursor: ShippingCursor, done: Round, error: Unavailable) -> None:
    done.error = str(error)
    pause = pause_after(cursor.failures + 1, error.retry_after)
    hold.failed(cursor, done.error[:2000], now() + timedelta(seconds=pause))
    log.error(
        "shipping.failed",
        destination=destination.name,
        error=done.error,
        failures=cursor.failures + 1,
        next_try_seconds=round(pause, 1),
    )


def pause_after(failures: int, retry_after: float | None) -> float:
    """Return how long to wait: growing with each failure, capped, never alike for two, never before it was asked for."""
    grown = min(LONGEST_PAUSE, 2.0 * (1 << min(failures, 10)))
    wanted = grown * _chance.uniform(0.5, 1.0)
    return max(wanted, retry_after * _chance.uniform(1.0, 1.1)) if retry_after else wanted


def _say(destination: Destination, cursor: ShippingCursor, done: Round, seconds: float) -> None:
    log.info(
        "shipping.shipped",
        destination=destination.name,
        taken=done.taken,
        set_aside=done.set_aside,
        batches=done.batches,
        bytes=done.size,
        up_to=cursor.shipped_to,
        seconds=round(seconds, 3),
    )
