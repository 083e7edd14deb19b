"""The folder of OCSF JSON Lines: a file a day, on disk before the cursor moves, whole after a crash."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit_app.models import Event
from audit_app.shipping.folder import Folder
from audit_app.shipping.ship import ship
from tests.audit_app.trail_makers import many
from tests.shipping.makers import AT, cursor, due

pytestmark = pytest.mark.django_db


def lines(folder: Path) -> list[dict[str, Any]]:
    """Every line of every file, the files by name."""
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def uids(folder: Path) -> list[str]:
    return [line["metadata"]["uid"] for line in lines(folder)]


def trail() -> list[str]:
    return [str(uid) for uid in Event.objects.order_by("id").values_list("uid", flat=True)]


def at(moment: datetime, count: int = 3) -> None:
    many(count, at=moment)


def test_each_day_of_the_trail_has_its_file(tmp_path: Path) -> None:
    at(AT)
    at(AT + timedelta(days=1))
    ship(Folder(tmp_path / "ocsf"))
    assert [path.name for path in sorted((tmp_path / "ocsf").iterdir())] == [
        "latchportal-2026-11-26.jsonl",
        "latchportal-2026-11-27.jsonl",
    ]
    assert uids(tmp_path / "ocsf") == trail()


def test_nobody_but_its_owner_and_group_can_read_a_file(tmp_path: Path) -> None:
    at(AT)
    ship(Folder(tmp_path / "ocsf"))
    modes = [path.stat().st_mode & 0o007 for path in (tmp_path / "ocsf", *(tmp_path / "ocsf").iterdir())]
    assert modes == [0, 0]


def test_a_later_round_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for _ in range(3):
        at(AT)
        ship(Folder(tmp_path))
    assert uids(tmp_path) == trail()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("torn", [b'{"metadata":{"uid":"half', b'{"x":1}', b"\x00" * 200_000])
def test_a_line_torn_by_a_crash_is_cut_off_and_its_event_comes_again(tmp_path: Path, torn: bytes) -> None:
    at(AT)
    ship(Folder(tmp_path))
    with next(tmp_path.iterdir()).open("ab") as file:
        file.write(torn)
    at(AT)
    ship(Folder(tmp_path))
    assert uids(tmp_path) == trail()


def test_a_file_that_is_nothing_but_a_torn_line_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "latchportal-2026-11-26.jsonl").write_bytes(b'{"half')
    at(AT)
    ship(Folder(tmp_path))
    assert uids(tmp_path) == trail()


def test_lines_are_on_disk_before_the_cursor_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    really = os.fsync

    def seen(number: int) -> None:
        assert cursor("ocsf").shipped_to == 0
        synced.append(number)
        really(number)

    monkeypatch.setattr(os, "fsync", seen)
    at(AT)
    ship(Folder(tmp_path))
    assert len(synced) == 2, "the file, and the folder that holds its name"
    assert cursor("ocsf").shipped_to > 0


def test_a_folder_that_can_not_be_written_loses_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "ocsf"
    blocked.write_text("a file stands where the folder should be")
    at(AT)
    assert "FileExistsError" in ship(Folder(blocked)).error
    assert cursor("ocsf").shipped_to == 0
    blocked.unlink()
    due("ocsf")
    ship(Folder(blocked))
    assert uids(blocked) == trail()
