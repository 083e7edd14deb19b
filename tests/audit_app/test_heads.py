"""Heads leave the database at once; a destination that is away costs neither a seal nor, in the end, a line."""

import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from structlog.testing import capture_logs

from audit_app import heads, jose, tasks
from audit_app.clock import now
from audit_app.models import HeadCursor, Seal
from requests_app import keyring
from tests.audit_app.trail_makers import happened

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]


def sealed() -> None:
    happened()
    tasks.seal()


@pytest.fixture
def file(settings: Any, tmp_path: Path) -> Path:
    settings.TRAIL_HEADS = f"file://{tmp_path}/heads.jsonl"
    return tmp_path / "heads.jsonl"


def told(file: Path) -> list[int]:
    return [json.loads(line)["seal"] for line in file.read_text().splitlines()]


def test_every_seal_is_in_the_file_at_once_and_signed(file: Path) -> None:
    for _ in range(3):
        sealed()
    assert told(file) == [1, 2, 3]
    last = json.loads(file.read_text().splitlines()[-1])
    assert jose.checker(keyring.seal_jwks())(last["jws"], jose.SEAL_TYPE)
    assert HeadCursor.objects.get().sequence == 3


def test_without_a_destination_nothing_is_asked_of_the_database(django_assert_num_queries: Any) -> None:
    sealed()
    with django_assert_num_queries(0):
        assert heads.hand_over() == 0


def test_nothing_new_is_one_query(file: Path, django_assert_num_queries: Any) -> None:
    sealed()
    with django_assert_num_queries(1):
        assert heads.hand_over() == 0
    assert told(file) == [1]


def test_a_destination_that_is_away_stops_no_seal_and_is_told_all_later(
    settings: Any, tmp_path: Path
) -> None:
    settings.TRAIL_HEADS = f"file://{tmp_path}/not/yet/heads.jsonl"
    with capture_logs() as logs:
        sealed()
        sealed()
    assert Seal.objects.count() == 2
    # Tried once: the second second is within the pause after a failure.
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["heads.not_handed_over"]
    (tmp_path / "not" / "yet").mkdir(parents=True)
    with time_machine.travel(now() + timedelta(seconds=11)):
        assert heads.hand_over() == 2
    assert told(tmp_path / "not" / "yet" / "heads.jsonl") == [1, 2]
    assert HeadCursor.objects.get().failing_since is None


def test_what_was_not_noted_as_handed_over_comes_again(file: Path) -> None:
    sealed()
    HeadCursor.objects.update(sequence=0)
    heads.hand_over()
    assert told(file) == [1, 1]


def test_a_line_that_was_cut_short_spoils_no_other(file: Path) -> None:
    file.write_bytes(b'{"seal": 9, "ha')
    sealed()
    assert json.loads(file.read_text().splitlines()[1])["seal"] == 1


def test_who_died_with_heads_in_hand_is_taken_over_from(file: Path) -> None:
    happened()
    HeadCursor.objects.create(destination=f"file://{file}", due_at=now() + heads.CLAIM)
    tasks.seal()
    assert not file.exists()
    with time_machine.travel(now() + heads.CLAIM):
        assert heads.hand_over() == 1


@pytest.mark.parametrize("scheme", ["syslog", "syslog+tcp"])
def test_syslog_is_told_as_rfc_5424_has_it(settings: Any, scheme: str) -> None:
    kind = socket.SOCK_STREAM if scheme.endswith("tcp") else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        settings.TRAIL_HEADS = f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
        server.settimeout(5)
        if kind == socket.SOCK_STREAM:
            server.listen()
            sealed()
            message = server.accept()[0].makefile("rb").read()
            length, _, message = message.partition(b" ")
            assert int(length) == len(message)
        else:
            sealed()
            message = server.recv(65536)
    head, said = message.decode().split(" - seal - ")
    assert head.startswith("<109>1 2")
    assert " latchportal" in head
    assert json.loads(said)["seal"] == 1


def test_the_local_syslog_is_told_too(settings: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        server.settimeout(5)
        settings.TRAIL_HEADS = f"syslog://{tmp_path}/log"
        sealed()
        assert b'"seal":1' in server.recv(65536)


def test_a_syslog_that_refuses_is_tried_again(settings: Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.TRAIL_HEADS = f"syslog+tcp://127.0.0.1:{nobody.getsockname()[1]}"
        sealed()
    assert Seal.objects.count() == 1
    assert HeadCursor.objects.get().failing_since is not None
