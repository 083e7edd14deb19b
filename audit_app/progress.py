"""How far the making of a file has come, told while it streams: seldom, and beside it. What the file holds is exports.py's.

A thread tells it, by a connection of its own: the stream never waits for that, and its transaction knows nothing of it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final
from uuid import UUID

import structlog
from django.db import DatabaseError, connection

from audit_app.clock import now
from audit_app.models import Export, ExportRun

log = structlog.get_logger("latch.exports")
# What is made sooner leaves no row.
EACH_SECONDS: Final = 2.0
# Nobody looks for the news of a file for longer; what was exported stands in the trail for ever.
KEPT: Final = timedelta(days=30)
_LAST_WORD_SECONDS: Final = 5.0


class Progress:
    """Around the making of a file: what stands in `rows` and `size` is told every two seconds, and how it ended.

    What can not be told is left untold; the file goes on.
    """

    def __init__(self, made: Export, *, schedule: int | None, expected: Callable[[], int | None]) -> None:
        self.rows = self.size = 0
        self._made, self._schedule, self._expected = made, schedule, expected
        self._outcome = ExportRun.Outcome.RUNNING
        self._over = threading.Event()
        self._run: ExportRun | None = None
        self._teller = threading.Thread(target=self._tell, name="export-progress", daemon=True)

    def __enter__(self) -> "Progress":
        self._began = now()
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outcome = ExportRun.Outcome.BROKEN_OFF if kind else ExportRun.Outcome.DONE
        self._over.set()
        self._teller.join(_LAST_WORD_SECONDS)

    def _tell(self) -> None:
        try:
            while not self._over.wait(EACH_SECONDS):
                self._write()
            if self._run or self._outcome == ExportRun.Outcome.BROKEN_OFF:
                self._write()
        finally:
            connection.close()

    def _write(self) -> None:
        try:
            run = self._run or self._first()
            moment = now()
            run.rows, run.size, run.seen_at, run.outcome = self.rows, self.size, moment, self._outcome
            run.ended_at = moment if run.outcome != ExportRun.Outcome.RUNNING else None
            run.save()
            self._run = run
        except DatabaseError as error:
            log.warning("export.progress_untold", export=str(self._made.uid), error=str(error))
            connection.close()

    def _first(self) -> ExportRun:
        """A new row, and none is left that is too old to be news."""
        ExportRun.objects.filter(seen_at__lt=now() - KEPT).delete()
        ending = self._outcome != ExportRun.Outcome.RUNNING
        return ExportRun(
            export=self._made.uid,
            schedule=self._schedule,
            began_at=self._began,
            expected=None if ending else self._expected(),
        )


@dataclass(frozen=True)
class News:
    """One run that is worth saying, and whether it goes on."""

    run: ExportRun
    runs: bool


def of_exports(since: Mapping[UUID, datetime | None], moment: datetime) -> dict[UUID, News]:
    """Return what is worth saying of these exports: what runs, and what came to nothing since each was made whole."""
    latest = ExportRun.objects.filter(export__in=list(since)).order_by("export", "-id").distinct("export")
    return {
        run.export: News(run, run.is_running(moment))
        for run in latest
        if run.is_news(moment, since[run.export])
    }


def of_schedules(since: Mapping[int, datetime], moment: datetime) -> dict[int, News]:
    """Return what is worth saying of these regular exports: what runs, and what came to nothing since each was due."""
    latest = (
        ExportRun.objects.filter(schedule__in=list(since)).order_by("schedule", "-id").distinct("schedule")
    )
    return {
        run.schedule: News(run, run.is_running(moment))
        for run in latest
        if run.schedule is not None and run.is_news(moment, since[run.schedule])
    }
