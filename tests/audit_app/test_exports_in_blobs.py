"""Regular exports into a container, by the real SDK over the wire: whole or not there, tried again, never written over."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection

from audit_app import exports, schedules, signing, verify
from audit_app.clock import now
from audit_app.models import Event, Export, ExportSchedule
from audit_app.tasks import regular_exports
from tests.audit_app.trail_makers import ADA, happened, many
from tests.support.convergence import at
from tests.support.devcloud import Devcloud
from tests.support.environment import ROOT
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
COMMITS = {"method": "BLOB_COMMIT"}


@pytest.fixture
def storage(azure: Devcloud, settings: Any) -> Devcloud:
    """Regular exports go to a container of the pretend Azure that holds nothing yet."""
    settings.EXPORT_DIR = f"{azure.url}/latchtrail/exports/portal"
    return azure


def planned(**more: Any) -> ExportSchedule:
    asked = {"filters": {}, "form": "jsonl", "packed": False, "every": "daily"}
    return schedules.plan(by=ADA, of=exports.dataset("events"), **{**asked, **more})


def written(schedule: ExportSchedule, minutes: float = 2) -> int:
    """Return how many files were written, so many minutes after the file's time was over."""
    with at(schedule.next_at + timedelta(minutes=minutes)):
        return regular_exports()


def names(storage: Devcloud) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in storage.blobs())


def whys(storage: Devcloud, name: str) -> list[str]:
    return [json.loads(line)["why"] for line in storage.blob(f"exports/portal/{name}").splitlines()]


def checked(storage: Devcloud, name: str, folder: Path, capsys: Any) -> str:
    """Return what the offline verifier says of a file and the manifest beside it, both downloaded."""
    for path in (name, f"{name}.manifest.json"):
        (folder / path).write_bytes(storage.blob(f"exports/portal/{path}"))
    (folder / "keys.json").write_text(json.dumps(signing.jwks()))
    words = ["file", str(folder / name), "--manifest", str(folder / f"{name}.manifest.json")]
    verify.main([*words, "--keys", str(folder / "keys.json")])
    return str(capsys.readouterr().out)


def test_each_file_is_in_the_container_with_a_sound_manifest_beside_it(
    storage: Devcloud, tmp_path: Path, capsys: Any
) -> None:
    schedule = planned(packed=True)
    many(2000)
    assert (written(schedule), written(schedule)) == (1, 0)
    name, manifest = names(storage)
    assert manifest == f"{name}.manifest.json"
    assert checked(storage, name, tmp_path, capsys).startswith("sound: 2001 rows of events")
    made = Export.objects.get()
    assert made.rows == 2001
    assert Event.objects.get(kind="export.started").object_id == str(made.uid)
    schedule.refresh_from_db()
    assert (schedule.last_file, schedule.last_error) == (name, "")


def test_a_service_that_is_away_is_told_once_and_tried_until_it_is_back(storage: Devcloud) -> None:
    schedule = planned()
    happened(why="kept")
    storage.control("POST", "blobs", {"role": False})
    assert [written(schedule, minutes) for minutes in (2, 3, 8)] == [0, 0, 0]
    schedule.refresh_from_db()
    assert "403 AuthorizationPermissionMismatch" in schedule.last_error
    assert Event.objects.filter(kind="export.not_written").count() == 1
    assert not Export.objects.exists(), "an export that came to nothing stands in the list"
    storage.control("POST", "blobs", {"role": True})
    assert written(schedule, 14) == 1
    schedule.refresh_from_db()
    assert schedule.last_error == ""


def test_an_outage_while_it_is_written_leaves_nothing_to_be_seen(storage: Devcloud) -> None:
    schedule = planned()
    happened(why="kept")
    storage.fault("server_error", match=COMMITS, times=None)
    assert written(schedule) == 0
    assert storage.blobs() == {}
    storage.control("DELETE", "faults")
    assert written(schedule, 8) == 1
    assert len(names(storage)) == 2


