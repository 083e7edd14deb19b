"""To Microsoft Sentinel over the wire: the real SDK against the pretend Azure, through outages, refusals and limits."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from audit_app import tasks
from audit_app.clock import now
from audit_app.models import Event
from audit_app.shipping.sentinel import Sentinel
from audit_app.shipping.ship import SET_ASIDE, ship
from requests_app.targets.azure_cloud import AzureConfig, logs_host
from tests.audit_app.trail_makers import happened, many
from tests.shipping.conftest import Sent
from tests.shipping.makers import cursor
from tests.support.environment import ROOT

pytestmark = pytest.mark.django_db
Trail = Callable[[], list[str]]
LOGS = {"method": "LOGS"}


def test_the_trail_arrives_whole_in_order_and_once(sent: Sent, trail: Trail) -> None:
    many(1200)
    done = sent.again()
    assert sent.uids() == trail()
    assert (done.taken, done.error) == (1200, "")
    assert set(sent.statuses()) == {204}
    first = sent.records()[0]
    assert (first["EventSchema"], first["Dvc"]) == ("AuditEvent", "test")


def test_an_outage_while_a_thousand_events_are_written_loses_none(sent: Sent, trail: Trail) -> None:
    many(10)
    sent.again()
    sent.endpoint("http://127.0.0.1:1")  # nobody listens there
    for _ in range(4):
        many(250)
        assert "Connection refused" in sent.again().error
    assert cursor("sentinel").failures >= 4
    sent.endpoint(sent.azure.url)
    # It comes back ill at first: refuses, hangs up, takes what it does not say it took.
    sent.azure.fault("server_error", match=LOGS)
    sent.azure.fault("drop_connection", match=LOGS)
    sent.azure.fault("drop_connection", match=LOGS, applied=True)
    sent.azure.fault("applied_then_500", match=LOGS)
    for _ in range(5):
        sent.again()
    assert set(sent.uids()) == set(trail()), "none is lost"
    assert len(trail()) == 1010
    assert sent.repeated(), "what was taken without a word came again"
    assert list(dict.fromkeys(sent.uids())) == trail(), "without repetitions, by EventUid, it is the trail"


def test_every_sort_of_failure_is_told_and_the_next_round_goes_on(sent: Sent, trail: Trail) -> None:
    many(3)
    for fault, words in (("server_error", "500"), ("forbidden", "OperationFailed"), ("throttle", "429")):
        sent.azure.fault(fault, match=LOGS)
        assert words in sent.again().error
        assert words in cursor("sentinel").last_error
    assert sent.again().error == ""
    assert sent.uids() == trail()
    assert cursor("sentinel").last_error == ""


def test_a_429_is_not_knocked_at_again_before_its_time(sent: Sent) -> None:
    many(3)
    sent.azure.fault("throttle", match=LOGS, seconds=90)
    before = now()
    ship(Sentinel())
    assert cursor("sentinel").due_at >= before + timedelta(seconds=90)
    assert ship(Sentinel()) is None
    assert sent.statuses() == [429], "one call, and no retry of the SDK's own"


def test_a_round_that_azure_took_in_part_goes_on_behind_that_part(sent: Sent, trail: Trail) -> None:
    many(1200)
    sent.azure.control("POST", "logs", {"requests_per_minute": 1})
    done = sent.again()
    assert (done.taken, done.batches) == (500, 2)
    assert "TooManyRequests" in done.error
    assert sent.uids() == trail()[:500]
    sent.azure.control("POST", "logs", {"requests_per_minute": 12_000})
    sent.again()
    assert sent.uids() == trail(), "the rest came, and what was taken did not come again"


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("SENTINEL_RULE_ID", "dcr-" + "0" * 32, "NotFound"),
        ("SENTINEL_STREAM", "Custom-Other", "InvalidStream"),
    ],
)
def test_a_wrong_set_up_sets_nothing_aside(sent: Sent, setting: str, value: str, words: str) -> None:
    many(30)
    setattr(sent.settings, setting, value)
    assert words in sent.again().error
    assert cursor("sentinel").shipped_to == 0
    assert len(sent.statuses()) == 1, "it is not the events' fault, so they are not tried one by one"


def test_no_token_is_told_and_loses_nothing(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    many(3)
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    sent.settings.AZURE_CLIENT_ID = "d4f0c0de-0000-4000-8000-000000000001"  # a credential of its own
    sent.endpoint(sent.azure.url)
    assert "token" in sent.again().error
    assert sent.statuses() == []


def test_an_event_azure_refuses_is_set_aside_and_the_rest_goes_on(sent: Sent, trail: Trail) -> None:
    many(20)
    poison = happened(label="poison")
    many(20)
    sent.azure.control("POST", "logs", {"refuses": "poison"})
    assert sent.again().set_aside == 1
    aside = Event.objects.get(kind=SET_ASIDE)
    assert aside.object_id == str(poison.uid)
    assert "not taken here" in aside.why
    sent.again()
    assert set(trail()) - set(sent.uids()) == {str(poison.uid)}
    assert not sent.repeated()


def test_an_event_larger_than_azure_takes_is_cut_says_so_and_arrives(sent: Sent, trail: Trail) -> None:
    happened(data={"long": "x" * 3_000_000}, why="ü" * 500_000)
    happened()
    sent.again()
    assert sent.uids() == trail()
    assert sent.records()[0]["AdditionalFields"]["Cut"] == ["Why", "Data"]
    assert set(sent.statuses()) == {204}


def test_large_events_go_in_batches_within_a_megabyte(sent: Sent, trail: Trail) -> None:
    for _ in range(40):
        happened(data={"long": "ü" * 7_500})  # six bytes each, once encoded
    done = sent.again()
    assert sent.uids() == trail()
    assert done.batches >= 2
    assert set(sent.statuses()) == {204}, "no batch was too large"


def test_the_task_run_twice_sends_nothing_twice(sent: Sent, trail: Trail) -> None:
    many(10)
    assert tasks.ship_trail() == 10
    assert tasks.ship_trail() == 0
    assert sent.uids() == trail()


def test_nothing_is_shipped_where_nothing_is_switched_on(settings: object) -> None:
    many(3)
    assert tasks.ship_trail() == 0


def test_a_token_goes_to_azure_alone_and_over_tls_alone() -> None:
    assert logs_host("https://latch-ab12.westeurope-1.ingest.monitor.azure.com")
    for url in (
        "http://latch-ab12.westeurope-1.ingest.monitor.azure.com",
        "https://ingest.monitor.azure.com.evil.example",
        "https://evil.example/.ingest.monitor.azure.com",
        "https://x@latch.westeurope-1.ingest.monitor.azure.com",
        "https://monitor.azure.com",
    ):
        assert not logs_host(url), url
    with pytest.raises(ValueError, match="logs_endpoint"):
        AzureConfig(logs_endpoint="http://127.0.0.1:9")
    with pytest.raises(ValueError, match="logs_endpoint"):
        AzureConfig(logs_endpoint="http://10.0.0.1:9", allow_cleartext_loopback=True)


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://a.westeurope-1.ingest.monitor.azure.com", "https://monitor.azure.com/.default"),
        ("https://a.usgovvirginia-1.ingest.monitor.azure.us", "https://monitor.azure.us/.default"),
        ("https://a.chinaeast2-1.ingest.monitor.azure.cn", "https://monitor.azure.cn/.default"),
    ],
)
def test_each_cloud_has_its_own_audience(endpoint: str, scope: str) -> None:
    assert AzureConfig(logs_endpoint=endpoint).logs_scope == scope


WEB = """
import sys, django
django.setup()
import latchportal.wsgi, latchportal.urls, audit_app.tasks
print(sorted(name for name in sys.modules if name.partition(".")[0] == "azure"))
"""


def test_no_web_process_loads_the_sdk() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WEB], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
