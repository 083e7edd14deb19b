"""Heads in an append blob, by the real SDK over the wire: outages, lost answers, full blobs, a cut-off tail found."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from audit_app import heads, jose, tasks
from audit_app.clock import now
from audit_app.models import HeadCursor, Seal
from requests_app import blob_way, keyring
from tests.audit_app.chain_makers import Outside, inside, sealed_trail
from tests.audit_app.trail_makers import happened
from tests.support import own_cluster
from tests.support.convergence import at
from tests.support.devcloud import Devcloud
from tests.support.environment import ROOT
from tests.support.own_cluster import behind_the_guards
from tests.support.waiting import until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]
APPENDS = {"method": "BLOB_APPEND"}
CUT = (
    "DELETE FROM audit_app_seal WHERE sequence = 3",
    "DELETE FROM audit_app_event WHERE id IN (SELECT event_id FROM audit_app_sealedevent WHERE position > 8)",
    "DELETE FROM audit_app_sealedevent WHERE position > 8",
)


@pytest.fixture
def storage(azure: Devcloud, settings: Any) -> Devcloud:
    """Heads go to a container of the pretend Azure that holds nothing yet."""
    settings.TRAIL_HEADS = f"{azure.url}/latchtrail/heads/trail"
    heads._number.clear()
    return azure


def sealed(seals: int = 1) -> None:
    for _ in range(seals):
        happened()
        tasks.seal()


def told(storage: Devcloud) -> list[int]:
    """The numbers of the seals in the container, blob after blob."""
    lines = [line for path in sorted(storage.blobs()) for line in storage.blob(path).splitlines()]
    return [json.loads(line)["seal"] for line in lines]


def again(seconds: float = 11) -> int:
    """Hand over once more, so much later."""
    with at(now() + timedelta(seconds=seconds)):
        return heads.hand_over()


def download(storage: Devcloud, folder: Path) -> Path:
    """Every blob is a file in the folder, as a download of the container leaves it."""
    for path in storage.blobs():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(storage.blob(path))
    return folder


def test_every_seal_is_in_the_days_blob_at_once_and_signed(storage: Devcloud) -> None:
    sealed(3)
    assert list(storage.blobs()) == [f"heads/trail-{now():%Y-%m-%d}.jsonl"]
    assert told(storage) == [1, 2, 3]
    (path,) = storage.blobs()
    last = json.loads(storage.blob(path).splitlines()[-1])
    assert jose.checker(keyring.seal_jwks())(last["jws"], jose.SEAL_TYPE)
    assert storage.blobs()[path]["blocks"] == 3
    assert HeadCursor.objects.get().sequence == 3


def test_an_outage_loses_no_head_and_stops_no_sealing(storage: Devcloud, settings: Any) -> None:
    sealed()
    where = settings.TRAIL_HEADS
    storage.fault("server_error", match=APPENDS, times=None)
    with capture_logs() as logs:
        sealed(3)
    assert Seal.objects.count() == 4
    (line,) = [line for line in logs if line["event"] == "heads.not_handed_over"]
    assert "500 InternalError" in line["error"]
    storage.control("DELETE", "faults")
    # Back, and ill at first: it hangs up, then takes what it does not say it took.
    storage.fault("drop_connection", match=APPENDS)
    storage.fault("drop_connection", match=APPENDS, applied=True)
    assert [again(11), again(22), again(33)] == [0, 0, 3]
    assert told(storage) == [1, 2, 3, 4, 2, 3, 4], "a line may come twice, never not at all"
    assert HeadCursor.objects.get(destination=where).failing_since is None


@pytest.mark.parametrize("fault", ["throttle", "forbidden", "token_revoked"])
def test_a_refusal_is_told_and_tried_again(storage: Devcloud, fault: str) -> None:
    storage.fault(fault, match=APPENDS)
    sealed()
    assert (Seal.objects.count(), told(storage)) == (1, [])
    assert again() == 1
    assert told(storage) == [1]


def test_a_service_that_never_answers_holds_up_sealing_for_seconds(
    storage: Devcloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed()
    storage.fault("hang", match=APPENDS, times=None)
    began = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(blob_way, "PATIENCE_SECONDS", 0.3)
        sealed(2)
    assert time.monotonic() - began < 2
    assert Seal.objects.count() == 3
    storage.control("DELETE", "faults")
    # What was given up ends by its own limit, and nothing is sent beside it.
    assert until(again, "what was given up to end") == 2
    assert set(told(storage)) == {1, 2, 3}


def test_a_full_blob_is_followed_by_another_one(storage: Devcloud) -> None:
    storage.control("POST", "blobs", {"limits": {"blocks": 2}})
    sealed(3)
    heads._number.clear()  # another process, which has to find out by itself
    sealed(2)
    day = f"heads/trail-{now():%Y-%m-%d}"
    assert sorted(storage.blobs()) == sorted([f"{day}.jsonl", f"{day}-2.jsonl", f"{day}-3.jsonl"])
    assert sorted(told(storage)) == [1, 2, 3, 4, 5]


def test_a_new_day_has_a_new_blob(storage: Devcloud) -> None:
    sealed()
    with at(now() + timedelta(days=1)):
        happened()
        tasks.seal()
    assert [one["blocks"] for one in storage.blobs().values()] == [1, 1]


def test_a_container_that_is_not_there_is_told_and_not_made(storage: Devcloud) -> None:
    storage.control("POST", "blobs", {"drop": ["heads"]})
    with capture_logs() as logs:
        sealed()
    (line,) = [line for line in logs if line["event"] == "heads.not_handed_over"]
    assert "404 ContainerNotFound" in line["error"]
    storage.control("POST", "blobs", {"make": ["heads"]})
    assert again() == 1


def test_heads_stay_where_a_policy_lets_nothing_be_changed(storage: Devcloud) -> None:
    storage.control("POST", "blobs", {"immutable": {"heads": "policy with protected append writes"}})
    sealed(2)
    assert told(storage) == [1, 2]


WORKER = """
import django
django.setup()
from audit_app import heads
print("handing over", flush=True)
heads.hand_over()
"""


@pytest.mark.slow
def test_a_worker_killed_before_azure_answered_is_taken_over_from(
    storage: Devcloud, settings: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = settings.TRAIL_HEADS
    settings.TRAIL_HEADS = ""
    sealed(2)
    settings.TRAIL_HEADS = where
    storage.fault("slow", match=APPENDS, times=None, seconds=30)
    database = {
        "DATABASE_URL": cluster.url(own_cluster.NAME),
        "DATABASE_OWNER_URL": cluster.url(own_cluster.NAME),
    }
    environment = {**os.environ, **database, "TRAIL_HEADS": where}
    worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
    try:
        until(lambda: any(one["size"] for one in storage.blobs().values()), seconds=60)
    finally:
        worker.kill()
        worker.wait(10)
    storage.control("DELETE", "faults")
    assert HeadCursor.objects.get().sequence == 0, "Azure has the lines, the cursor does not know"
    assert heads.hand_over() == 0, "the dead worker's claim lasts on for some seconds"
    assert again(16) == 2
    assert told(storage) == [1, 2, 1, 2]


def test_a_removed_tail_is_found_with_the_heads_that_were_downloaded(
    storage: Devcloud, tmp_path: Path, capsys: Any
) -> None:
    storage.control("POST", "blobs", {"limits": {"blocks": 1}})
    outside = Outside(tmp_path)
    sealed_trail()
    heads.hand_over()
    sealed()
    behind_the_guards("DELETE FROM audit_app_seal WHERE sequence > 3", *CUT)
    outside.export()
    assert inside().startswith("sound"), "from inside, a trail that was cut off is a shorter one"
    folder = download(storage, tmp_path / "downloaded")
    assert len(list(folder.rglob("*.jsonl"))) == 2
    with_heads = ("--heads", str(folder))
    for said in (inside(*with_heads), outside.says(capsys, *with_heads)[1]):
        assert "the trail is cut off after seal 2: seal 4 left" in said


def test_a_folder_without_heads_proves_nothing(tmp_path: Path, capsys: Any) -> None:
    sealed_trail()
    outside = Outside(tmp_path)
    outside.export()
    (tmp_path / "empty").mkdir()
    assert "there are no heads" in inside("--heads", str(tmp_path / "empty"))
    code, said = outside.says(capsys, "--heads", str(tmp_path / "empty"))
    assert (code, "there are no heads" in said) == (2, True)
