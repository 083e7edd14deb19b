"""Azure's Activity Log of one story: asked for by a page, read by a worker, kept in a row. The way is handed down.

The trail's floor knows neither Azure's SDK nor which rules a request had: the floor above knows both. A web process must
not load the SDK, and no page waits for Azure; so what is shown is always what a worker read, with its age.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Q

from audit_app.activity.beside import Record, Write
from audit_app.clock import now
from audit_app.models import ActivityReading

log = structlog.get_logger("latch.activity")
# A reading takes seconds; a worker that did not answer by then will not.
PATIENCE: Final = timedelta(seconds=60)
# Callers are people's names now and then: what nobody looks at any more is not kept.
KEPT: Final = timedelta(days=30)


@dataclass(frozen=True)
class Ours:
    """What a story wrote to Azure, and by what it can be found there: ids, names of rules, from when to when."""

    correlation_ids: tuple[str, ...]
    rules: tuple[str, ...]
    writes: tuple[Write, ...]
    since: datetime
    until: datetime
    more: bool = False


@dataclass(frozen=True)
class Found:
    """What Azure's log holds of it; `partial` says why that is not all."""

    records: tuple[Record, ...]
    partial: str = ""


class Unreadable(Exception):
    """Azure's log could not be read; the message says why and what to do. `retry_after` is seconds, if Azure said."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Way:
    """What the floor above hands down: whether it is switched on, what a story wrote, the reading, waking a worker."""

    on: Callable[[], bool]
    ours: Callable[[str], Ours | None]
    read: Callable[[Ours], Found]
    wake: Callable[[int], None]


class NotSwitchedOn(Exception):
    """Nobody said which workspace holds the Activity Log. Nothing was asked."""

    status = 409
    title = "Azure's Activity Log is not read here"
    check = "LOG_ANALYTICS_WORKSPACE is set"
    way_on = "An administrator can set LOG_ANALYTICS_WORKSPACE; docs/activity.md says what it needs in Azure."
    reason = "The portal was not told of a Log Analytics workspace that holds it."


_handed: dict[str, Way] = {}


def hand_down(way: Way) -> None:
    """From now on this is the way to Azure's Activity Log."""
    _handed["way"] = way


def switched_on() -> bool:
    """Return whether there is a way, and a workspace at its end."""
    return "way" in _handed and _handed["way"].on()


def ours(story: str) -> Ours | None:
    """Return what this story wrote to Azure; None for a story that is no request's."""
    return _handed["way"].ours(story) if "way" in _handed else None


def last(story: str) -> ActivityReading | None:
    """Return what was last read of this story, or asked for."""
    return ActivityReading.objects.filter(story=story).first()


def waits(reading: ActivityReading | None, moment: datetime) -> bool:
    """Return whether a worker is still expected to answer."""
    return reading is not None and not _answered(reading) and moment < reading.asked_at + PATIENCE


def unanswered(reading: ActivityReading | None, moment: datetime) -> bool:
    """Return whether nobody answered in time: the workers are away, or have much to do."""
    return reading is not None and not _answered(reading) and not waits(reading, moment)


def ask(story: str) -> ActivityReading:
    """A worker was asked to read this story's part of the log, unless one already was, or Azure asked to wait.

    Raises NotSwitchedOn where there is nothing to read.
    """
    if not switched_on():
        raise NotSwitchedOn(NotSwitchedOn.reason)
    moment = now()
    with transaction.atomic():
        reading, made = ActivityReading.objects.get_or_create(story=story, defaults={"asked_at": moment})
        held = Q(due_at__isnull=True) | Q(due_at__lte=moment)
        if made or (not waits(reading, moment) and _asked_anew(reading.pk, held, moment)):
            _handed["way"].wake(reading.pk)
    return reading


def read(reading_id: int) -> bool:
    """What was asked for is read, or it is said why not; returns whether anything was done. Safe to run twice."""
    reading = ActivityReading.objects.filter(pk=reading_id).first()
    if reading is None or _answered(reading) or not switched_on():
        return False
    wanted, moment = ours(reading.story), now()
    if wanted is None:
        return False
    try:
        found = _handed["way"].read(wanted)
    except Unreadable as error:
        _failed(reading, error)
        return True
    ActivityReading.objects.filter(pk=reading.pk).update(
        tried_at=now(),
        read_at=moment,
        records=[_plain(record) for record in found.records],
        partial=found.partial,
        error="",
        due_at=None,
    )
    ActivityReading.objects.filter(asked_at__lt=moment - KEPT).delete()
    log.info("activity.read", story=reading.story, rows=len(found.records), partial=found.partial)
    return True


def records(reading: ActivityReading) -> list[Record]:
    """Return the rows of a reading."""
    return [Record(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in reading.records]


def _asked_anew(reading_id: int, held: Q, moment: datetime) -> bool:
    return bool(ActivityReading.objects.filter(held, pk=reading_id).update(asked_at=moment))


def _answered(reading: ActivityReading) -> bool:
    return reading.tried_at is not None and reading.tried_at >= reading.asked_at


def _failed(reading: ActivityReading, error: Unreadable) -> None:
    moment = now()
    due = moment + timedelta(seconds=error.retry_after) if error.retry_after else None
    ActivityReading.objects.filter(pk=reading.pk).update(tried_at=moment, error=str(error), due_at=due)
    log.warning("activity.unreadable", story=reading.story, error=str(error))


def _plain(record: Record) -> dict[str, Any]:
    return {**asdict(record), "at": record.at.isoformat()}
