"""The reaper alone: it closes what Azure says is over, touches nothing else, and needs neither database nor broker."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from latchportal import reaper
from tests.reaper.makers import NIC, OURS, PRODUCTION, STAGING, WEB, actions, put, reap, said, told
from tests.support.environment import ROOT


@pytest.mark.parametrize(
    ("name", "ends", "goes"),
    [
        (f"{OURS}-1", -16, True),
        (f"{OURS}-1", -3600, True),
        (f"{OURS}-1".upper(), -60, True),
        (f"{OURS}-1", "somebody tidied up", True),
        (f"{OURS}-1", "", True),
        (f"{OURS}-1", "latch end=2026-13-45T00:00:00Z grant=x req=1", True),
        (f"{OURS}-1", -13, False),
        (f"{OURS}-1", 600, False),
        ("latch-prod-0123456789ab-1", -3600, False),
        ("latch-test-2-0123456789ab-1", -3600, False),
        ("latch-test-notes", -3600, False),
        ("allow-https-latch-test", -3600, False),
    ],
    ids=str,
)
def test_what_is_past_its_end_goes_and_nothing_else(
    azure: Any, capsys: Any, name: str, ends: float | str, goes: bool
) -> None:
    before = azure.control("GET", "nsgs")
    put(azure, name, ends if isinstance(ends, str) else said(ends))
    code, lines = reap(capsys, "--apply")
    assert code == reaper.FINE
    assert (name in azure.rules(WEB)) == (not goes), lines
    assert actions(lines) == (["closed"] if goes else [])
    if goes:
        assert azure.control("GET", "nsgs") == before, "something else was changed"
        (line,) = (line for line in lines if line["action"] == "closed")
        assert line["rule"] == name
        assert line["group"].endswith(WEB)
        assert line["azure_request_id"]
        sent = [call["correlation_id"] for call in azure.calls() if call["method"] == "DELETE"]
        assert sent == [line["correlation_id"]]


def test_without_apply_it_only_says_what_it_would_do(azure: Any, capsys: Any) -> None:
    put(azure, f"{OURS}-1", said(-60))
    code, lines = reap(capsys)
    assert (code, actions(lines)) == (reaper.FINE, ["would_close"])
    assert [line["late_seconds"] >= 59 for line in lines if line["action"] == "would_close"] == [True]
    assert f"{OURS}-1" in azure.rules(WEB)
    assert not [call for call in azure.calls() if call["method"] == "DELETE"]


def test_it_looks_through_every_group_of_every_subscription(azure: Any, capsys: Any) -> None:
    groups = azure.control("GET", "nsgs")["nsgs"]
    for number, group in enumerate(groups):
        put(azure, f"{OURS}-{number}", said(-60), nsg=group["name"])
    code, lines = reap(capsys, "--apply", subscriptions=(PRODUCTION, STAGING))
    assert code == reaper.FINE
    assert actions(lines).count("closed") == len(groups)
    looked = [line for line in lines if line["action"] == "looked"]
    assert sum(line["groups"] for line in looked) == len(groups)


def test_a_later_end_written_since_it_looked_spares_the_rule(
    azure: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portal extends by writing a later end; that may happen between the look and the removal."""
    put(azure, f"{OURS}-1", said(-60))
    listed = reaper.all_groups

    def extended_after(*words: Any, **more: Any) -> Any:
        found = listed(*words, **more)
        put(azure, f"{OURS}-1", said(600))
        return found

    monkeypatch.setattr(reaper, "all_groups", extended_after)
    code, lines = reap(capsys, "--apply")
    assert (code, actions(lines)) == (reaper.FINE, ["spared"])
    assert f"{OURS}-1" in azure.rules(WEB)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("busy", {}),
        ("throttle", {}),
        ("server_error", {}),
        ("applied_then_500", {}),
        ("lro_failed", {}),
        ("another_operation", {}),
        ("drop_connection", {"applied": True}),
        ("lost_poll", {"match": {"method": "POLL"}}),
        ("poll_forbidden", {"match": {"method": "POLL"}}),
    ],
    ids=str,
)
def test_what_fails_in_passing_is_closed_in_the_same_look(
    azure: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch, fault: str, options: dict[str, Any]
) -> None:
    monkeypatch.setattr("requests_app.targets.overdue._PAUSE_SECONDS", 0.1)
    put(azure, f"{OURS}-1", said(-60))
    azure.fault(fault, **{"match": {"method": "DELETE"}, **options})
    code, lines = reap(capsys, "--apply")
    assert f"{OURS}-1" not in azure.rules(WEB), lines
    assert set(actions(lines)) <= {"closed", "spared", "failed"}
    if code == reaper.SOME_LEFT:
        assert reap(capsys, "--apply")[0] == reaper.FINE, "the next look has nothing to complain of"


