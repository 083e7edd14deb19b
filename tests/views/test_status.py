"""Status: how late closings were, what is late, whether workers go round; and closing everything."""

from datetime import timedelta

import pytest
import time_machine

from audit_app.clock import now
from requests_app.heartbeat import beat
from requests_app.models import Arming, Attempt, Container, ContainerSnapshot, Grant, Heartbeat, Opening
from tests.support.azure import activated, approved

pytestmark = pytest.mark.django_db
MOST_QUERIES = 18


def closed_after(people, *lags: float) -> None:
    """Grants whose closing took so many seconds."""
    keys = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-app-01-ssh")
    for key, lag in zip(keys, lags, strict=False):
        grant = activated(people, key=key)
        due = now() - timedelta(minutes=5)
        Grant.objects.filter(pk=grant.pk).update(
            state="closed", ending_at=due, closed_at=due + timedelta(seconds=lag), ended_why="expired"
        )


def test_close_lag_is_told_by_median_99th_and_worst(client_for, people, policy):
    closed_after(people, 1, 2, 30)
    html = client_for(people["outsider"]).get("/status/").content.decode()
    for words in ("2.0 s", "29.4 s", "30.0 s", "Nothing is overdue"):
        assert words in html


def test_right_that_was_never_activated_does_not_flatter_the_numbers(client_for, people, policy):
    access_request = approved(people)
    client_for(people["requester"]).post(f"/requests/{access_request.pk}/cancel")
    context = client_for(people["outsider"]).get("/status/").context
    assert context["lags"][0]["count"] == 0


def test_overdue_closing_is_shown_with_names_to_those_who_may_know_them(client_for, people, policy):
    grant = activated(people)
    client_for(people["requester"]).post(f"/requests/{grant.access_request_id}/end")
    Grant.objects.filter(pk=grant.pk).update(ending_at=now() - timedelta(minutes=3))
    told = client_for(people["auditor"]).get("/status/").content.decode()
    assert "1 closing is overdue" in told
    assert str(people["requester"]) in told
    others = client_for(people["outsider"]).get("/status/").content.decode()
    assert "1 closing is overdue" in others
    assert str(people["requester"]) not in others
    assert f"/requests/{grant.access_request_id}/" not in others


def test_every_page_of_an_administrator_counts_what_is_overdue(client_for, people, policy):
    for key in ("prod-web-01-ssh", "prod-web-02-ssh"):
        activated(people, key=key)
    Grant.objects.update(state="closing", ending_at=now() - timedelta(minutes=3), ended_why="expired")
    home = client_for(people["administrator"]).get("/").content.decode()
    assert "2 openings are overdue" in home


def test_worker_that_stopped_going_round_is_said_to_be_late(client_for, people, policy):
    Heartbeat.objects.all().delete()
    browser = client_for(people["outsider"])
    page = browser.get("/status/").content.decode()
    assert "Not yet" in page, "a portal that was armed a moment ago is called broken"
    assert "Never went round" not in page
    Arming.objects.update(at=now() - timedelta(hours=1))
    assert "Never went round" in browser.get("/status/").content.decode()
    beat("deadlines")
    rounds = {one.name: one.word for one in browser.get("/status/").context["rounds"]}
    assert rounds["deadlines"] == "On time"
    with time_machine.travel(now() + timedelta(minutes=10), tick=True):
        rounds = {one.name: one.word for one in browser.get("/status/").context["rounds"]}
    assert rounds["deadlines"] == "Late"


@pytest.mark.parametrize("role", ["outsider", "requester", "auditor"])
def test_closing_everything_is_the_administrators(role, client_for, people, policy):
    grant = activated(people)
    browser = client_for(people[role])
    assert "revoke-everything" not in browser.get("/status/").content.decode()
    assert browser.post("/status/revoke-everything", {"reason": "Fire"}).status_code == 403
    grant.refresh_from_db()
    assert grant.state == "opening"


def test_closing_everything_needs_a_reason_and_closes_everything(client_for, people, policy):
    grant = activated(people)
    waiting = approved(people, key="prod-web-02-ssh")
    boss = client_for(people["administrator"])
    assert boss.post("/status/revoke-everything", {"reason": ""}).status_code == 422
    answer = boss.post("/status/revoke-everything", {"reason": "Fire"}, follow=True)
    assert "2 revoked" in answer.content.decode()
    grant.refresh_from_db()
    assert grant.state == "closing"
    assert waiting.grants.get().state == "closed"


def test_queries_are_bounded(client_for, people, policy, django_assert_max_num_queries):
    browser = client_for(people["administrator"])
    browser.get("/status/")
    with django_assert_max_num_queries(MOST_QUERIES):
        browser.get("/status/")


def test_an_overdue_closing_shows_what_azure_said_last_and_its_correlation_id(client_for, people, policy):
    grant = activated(people)
    opening = Opening.objects.get(grant=grant)
    attempt = Attempt.objects.create(
        opening=opening,
        kind="remove",
        started_at=now(),
        deadline=now(),
        outcome="failed",
        error_kind="locked",
        error_code="ScopeLocked",
        error_message="The scope is locked.",
        correlation_id="6f2a9d1e-0000-4000-8000-000000000001",
    )
    late = now() - timedelta(minutes=3)
    Grant.objects.filter(pk=grant.pk).update(state="closing", ending_at=late, ended_why="expired")
    told = client_for(people["administrator"]).get("/status/").content.decode()
    for words in ("1 closing is overdue", "The scope is locked.", "ScopeLocked", attempt.correlation_id):
        assert words in told
    others = client_for(people["outsider"]).get("/status/").content.decode()
    assert attempt.correlation_id not in others


def test_the_oldest_comparison_and_what_it_found_are_told(client_for, people, policy):
    moment = now()
    first, second = (
        Container.objects.create(
            azure_id=f"/subscriptions/s/nsg-{name}", compare_at=moment, region="westeurope"
        )
        for name in ("one", "two")
    )
    browser = client_for(people["administrator"])
    assert "2 never were" in browser.get("/status/").content.decode()
    Container.objects.filter(pk=first.pk).update(compared_at=moment - timedelta(seconds=20))
    Container.objects.filter(pk=second.pk).update(compared_at=moment - timedelta(minutes=9))
    ContainerSnapshot.objects.create(
        container=first,
        read_at=moment,
        tried_at=moment,
        body={},
        foreign=[
            {"kind": "already_open", "rule": "", "sentence": "Port 22 is open to the world.", "grant": ""}
        ],
    )
    answer = browser.get("/status/")
    text = answer.content.decode()
    assert "9 min ago" in text
    assert answer.context["comparison"].late
    assert "Port 22 is open to the world." in text
    assert "Port 22" not in client_for(people["outsider"]).get("/status/").content.decode()


def test_what_is_left_of_azures_budget_is_told_for_each_region(client_for, people, policy):
    Container.objects.create(
        azure_id="/subscriptions/11111111-aaaa-4bbb-8ccc-000000000001/nsg",
        compare_at=now(),
        region="westeurope",
    )
    text = client_for(people["outsider"]).get("/status/").content.decode()
    assert "westeurope" in text


def test_sealing_of_the_trail_is_told_and_called_late_after_half_a_minute(client_for, people, policy):
    client = client_for(people["outsider"])
    page = client.get("/status/")
    assert page.context["sealed"].waits_since is not None, "events of this very test are not sealed"
    assert not page.context["seal_late"]
    with time_machine.travel(now() + timedelta(seconds=31)):
        page = client_for(people["outsider"]).get("/status/")
    assert page.context["seal_late"]
    assert "waits to be sealed" in page.content.decode()
