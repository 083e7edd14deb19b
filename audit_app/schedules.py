"""Exports made again and again, with their manifests: planned, stopped, written when due. Where to, places.py says."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from audit_app import alarms, exports, manifests, places
from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Export, ExportSchedule
from audit_app.parties import About, Party, system
from audit_app.recurring import next_start
from audit_app.signing import NoKey
from audit_app.trail import record

log = structlog.get_logger("latch.exports")
_MAKER: Final = system("exports")
# What was written in a file's time is committed by then.
LAG: Final = timedelta(minutes=1)
RETRY: Final = timedelta(minutes=5)
# Of one wake; after an outage each missed time still gets a file of its own.
AT_ONCE: Final = 20
# How many names are tried for one file, where others have them.
_NAMES: Final = 20
_LOCK: Final = 0x65787073  # "exps"


def plan(
    *, by: Party, of: exports.Dataset, filters: Mapping[str, str], form: str, packed: bool, every: str
) -> ExportSchedule:
    """A file of this dataset is written each day, week or month from now on, and the trail says who wanted it.

    Raises NoFolder where EXPORT_DIR is not set.
    """
    places.word()  # refuses where there is none
    moment = now()
    first = next_start(moment, every)
    assert first is not None  # noqa: S101 - every choice of Every recurs
    kept = {name: text for name, text in filters.items() if text and name not in ("since", "until")}
    with transaction.atomic():
        made = ExportSchedule.objects.create(
            dataset=of.name,
            filters=kept,
            form=form,
            packed=packed,
            every=every,
            since=moment,
            next_at=first,
            made_by_id=by.id,
            made_by_label=by.label[:200],
            created_at=moment,
        )
        record(
            "export.scheduled",
            by=by,
            about=_about(made),
            data={"filters": kept, "every": every, "form": form},
        )
    return made


def stop(*, by: Party, schedule: ExportSchedule) -> None:
    """No further file is written. Stale when it was stopped already."""
    with transaction.atomic():
        rows = ExportSchedule.objects.filter(pk=schedule.pk, stopped_at=None)
        if not rows.update(stopped_at=now()):
            raise Stale("It was stopped already. Nothing was changed.")
        record("export.schedule_stopped", by=by, about=_about(schedule))


def write_due() -> int:
    """Every file that is due is in its place, whole, with its manifest beside it; returns how many were written.

    What can not be written is tried again after five minutes, and told once; it holds up no other.
    """
    moment, done = now(), 0
    for pk in list(_due(moment).order_by("next_at").values_list("pk", flat=True)[:AT_ONCE]):
        done += _write_one(pk, moment)
    return done


def _due(moment: datetime) -> "QuerySet[ExportSchedule]":
    tried = Q(retry_at=None) | Q(retry_at__lte=moment)
    return ExportSchedule.objects.filter(tried, stopped_at=None, next_at__lte=moment - LAG)


def _write_one(pk: int, moment: datetime) -> int:
    with _held(pk) as ours:
        schedule = _due(moment).filter(pk=pk).first() if ours else None
        if schedule is None:
            return 0
        try:
            made, name = _written(schedule)
        except (OSError, NoKey, exports.UnknownDataset, places.NoFolder) as error:
            _failed(schedule, error, moment)
            return 0
        _note(schedule, made, name)
    log.info("export.written", schedule=pk, file=name)
    return 1


@contextmanager
def _held(pk: int) -> Iterator[bool]:
    """Whether this schedule is ours to write until the block ends: a lock of the connection, which ends with its worker.

    No transaction stays open while a file is written: it would hold back the sealing of the trail.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, pk])
        (ours,) = cursor.fetchone() or (False,)
        try:
            yield ours
        finally:
            if ours:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, pk])


def _note(schedule: ExportSchedule, made: Export, name: str) -> None:
    """The export stands in the list and in the trail, and the next file is planned; all or nothing."""
    following = next_start(schedule.next_at, schedule.every)
    with transaction.atomic():
        exports.keep(made)
        ExportSchedule.objects.filter(pk=schedule.pk).update(
            since=schedule.next_at, next_at=following, last_file=name[:200], last_error="", retry_at=None
        )


def _export(schedule: ExportSchedule) -> Export:
    """Return an export of the schedule's time; where the dataset knows no period, it holds what is there now."""
    of = exports.dataset(schedule.dataset)
    filters = dict(schedule.filters)
    if {"since", "until"} <= of.filters.base_fields.keys():
        until = schedule.next_at - timedelta(microseconds=1)
        filters |= {"since": schedule.since.isoformat(), "until": until.isoformat()}
    elif "as_of" in of.filters.base_fields:
        filters |= {"as_of": schedule.next_at.isoformat()}
    by = Party(schedule.made_by_id, schedule.made_by_label)
    return exports.drawn_up(by=by, of=of, filters=filters, form=schedule.form, packed=schedule.packed)


def _written(schedule: ExportSchedule) -> tuple[Export, str]:
    """The file and its manifest are in their place, each whole or not there; returns the export and the file's name.

    Where another file has the name already, which then is never written over, the next one has a number.
    """
    made = _export(schedule)
    stem, ending = f"{schedule.dataset}-{schedule.pk}-{schedule.next_at:%Y%m%dT%H%M%SZ}", _ending(made)
    for number in range(1, _NAMES + 1):
        name = f"{stem}.{ending}" if number == 1 else f"{stem}-{number}.{ending}"
        try:
            _put(schedule, made, name)
        except FileExistsError:
            if number == _NAMES:
                raise
        else:
            break
    return made, name


def _put(schedule: ExportSchedule, made: Export, name: str) -> None:
    # Closed whatever happens: a query that is still running would be in the way of the next.
    with closing(exports.stream(made, schedule=schedule.pk)) as chunks:
        places.put(name, chunks)
    said = manifests.of_export(made, file=name)
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    # A manifest that an attempt before this one signed for the very same bytes will do.
    places.put(f"{name}.manifest.json", [text.encode()], mark=made.digest)


def _ending(made: Export) -> str:
    return made.file_name.partition(".")[2]


def _failed(schedule: ExportSchedule, error: Exception, moment: datetime) -> None:
    words = f"{type(error).__name__}: {error}"
    ExportSchedule.objects.filter(pk=schedule.pk).update(last_error=words, retry_at=moment + RETRY)
    if schedule.last_error:
        log.warning("export.still_not_written", schedule=schedule.pk, error=words)
    else:
        why = f"The file could not be written and is tried again every five minutes. {words}"
        alarms.alarm("export.not_written", by=_MAKER, about=_about(schedule), why=why, data={"error": words})


def _about(schedule: ExportSchedule) -> About:
    return About(kind="export_schedule", id=str(schedule.pk), label=str(schedule))