@pytest.mark.parametrize("fault", ["forbidden", "locked"])
def test_what_azure_refuses_for_good_is_said_and_the_rest_is_closed(
    azure: Any, capsys: Any, fault: str
) -> None:
    put(azure, f"{OURS}-1", said(-60))
    put(azure, f"{OURS}-2", said(-60), nsg=NIC)
    azure.fault(fault, match={"method": "DELETE", "nsg": WEB}, times=None)
    code, lines = reap(capsys, "--apply")
    assert code == reaper.SOME_LEFT
    (failed,) = (line for line in lines if line["action"] == "failed")
    assert failed["error_code"]
    assert failed["way_on"]
    assert f"{OURS}-2" not in azure.rules(NIC)


def test_a_subscription_that_can_not_be_read_does_not_stop_the_others(azure: Any, capsys: Any) -> None:
    put(azure, f"{OURS}-1", said(-60))
    elsewhere = "99999999-aaaa-4bbb-8ccc-000000000009"
    code, lines = reap(capsys, "--apply", subscriptions=(elsewhere, PRODUCTION))
    assert code == reaper.SOME_LEFT
    assert "unreadable" in actions(lines)
    assert f"{OURS}-1" not in azure.rules(WEB)


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["--apply"], {}),
        (["--subscription", PRODUCTION, "--every", "soon"], {}),
        (["--subscription", PRODUCTION, "--instance", "Not An Instance"], {}),
        (["--subscription", PRODUCTION], {"ARM_ENDPOINT": "http://azure.example.com"}),
        (["--subscription", PRODUCTION], {"LATCH_DEMO": "0"}),
        (["--subscription", PRODUCTION], {"AZURE_POLL_SECONDS": "often"}),
    ],
    ids=str,
)
def test_wrong_use_is_said_in_words_and_closes_nothing(
    azure: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch, words: list[str], environment: dict[str, str]
) -> None:
    put(azure, f"{OURS}-1", said(-60))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        code = reaper.main(words)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    assert code == reaper.WRONG_USE
    assert capsys.readouterr().err.strip()
    assert f"{OURS}-1" in azure.rules(WEB)


def started(azure: Any, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "latchportal.reaper", "--subscription", PRODUCTION, "--apply", *words]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **told(azure)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def test_as_a_service_it_keeps_its_rhythm_past_faults_and_ends_when_told(azure: Any) -> None:
    put(azure, f"{OURS}-1", said(-60))
    azure.fault("server_error", match={"method": "GET"}, times=1)
    with started(azure, "--every", "0.3s") as process:
        assert process.stdout
        lines: list[Any] = []
        while not any(line["action"] == "closed" for line in lines):
            lines.append(json.loads(process.stdout.readline()))
        assert lines[0]["action"] == "unreadable", "the first look failed, as it was told to"
        looks = [json.loads(process.stdout.readline())["at"] for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == reaper.FINE
    moments = [datetime.fromisoformat(at) for at in looks]
    gaps = [(after - before).total_seconds() for before, after in pairwise(moments)]
    assert all(0.2 < gap < 2 for gap in gaps), gaps
    assert f"{OURS}-1" not in azure.rules(WEB)


def test_one_group_that_hangs_holds_up_no_other(azure: Any) -> None:
    put(azure, f"{OURS}-1", said(-60))
    azure.fault("hang", match={"method": "DELETE", "nsg": WEB}, seconds=30)
    with started(azure, "--every", "0.3s") as process:
        time.sleep(1.5)
        put(azure, f"{OURS}-2", said(-60), nsg=NIC)
        end = time.monotonic() + 10
        while f"{OURS}-2" in azure.rules(NIC) and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
    assert f"{OURS}-2" not in azure.rules(NIC)


def test_it_loads_neither_django_nor_a_broker_nor_a_database() -> None:
    words = "import sys, latchportal.reaper; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.replace("'", '"')))
    assert not loaded & {"django", "celery", "kombu", "redis", "psycopg", "audit_app"}, loaded
