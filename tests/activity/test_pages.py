"""A request's story beside Azure's Activity Log: what an auditor sees, through lateness, gaps, hands and refusals."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from audit_app import tasks
from audit_app.activity import reading
from audit_app.clock import now
from audit_app.models import ActivityReading, Event
from requests_app import activity_way, gateways, wake
from requests_app.models import Attempt
from requests_app.targets.activity import MOST_ROWS
from tests.activity.conftest import Looking, closed
from tests.audit_app.trail_makers import happened
from tests.support.azure import asked
from tests.support.convergence import later
from tests.support.environment import ROOT

pytestmark = pytest.mark.django_db
NOBODY_ELSE = "Azure has nothing under this correlation id"


def test_an_open_and_a_closed_rule_are_found_in_both(looking: Looking, people: Any) -> None:
    closed(people, looking)
    page = looking.compared()
    assert page.count("In both") == 2
    for words in ("Wrote", "Removed", "Success", "SECURITYRULES/WRITE", "SECURITYRULES/DELETE", NOBODY_ELSE):
        assert words in page, words
    assert looking.azure.calls()[-1]["principal"] in page, "the caller is told by its object id"
    for standing in ("Not yet", "Missing in Azure", "Not in the trail"):
        assert standing not in page.replace("is “Not yet”", "")


def test_what_was_read_stays_and_tells_its_age(looking: Looking) -> None:
    looking.compared()
    asked_once = len(looking.azure.control("GET", "activity")["calls"])
    with later(90):
        assert "Read 1 min ago" in looking.shown()
        assert "Read again" in looking.shown()
    assert len(looking.azure.control("GET", "activity")["calls"]) == asked_once == 1, (
        "looking asks Azure nothing"
    )


def test_what_is_late_is_not_missing_yet(looking: Looking) -> None:
    looking.azure.control("POST", "activity", {"delay": 600})
    page = looking.compared()
    assert "Missing in Azure" not in page
    assert "Not yet" in page.replace("is “Not yet”", "")
    looking.azure.control("POST", "activity", {"delay": 0})
    page = looking.compared()
    assert "In both" in page


def test_what_never_came_is_missing_and_says_where_to_look(looking: Looking) -> None:
    name = looking.entity.rpartition("/")[2]
    assert looking.azure.control("DELETE", f"activity?entity={name}")["gone"] == 3
    assert "Missing in Azure" not in looking.compared()
    # The attempt, as a reading twenty minutes later sees it.
    Attempt.objects.update(started_at=now() - timedelta(minutes=21))
    page = looking.compared()
    assert "Missing in Azure" in page
    assert "diagnostic setting" in page


def test_a_row_that_tells_of_a_failure_where_we_were_told_of_success_is_shown(looking: Looking) -> None:
    for row in looking.azure.app.state.cloud.activity.rows:
        if row["ActivityStatusValue"] == "Success":
            row["ActivityStatusValue"] = "Failure"
    assert "Told otherwise there" in looking.compared()


def test_a_hand_that_uses_our_correlation_id_is_not_in_the_trail(looking: Looking) -> None:
    looking.by_hand(correlation_id=looking.grant.access_request.correlation_id)
    page = looking.compared()
    assert page.count("In both") == 1
    assert "Not in the trail" in page
    assert "mallory@example.org" in page
    assert "the portal’s own writes" not in page


def test_a_hand_on_our_rule_is_found_under_another_id(looking: Looking) -> None:
    looking.by_hand(action="Microsoft.Network/networkSecurityGroups/securityRules/delete")
    page = looking.compared()
    assert "Not in the trail" in page
    assert "SECURITYRULES/DELETE" in page


def test_what_the_portals_identity_did_besides_points_to_the_reaper(looking: Looking) -> None:
    portal = looking.azure.calls()[-1]["principal"]
    looking.by_hand(caller=portal)
    assert "The reaper has it, too" in looking.compared()


def test_a_hand_on_anothers_rule_is_nobodys_business_here(looking: Looking) -> None:
    looking.by_hand(entity=f"{looking.entity.rpartition('/')[0]}/latch-test-ffffffffffff-0")
    assert NOBODY_ELSE in looking.compared()


def test_a_partial_answer_says_so_and_nobody_is_cleared(looking: Looking) -> None:
    looking.azure.control("POST", "activity", {"most": 2})
    page = looking.compared()
    assert "This is not all that Azure has" in page
    assert "set limit of 2 records" in page
    assert NOBODY_ELSE not in page
    assert "Not ended there yet" in page


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("forbidden", "Log Analytics Reader"),
        ("server_error", "a reason unknown here"),
        ("drop_connection", "could not be reached"),
    ],
)
def test_each_refusal_is_told_with_the_way_on_and_asked_once(
    looking: Looking, fault: str, words: str
) -> None:
    looking.fault(fault)
    page = looking.compared()
    assert "could not be read" in page
    assert words in page
    assert len(looking.azure.control("GET", "activity")["calls"]) == 1


def test_a_refusal_leaves_what_was_read_before(looking: Looking) -> None:
    looking.compared()
    looking.fault("forbidden")
    page = looking.compared()
    assert "could not be read" in page
    assert "In both" in page
    assert "could not be read" not in looking.compared(), "it went well again"


def test_a_429_is_not_knocked_at_again_before_its_time(looking: Looking) -> None:
    looking.fault("throttle", seconds=90)
    assert "Azure asked to wait until" in looking.compared()
    looking.ask()
    assert looking.woken == []
    with later(91):
        assert "Azure asked to wait" not in looking.shown()
        assert "In both" in looking.compared()


def test_a_wrong_workspace_says_which_setting(looking: Looking, settings: Any) -> None:
    settings.LOG_ANALYTICS_WORKSPACE = "00000000-0000-0000-0000-000000000000"
    assert "LOG_ANALYTICS_WORKSPACE is its workspace id" in looking.compared()


def test_azure_away_is_told(looking: Looking, settings: Any) -> None:
    settings.LOG_ANALYTICS_ENDPOINT = "http://127.0.0.1:1"
    gateways.azure_config.cache_clear()
    assert "could not be reached" in looking.compared()


def test_while_a_worker_reads_the_page_asks_again_by_itself_and_by_a_link(looking: Looking) -> None:
    looking.ask()
    answer = looking.client.get(looking.address, headers={"hx-request": "true"}).content.decode()
    assert 'hx-trigger="every 2s"' in answer
    assert "A worker is reading it" in answer
    assert "<html" not in answer
    assert "<form" not in answer, "it was asked for already"
    looking.work()
    assert "every 2s" not in looking.client.get(looking.address).content.decode()


def test_a_worker_that_does_not_come_is_told_and_may_be_asked_again(looking: Looking) -> None:
    looking.ask()
    looking.ask()
    assert len(looking.woken) == 1, "asked twice, woken once"
    looking.woken.clear()
    with later(61):
        assert "No worker has answered" in looking.shown()
        assert "In both" in looking.compared()


def test_the_task_run_twice_reads_once(looking: Looking) -> None:
    looking.ask()
    [(name, reading_id)] = looking.woken
    assert name == wake.READ_ACTIVITY == tasks.read_activity.name
    assert tasks.read_activity(reading_id)
    assert not tasks.read_activity(reading_id)
    assert not tasks.read_activity(987654321)
    assert len(looking.azure.control("GET", "activity")["calls"]) == 1


def test_the_story_loads_without_azure_and_brings_the_rest_by_itself(looking: Looking) -> None:
    page = looking.client.get(looking.address.removesuffix("activity/")).content.decode()
    assert f'hx-get="{looking.address}" hx-trigger="load"' in page
    assert f'<a href="{looking.address}">' in page, "without scripts there is a link"
    assert looking.azure.control("GET", "activity")["calls"] == []


def test_what_nobody_looks_at_any_more_is_not_kept(looking: Looking) -> None:
    long_ago = now() - reading.KEPT - timedelta(days=1)
    ActivityReading.objects.create(story="request-999999", asked_at=long_ago, tried_at=long_ago)
    looking.compared()
    assert [one.story for one in ActivityReading.objects.all()] == [looking.reading.story]


def test_reading_writes_nothing_into_the_trail(looking: Looking) -> None:
    before = Event.objects.count()
    looking.compared()
    assert Event.objects.count() == before


def test_a_request_that_wrote_nothing_has_nothing_to_compare(looking: Looking, people: Any) -> None:
    looking.grant.access_request_id = asked(people["requester"], key="prod-web-02-ssh").pk
    assert "The portal wrote nothing to Azure for this request" in looking.compared()


def test_a_story_that_is_no_requests_is_not_in_azure(looking: Looking) -> None:
    happened(story="review-7")
    page = looking.client.get("/audit/stories/review-7/activity/").content.decode()
    assert "This story is no request" in page
    assert "<form" not in page.partition("<main")[2].partition("</main")[0]


@pytest.mark.parametrize(
    "story", ["request-", "request-x", "request-" + "9" * 30, "request-٣", "review-1", ""]
)
def test_only_a_requests_story_wrote_anything(story: str, db: None) -> None:
    assert activity_way.ours(story) is None


def test_a_story_nobody_told_is_not_there(looking: Looking) -> None:
    for answer in (
        looking.client.get("/audit/stories/request-404404/activity/"),
        looking.client.post("/audit/stories/request-404404/activity/read"),
    ):
        assert answer.status_code == 404


def test_more_writes_than_a_page_holds_are_said(looking: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity_way, "MOST_WRITES", 1)
    attempt = Attempt.objects.get()
    attempt.pk = None
    attempt.save()
    assert "There were more writes" in looking.compared()
    assert MOST_ROWS >= 3 * activity_way.MOST_WRITES


def test_unset_says_how_to_switch_it_on_and_nothing_more(people: Any, policy: Any, client_for: Any) -> None:
    story = asked(people["requester"]).story
    client = client_for(people["auditor"])
    page = client.get(f"/audit/stories/{story}/").content.decode()
    assert "how to switch it on" in page
    assert "hx-get" not in page.partition("<main")[2]
    page = client.get(f"/audit/stories/{story}/activity/").content.decode()
    assert "LOG_ANALYTICS_WORKSPACE" in page
    assert "Log Analytics Reader" in page
    answer = client.post(f"/audit/stories/{story}/activity/read")
    assert answer.status_code == 409
    assert "LOG_ANALYTICS_WORKSPACE" in answer.content.decode()
    assert not ActivityReading.objects.exists()


WEB = """
import sys, django
django.setup()
import latchportal.wsgi, latchportal.urls, audit_app.tasks, audit_app.activity_views, requests_app.activity_way
print(sorted(name for name in sys.modules if name.partition(".")[0] == "azure"))
"""


def test_no_web_process_loads_the_sdk() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WEB], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
