"""Regular exports: each time gets its file, whole, once, with its manifest; nothing is lost by an outage or a full disk."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from audit_app import exports, schedules, signing, verify
from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Event, Export, ExportSchedule
from audit_app.tasks import regular_exports
from requests_app import eligibility
from tests.audit_app.trail_makers import ADA, happened

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where regular exports go."""
    settings.EXPORT_DIR = str(tmp_path)
    return tmp_path


def planned(dataset: str = "events", **more: Any) -> ExportSchedule:
    asked = {"filters": {"kind": "request.submitted"}, "form": "csv", "packed": False, "every": "daily"}
    return schedules.plan(by=ADA, of=exports.dataset(dataset), **{**asked, **more})


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".manifest.json"))


def told(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["why"] for row in csv.DictReader(file)]


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=True)


def test_each_day_gets_its_file_with_what_happened_in_it_and_no_event_twice(folder: Path) -> None:
    began = now()
    schedule = planned()
    for day in range(3):
        with at(began + timedelta(days=day, hours=3)):
            happened(why=f"day {day}")
    with at(schedule.next_at):
        happened(why="at the very turn")
        assert regular_exports() == 0, "what was written in the last instant may not be committed yet"
    with at(began + timedelta(days=1, minutes=2)):
        assert regular_exports() == 1
        assert regular_exports() == 0, "the same file was written twice"
    with at(began + timedelta(days=3, minutes=2)):
        # Two days went by without a worker.
        assert regular_exports() + regular_exports() + regular_exports() == 2
    assert [told(folder / name) for name in files(folder)] == [
        ["day 0"],
        ["day 1", "at the very turn"],
        ["day 2"],
    ]


def test_each_file_is_sound_by_the_manifest_beside_it(folder: Path, capsys: Any) -> None:
    schedule = planned(form="jsonl", packed=True)
    happened(why="something")
    with at(schedule.next_at + timedelta(minutes=2)):
        regular_exports()
    (name,) = files(folder)
    assert name.endswith(".jsonl.gz")
    keys = folder.parent / "keys.json"
    keys.write_text(json.dumps(signing.jwks()))
    manifest = folder / f"{name}.manifest.json"
    assert json.loads(manifest.read_text())["manifest"]["file"] == name
    words = ["file", str(folder / name), "--manifest", str(manifest), "--keys", str(keys)]
    assert verify.main(words) == 0, capsys.readouterr().out


def test_planning_writing_and_stopping_stand_in_the_trail(folder: Path) -> None:
    schedule = planned()
    with at(schedule.next_at + timedelta(minutes=2)):
        regular_exports()
        schedules.stop(by=ADA, schedule=schedule)
        with pytest.raises(Stale):
            schedules.stop(by=ADA, schedule=schedule)
    with at(schedule.next_at + timedelta(days=3)):
        assert regular_exports() == 0
    kinds = list(
        Event.objects.filter(kind__startswith="export").order_by("id").values_list("kind", flat=True)
    )
    assert kinds == ["export.scheduled", "export.started", "export.schedule_stopped"]
    assert Event.objects.get(kind="export.started").actor_id == ADA.id


def test_a_folder_that_can_not_be_written_is_told_once_and_tried_until_it_can(
    folder: Path, settings: Any
) -> None:
    schedule = planned()
    settings.EXPORT_DIR = str(folder / "not-there")
    late = schedule.next_at + timedelta(minutes=2)
    for minutes in (0, 1, 6, 12):
        with at(late + timedelta(minutes=minutes)):
            assert regular_exports() == 0
    schedule.refresh_from_db()
    assert "not-there" in schedule.last_error
    assert Event.objects.filter(kind="export.not_written").count() == 1
    assert not Export.objects.exists(), "an export that came to nothing stands in the list"
    (folder / "not-there").mkdir()
    with at(late + timedelta(minutes=18)):
        assert regular_exports() == 1
    schedule.refresh_from_db()
    assert schedule.last_error == ""


def test_a_file_that_breaks_off_is_not_there_under_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = planned()
    whole = exports.stream

    def breaks(made: Export, schedule: int) -> Any:
        yield b"half a header"
        raise OSError("No space left on device")

    with at(schedule.next_at + timedelta(minutes=2)):
        monkeypatch.setattr(exports, "stream", breaks)
        assert regular_exports() == 0
        assert [name for name in files(folder) if not name.startswith(".")] == []
    with at(schedule.next_at + timedelta(minutes=9)):
        monkeypatch.setattr(exports, "stream", whole)
        assert regular_exports() == 1


def test_eligibility_is_written_as_of_the_turn(people: Any, policy: Any, folder: Path) -> None:
    eligibility.refresh()
    schedule = planned("eligibility", filters={}, every="weekly")
    with at(schedule.next_at + timedelta(minutes=2)):
        assert regular_exports() == 1
    made = Export.objects.get()
    assert made.filters == {"as_of": schedule.next_at.isoformat()}
    assert made.rows


def test_administrators_plan_and_stop_and_nobody_else(
    client_for: Any, people: Any, policy: Any, folder: Path
) -> None:
    asked = {"dataset": "events", "every": "weekly", "form": "csv"}
    assert client_for(people["auditor"]).post("/audit/exports/new", asked).status_code == 403
    client = client_for(people["administrator"])
    assert client.post("/audit/exports/new", {**asked, "every": "hourly"}).status_code == 404
    assert client.post("/audit/exports/new", asked)["Location"] == "/audit/exports/"
    schedule = ExportSchedule.objects.get()
    page = client_for(people["auditor"]).get("/audit/exports/").content.decode()
    assert "Events, every week" in page
    assert f"/audit/exports/regular/{schedule.pk}/stop" not in page
    client.post(f"/audit/exports/regular/{schedule.pk}/stop")
    schedule.refresh_from_db()
    assert schedule.stopped_at


def test_without_a_folder_nothing_is_planned(
    client_for: Any, people: Any, policy: Any, settings: Any
) -> None:
    settings.EXPORT_DIR = ""
    client = client_for(people["administrator"])
    answer = client.post("/audit/exports/new", {"dataset": "events", "every": "daily"})
    assert answer.status_code == 409
    assert "EXPORT_DIR" in answer.content.decode()
    assert not ExportSchedule.objects.exists()