def test_a_query_that_breaks_off_is_in_nobodys_way(
    storage: Devcloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = planned()
    many(5000)
    whole = exports.stream

    def breaks(made: Export, **more: Any) -> Any:
        for number, chunk in enumerate(whole(made, **more)):
            yield chunk
            if number == 2:
                raise OSError("No route to host")

    with monkeypatch.context() as patch:
        patch.setattr(exports, "stream", breaks)
        assert written(schedule) == 0
    schedule.refresh_from_db()
    assert "No route to host" in schedule.last_error
    assert storage.blobs() == {}
    assert written(schedule, 8) == 1


def test_a_lost_answer_makes_no_second_file(storage: Devcloud) -> None:
    schedule = planned()
    happened(why="once")
    storage.fault("drop_connection", match=COMMITS, applied=True, times=2)
    assert written(schedule) == 1
    assert len(names(storage)) == 2


def test_a_file_that_is_there_stays_and_the_next_has_a_number(
    storage: Devcloud, tmp_path: Path, capsys: Any
) -> None:
    schedule = planned()
    happened(why="before")
    name = f"events-{schedule.pk}-{schedule.next_at:%Y%m%dT%H%M%SZ}"
    assert written(schedule) == 1
    # As after a restore: the schedule knows nothing of its file, and something else is in it now.
    ExportSchedule.objects.filter(pk=schedule.pk).update(since=schedule.since, next_at=schedule.next_at)
    with at(schedule.since + timedelta(seconds=1)):
        happened(why="later")
    assert written(schedule, 3) == 1
    assert "later" not in whys(storage, f"{name}.jsonl")
    assert "later" in whys(storage, f"{name}-2.jsonl")
    assert checked(storage, f"{name}.jsonl", tmp_path, capsys).startswith("sound")
    assert checked(storage, f"{name}-2.jsonl", tmp_path, capsys).startswith("sound")


WORKER = """
import django
django.setup()
from audit_app.tasks import regular_exports
regular_exports()
"""


@pytest.mark.slow
def test_a_worker_killed_between_file_and_manifest_is_taken_over_from_at_once(
    storage: Devcloud, tmp_path: Path, capsys: Any
) -> None:
    schedule, moment = planned(), now()
    many(50, at=moment - timedelta(hours=2))
    ended = moment - timedelta(minutes=5)
    ExportSchedule.objects.filter(pk=schedule.pk).update(since=moment - timedelta(days=1), next_at=ended)
    # The list of the file is answered late: the file is there, its manifest is not, and the database knows of neither.
    storage.fault("slow", match=COMMITS, times=None, seconds=20)
    environment = {**os.environ, "DATABASE_URL": _database(), "EXPORT_DIR": django_settings.EXPORT_DIR}
    worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
    try:
        until(lambda: len(names(storage)) == 1, seconds=60)
        assert regular_exports() == 0, "the file is another worker's"
    finally:
        worker.kill()
        worker.wait(10)
    storage.control("DELETE", "faults")
    until(lambda: regular_exports() == 1, seconds=60)
    name, manifest = names(storage)
    assert manifest == f"{name}.manifest.json", "the very same file was not written a second time"
    assert checked(storage, name, tmp_path, capsys).startswith("sound: 50 rows")


def test_no_transaction_is_open_while_a_file_is_written(
    storage: Devcloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = planned()
    happened(why="kept")
    seen = []
    whole = exports.stream

    def looks(made: Export, **more: Any) -> Any:
        seen.append(connection.in_atomic_block)
        yield from whole(made, **more)

    monkeypatch.setattr(exports, "stream", looks)
    assert written(schedule) == 1
    assert seen == [False], "it would hold back sealing"


def test_the_page_says_container(client_for: Any, people: Any, policy: Any, storage: Devcloud) -> None:
    page = client_for(people["administrator"]).get("/audit/exports/").content.decode()
    assert "into the portal’s container" in page


def _database() -> str:
    """The address of this test's database; Django renamed it, the environment still names the one before."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
