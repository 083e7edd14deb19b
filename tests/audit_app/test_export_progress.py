"""How far an export has come: told while it streams, seldom, beside it; and what a reader who went away leaves."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import DatabaseError

from audit_app import exports, places, progress, schedules
from audit_app.clock import now
from audit_app.models import Export, ExportRun
from audit_app.tasks import regular_exports
from tests.audit_app.trail_makers import ADA, many
from tests.support.races import at_once
from tests.support.waiting import until

# Another connection tells of it, so what is told has to be committed.
pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = 5000


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EACH_SECONDS", 0.02)


@pytest.fixture
def made() -> Export:
    many(EVENTS)
    return exports.start(by=ADA, of=exports.dataset("events"), filters={})


def beside(act: Callable[[], Any]) -> Any:
    """What this returns on another connection: one that streams takes no other question."""
    (answer,) = at_once(act)
    if isinstance(answer, Exception):
        raise answer
    return answer


def run_of(made: Export, **more: Any) -> ExportRun | None:
    return ExportRun.objects.filter(export=made.uid, **more).first()


def region(client: Any) -> str:
    page: str = client.get("/audit/exports/", headers={"HX-Request": "true"}).content.decode()
    return page


def test_a_running_export_tells_rows_bytes_and_how_many_are_to_come(
    made: Export, auditor: Any, client_for: Any
) -> None:
    chunks = exports.stream(made)
    first = len(next(chunks))
    # This reader takes its time; what was made is told all the same.
    run = until(lambda: beside(lambda: run_of(made, size=first)), "a word of the first chunk")
    assert (run.outcome, run.ended_at) == ("running", None)
    assert 0 < run.rows < EVENTS
    assert run.expected
    page = beside(lambda: region(client_for(auditor)))
    assert "Running" in page
    assert f"{run.rows:,}" in page
    assert 'hx-trigger="every 2s"' in page
    for _ in chunks:
        pass
    run.refresh_from_db()
    assert (run.outcome, run.rows) == ("done", EVENTS)
    page = region(client_for(auditor))
    assert "Running" not in page
    assert "every 2s" not in page, "it asks on though nothing runs"


def test_a_reader_who_goes_away_leaves_it_broken_off_until_it_was_fetched_whole(
    made: Export, auditor: Any, client_for: Any
) -> None:
    client = client_for(auditor)
    answer = client.get(f"/audit/exports/{made.uid}/file")
    reading = iter(answer.streaming_content)
    next(reading)
    answer.close()
    run = ExportRun.objects.get(export=made.uid)
    assert (run.outcome, 0 < run.rows < EVENTS) == ("broken_off", True)
    page = client.get("/audit/exports/").content.decode()
    assert "Broken off" in page
    assert f"{run.rows:,} rows" in page
    client.get(f"/audit/exports/{made.uid}/file").getvalue()
    assert "Broken off" not in client.get("/audit/exports/").content.decode()


def test_the_query_that_fails_leaves_it_broken_off(made: Export) -> None:
    chunks = exports.stream(made)
    next(chunks)
    with pytest.raises(DatabaseError):
        chunks.throw(DatabaseError("the server closed the connection"))
    assert ExportRun.objects.get(export=made.uid).outcome == "broken_off"


def test_one_whose_process_died_is_heard_of_no_more(auditor: Any, made: Export, client_for: Any) -> None:
    moment = now() - timedelta(minutes=1)
    ExportRun.objects.create(export=made.uid, began_at=moment, seen_at=moment, rows=4321, size=10)
    page = region(client_for(auditor))
    assert "Broken off" in page
    assert "4,321 rows" in page
    assert "every 2s" not in page


def test_what_is_made_in_a_moment_leaves_no_row_and_opens_no_connection(
    made: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EACH_SECONDS", 60.0)
    before = threading.active_count()
    assert sum(len(chunk) for chunk in exports.stream(made)) > 1_000_000
    assert not ExportRun.objects.exists()
    assert threading.active_count() == before


def test_a_database_that_takes_no_word_of_it_spoils_no_file(
    made: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def fails(*_: Any, **__: Any) -> None:
        tried.set()
        raise DatabaseError("too many clients already")

    monkeypatch.setattr(ExportRun, "save", fails)
    chunks = exports.stream(made)
    next(chunks)
    assert tried.wait(20), "nobody tried to tell of it"
    for _ in chunks:
        pass
    made.refresh_from_db()
    assert made.rows == EVENTS


def test_the_estimate_is_the_databases_and_the_second_time_the_count_of_the_first(made: Export) -> None:
    assert (exports.expected(made) or 0) > 0
    for _ in exports.stream(made):
        pass
    made.refresh_from_db()
    assert exports.expected(made) == EVENTS


@pytest.mark.parametrize(
    ("rows", "expected", "percent"), [(5, 10, 50), (11, 10, None), (5, 0, None), (5, None, None)]
)
def test_an_estimate_that_was_passed_is_not_told(
    rows: int, expected: int | None, percent: int | None
) -> None:
    assert ExportRun(rows=rows, expected=expected).percent == percent


def test_a_regular_export_is_followed_while_it_runs_and_when_it_broke_off(
    tmp_path: Path, settings: Any, auditor: Any, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPORT_DIR = str(tmp_path)
    schedule = schedules.plan(
        by=ADA, of=exports.dataset("events"), filters={}, form="csv", packed=False, every="daily"
    )
    many(EVENTS)
    seen: list[str] = []
    write = places._whole

    def watched(path: Path, chunks: Iterator[bytes]) -> None:
        next(chunks)
        told = ExportRun.objects.filter(schedule=schedule.pk, rows__gt=0)
        until(lambda: beside(told.exists), "a word of it")
        seen.append(beside(lambda: region(client_for(auditor))))
        raise OSError("No space left on device")

    with time_machine.travel(schedule.next_at + timedelta(minutes=2), tick=True):
        monkeypatch.setattr(places, "_whole", watched)
        assert regular_exports() == 0
        monkeypatch.setattr(places, "_whole", write)
        page = region(client_for(auditor))
    assert "Running" in seen[0]
    assert "every 2s" in seen[0]
    assert "Broken off" in page
    assert "No space left" in page
    with time_machine.travel(schedule.next_at + timedelta(minutes=9), tick=True):
        assert regular_exports() == 1
        assert "Broken off" not in region(client_for(auditor))


def test_another_exports_run_is_not_taken_for_this_ones(made: Export, auditor: Any, client_for: Any) -> None:
    ExportRun.objects.create(export=uuid4(), schedule=99, began_at=now(), seen_at=now())
    assert "Running" not in region(client_for(auditor))


def test_what_is_too_old_to_be_news_is_gone_once_another_file_is_made(made: Export) -> None:
    with time_machine.travel(now() - progress.KEPT - timedelta(hours=1)):
        old = ExportRun.objects.create(export=uuid4(), began_at=now(), seen_at=now())
    with time_machine.travel(now() - progress.KEPT + timedelta(hours=1)):
        kept = ExportRun.objects.create(export=uuid4(), began_at=now(), seen_at=now())
    chunks = exports.stream(made)
    next(chunks)
    until(lambda: beside(lambda: run_of(made)), "a word of this one")
    for _ in chunks:
        pass
    assert not ExportRun.objects.filter(pk=old.pk).exists()
    assert ExportRun.objects.filter(pk=kept.pk).exists()
