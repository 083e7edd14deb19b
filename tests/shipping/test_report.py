"""What /status/ says of shipping: how much waits since when, what went wrong last, and to whom that is told."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from audit_app.clock import now
from audit_app.shipping import report
from audit_app.shipping.configured import destinations
from audit_app.shipping.ship import ship
from tests.audit_app.trail_makers import many
from tests.shipping.makers import due

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """The trail is shipped to a folder."""
    settings.OCSF_DIR = str(tmp_path / "ocsf")
    return tmp_path / "ocsf"


def only() -> report.Lag:
    [lag] = report.lags(now())
    return lag


def test_nothing_is_told_where_nothing_is_switched_on(
    client_for: Callable[..., Client], people: Any, policy: Any
) -> None:
    assert report.lags(now()) == []
    assert "The trail, shipped" not in client_for(people["administrator"]).get("/status/").content.decode()


def test_each_destination_is_one_that_settings_switched_on(settings: Any) -> None:
    settings.SENTINEL_ENDPOINT, settings.SYSLOG_URL, settings.OCSF_DIR = "https://x", "udp://x", "/x"
    assert [one.title for one in destinations()] == ["Microsoft Sentinel", "Syslog", "OCSF files"]


def test_what_waits_is_counted_and_its_age_told(folder: Path) -> None:
    many(3, at=now() - timedelta(minutes=2))
    assert (only().waiting, only().late) == (3, True), "nobody ever tried"
    ship(destinations()[0])
    assert (only().waiting, only().oldest, only().word) == (0, None, "On time")
    many(2, at=now() - timedelta(minutes=1))
    assert (only().waiting, only().word) == (2, "On time")
    with time_machine.travel(now() + timedelta(minutes=10), tick=True):
        assert only().word == "Late"


def test_a_large_backlog_is_counted_up_to_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "COUNTED", 5)
    many(20)
    assert (only().waiting, only().more) == (5, True)


def test_the_last_error_is_told_to_those_who_may_know_it(
    client_for: Callable[..., Client], people: Any, policy: Any, folder: Path
) -> None:
    folder.write_text("a file stands where the folder should be")
    ship(destinations()[0])
    assert only().word == "Trying again"
    told = client_for(people["auditor"]).get("/status/").content.decode()
    others = client_for(people["outsider"]).get("/status/").content.decode()
    assert "OCSF files" in told
    assert "OCSF files" in others
    assert "FileExistsError" in told
    assert "FileExistsError" not in others
    folder.unlink()
    due("ocsf")
    ship(destinations()[0])
    assert "FileExistsError" not in client_for(people["auditor"]).get("/status/").content.decode()


def test_queries_are_bounded(folder: Path, django_assert_num_queries: Any) -> None:
    many(3)
    with django_assert_num_queries(3):
        report.lags(now())
