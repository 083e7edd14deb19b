"""The inbox: what waits for me and nothing else, what is needed to decide, and one press to do it."""

from typing import Any

import pytest

from requests_app.models import AccessRequest, Decision
from tests.support.azure import REASON, active_stage, asked

pytestmark = pytest.mark.django_db
MOST_QUERIES = 15
KEYS = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh", "prod-app-01-ssh", "prod-app-02-ssh")


def page(browser: Any, query: str = "") -> str:
    return browser.get(f"/inbox/{query}").content.decode()


def decided(browser: Any, access_request: AccessRequest, **said: str) -> Any:
    return browser.post(f"/stages/{active_stage(access_request).pk}/decide", {"back": "inbox", **said})


def test_card_tells_who_what_why_and_the_rule_to_be_written(client_for, people, policy):
    asked(people["requester"])
    html = page(client_for(people["manager"]))
    words = (
        str(people["requester"]),
        REASON,
        "30 min",
        "nsg-prod-web",
        "10.20.1.4",
        "first time",
        "Policy",
    )
    assert [word for word in words if word not in html] == []


def test_history_counts_what_was_asked_before(client_for, people, policy):
    browser = client_for(people["manager"])
    decided(browser, asked(people["requester"]), vote="deny", reason="Not today")
    asked(people["requester"])
    assert "asked 1 time: 0 approved, 1 denied" in page(browser)


@pytest.mark.parametrize("role", ["requester", "security", "outsider", "auditor", "administrator"])
def test_what_others_decide_is_not_in_my_inbox(role, client_for, people, policy):
    asked(people["requester"])
    assert "Nobody waits for you" in page(client_for(people[role]))


def test_approving_passes_it_on_and_says_who_is_next(client_for, people, policy):
    access_request = asked(people["requester"])
    browser = client_for(people["manager"])
    answer = browser.post(
        f"/stages/{active_stage(access_request).pk}/decide", {"vote": "approve", "back": "inbox"}, follow=True
    )
    assert answer.redirect_chain[-1][0] == "/inbox/"
    assert "“Security” decides next" in answer.content.decode()
    assert str(people["manager"]) in page(client_for(people["security"])), "who agreed before is not told"


def test_last_approval_says_that_it_can_be_activated(client_for, people, policy):
    access_request = asked(people["requester"])
    decided(client_for(people["manager"]), access_request, vote="approve")
    stage = active_stage(access_request)
    answer = client_for(people["security"]).post(
        f"/stages/{stage.pk}/decide", {"vote": "approve"}, follow=True
    )
    assert "can activate it now" in answer.content.decode()


def test_denial_without_a_reason_comes_back_and_decides_nothing(client_for, people, policy):
    access_request = asked(people["requester"])
    answer = decided(client_for(people["manager"]), access_request, vote="deny", reason="  ")
    assert answer.status_code == 422
    assert "Please say why" in answer.content.decode()
    assert not Decision.objects.exists()


def test_vote_that_is_none_comes_back_with_what_was_typed(client_for, people, policy):
    access_request = asked(people["requester"])
    answer = decided(client_for(people["manager"]), access_request, vote="maybe", reason="I wonder")
    assert answer.status_code == 422
    assert "I wonder" in answer.content.decode()


def test_decision_on_something_decided_answers_409_and_changes_nothing(client_for, people, policy):
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    browser = client_for(people["manager"])
    browser.post(f"/stages/{stage.pk}/decide", {"vote": "approve"})
    answer = browser.post(f"/stages/{stage.pk}/decide", {"vote": "deny", "reason": "Too late"})
    assert answer.status_code == 409
    assert Decision.objects.count() == 1


def test_nobody_decides_on_their_own_request(client_for, people, policy):
    access_request = asked(people["requester"])
    assert decided(client_for(people["requester"]), access_request, vote="approve").status_code == 403
    assert not Decision.objects.exists()


def test_stage_of_somebody_else_is_not_there(client_for, people, policy):
    access_request = asked(people["requester"])
    assert decided(client_for(people["outsider"]), access_request, vote="approve").status_code == 404
    assert client_for(people["manager"]).post("/stages/999999/decide", {"vote": "approve"}).status_code == 404


def test_approver_who_was_not_told_by_mail_can_decide_all_the_same(client_for, people, policy):
    access_request = asked(people["requester"])
    active_stage(access_request).asked.clear()
    assert decided(client_for(people["manager"]), access_request, vote="approve").status_code == 302


def test_poll_is_answered_empty_until_the_list_changes(client_for, people, policy):
    first = asked(people["requester"])
    browser = client_for(people["manager"])
    html = browser.get("/inbox/", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in html
    seen = html.split('"seen": "')[1].split('"')[0]
    assert browser.get("/inbox/", {"seen": seen}, headers={"hx-request": "true"}).status_code == 204
    decided(browser, first, vote="approve")
    assert browser.get("/inbox/", {"seen": seen}, headers={"hx-request": "true"}).status_code == 200


def test_the_count_stands_in_header_and_title_and_comes_with_the_list(client_for, people, policy):
    browser = client_for(people["manager"])
    assert "<title>Inbox · latchportal</title>" in page(browser)
    first = asked(people["requester"])
    asked(people["requester"], key="prod-web-02-ssh")
    assert "<title>(2) Inbox · latchportal</title>" in page(browser)
    assert page(browser).count('id="inbox-count"') == 1, "a page holds the count twice"
    decided(browser, first, vote="approve")
    polled = browser.get("/inbox/", headers={"hx-request": "true"}).content.decode()
    assert "<title>(1) Inbox · latchportal</title>" in polled
    assert '<span id="inbox-count" hx-swap-oob="true"><span class="count">1<' in polled


def test_the_poll_tells_of_a_count_that_changes_beyond_the_page(client_for, people, policy, monkeypatch):
    monkeypatch.setattr("requests_app.views.inbox.PAGE", 1)
    for key in KEYS[:2]:
        asked(people["requester"], key=key)
    browser = client_for(people["manager"])
    html = browser.get("/inbox/", headers={"hx-request": "true"}).content.decode()
    seen = html.split('"seen": "')[1].split('"')[0]
    asked(people["requester"], key=KEYS[2])
    polled = browser.get("/inbox/", {"seen": seen}, headers={"hx-request": "true"})
    assert "<title>(3) Inbox" in polled.content.decode()


def test_pages_follow_each_other_without_gap_or_repetition(client_for, people, policy, monkeypatch):
    monkeypatch.setattr("requests_app.views.inbox.PAGE", 2)
    made = [asked(people["requester"], key=key) for key in KEYS]
    browser = client_for(people["manager"])
    found, query = [], ""
    for _ in range(3):
        html = page(browser, query)
        found.append([one.pk for one in made if f"/requests/{one.pk}/" in html])
        query = "?after=" + html.split("?after=")[1].split('"')[0] if "?after=" in html else ""
    assert [pk for part in found for pk in part] == [one.pk for one in made]
    assert "Nobody waits" not in page(browser, "?after=nonsense")


def test_queries_do_not_grow_with_the_list(client_for, people, policy, django_assert_max_num_queries):
    browser = client_for(people["manager"])
    for key in KEYS:
        asked(people["requester"], key=key)
    page(browser)
    with django_assert_max_num_queries(MOST_QUERIES):
        page(browser)
