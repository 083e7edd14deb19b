"""Exports made again and again into a folder, with their manifests: planned, stopped, written when due. No page here."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction

from audit_app import alarms, exports, manifests
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


class NoFolder(Exception):
    """A regular export was asked for, and the portal was not told where to write it. Nothing was changed."""

    status = 409
    title = "There is no folder for it"
    check = "EXPORT_DIR"
    way_on = "Whoever runs the portal sets EXPORT_DIR; until then, fetch the file by hand."
    reason = "The portal was not told where to write regular exports."


def plan(
    *, by: Party, of: exports.Dataset, filters: Mapping[str, str], form: str, packed: bool, every: str
) -> ExportSchedule:
    """A file of this dataset is written each day, week or month from now on, and the trail says who wanted it.

    Raises NoFolder where EXPORT_DIR is not set.
    """
    if not settings.EXPORT_DIR:
        raise NoFolder(NoFolder.reason)
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
    """Every file that is due is in its folder, whole, with its manifest beside it; returns how many were written.

    What can not be written is tried again after five minutes, and told once; it holds up no other.
    """
    moment, done = now(), 0
    due = ExportSchedule.objects.filter(stopped_at=None, next_at__lte=moment - LAG)
    for pk in list(due.order_by("next_at").values_list("pk", flat=True)[:AT_ONCE]):
        done += _write_one(pk, moment)
    return done


def _write_one(pk: int, moment: datetime) -> int:
    with transaction.atomic():
        rows = ExportSchedule.objects.select_for_update(skip_locked=True).filter(pk=pk, stopped_at=None)
        schedule = rows.filter(next_at__lte=moment - LAG).first()
        if schedule is None or (schedule.retry_at and schedule.retry_at > moment):
            return 0
        try:
            with transaction.atomic():
                made = _export(schedule)
                name = _put(schedule, made)
        except (OSError, NoKey, exports.UnknownDataset, NoFolder) as error:
            _failed(schedule, error, moment)
            return 0
        following = next_start(schedule.next_at, schedule.every)
        ExportSchedule.objects.filter(pk=pk).update(
            since=schedule.next_at, next_at=following, last_file=name[:200], last_error="", retry_at=None
        )
    log.info("export.written", schedule=pk, file=name)
    return 1


def _export(schedule: ExportSchedule) -> Export:
    """An export of the schedule's time exists; where the dataset knows no period, it holds what is there now."""
    of = exports.dataset(schedule.dataset)
    filters = dict(schedule.filters)
    if {"since", "until"} <= of.filters.base_fields.keys():
        until = schedule.next_at - timedelta(microseconds=1)
        filters |= {"since": schedule.since.isoformat(), "until": until.isoformat()}
    elif "as_of" in of.filters.base_fields:
        filters |= {"as_of": schedule.next_at.isoformat()}
    by = Party(schedule.made_by_id, schedule.made_by_label)
    return exports.start(by=by, of=of, filters=filters, form=schedule.form, packed=schedule.packed)


def _put(schedule: ExportSchedule, made: Export) -> str:
    """The file and its manifest are in the folder, on the disk, each whole or not there; returns the file's name."""
    if not settings.EXPORT_DIR:
        raise NoFolder(NoFolder.reason)
    folder = Path(settings.EXPORT_DIR)
    ending = made.file_name.partition(".")[2]
    name = f"{schedule.dataset}-{schedule.pk}-{schedule.next_at:%Y%m%dT%H%M%SZ}.{ending}"
    with closing(exports.stream(made, schedule=schedule.pk)) as chunks:
        _whole(folder / name, chunks)
    made.refresh_from_db()
    said = manifests.of_export(made, file=name)
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    _whole(folder / f"{name}.manifest.json", [text.encode()])
    return name


def _whole(path: Path, chunks: Iterable[bytes]) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


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
