"""My access: what is open and until when, what waits, what came of it; bounded queries; nobody else's things."""

from typing import Any

import pytest

from requests_app.actions import decide
from requests_app.converge import converge
from requests_app.models import Attempt, Container, Grant, Opening
from tests.support.azure import activated, active_stage, approved, asked, containers

pytestmark = pytest.mark.django_db
MOST_QUERIES = 25


def page(browser: Any, **headers: str) -> str:
    return browser.get("/", headers=headers).content.decode()


def test_somebody_without_anything_is_taught_how_to_begin(client_for, people, policy):
    html = page(client_for(people["outsider"]))
    assert "Every door is closed" in html
    assert "/catalogue/" in html


def test_waiting_request_shows_who_decides_now_and_who_after(client_for, people, policy):
    asked(people["requester"])
    html = page(client_for(people["requester"]))
    assert "Deciding now" in html
    assert str(people["manager"]) in html
    assert "1 of the group security" in html


def test_approved_request_shows_activate_as_the_next_step(client_for, people, policy):
    access_request = approved(people)
    html = page(client_for(people["requester"]))
    assert f"/requests/{access_request.pk}/activate" in html
    assert "Activate now" in html
    assert "Every door is closed" not in html


def test_denial_stands_there_with_who_and_why(client_for, people, policy):
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="deny", reason="Use the runbook")
    html = page(client_for(people["requester"]))
    assert "Use the runbook" in html
    assert str(people["manager"]) in html


def test_trouble_with_opening_is_told_in_azures_own_words(client_for, people, policy):
    grant = activated(people)
    opening = Opening.objects.get(grant=grant)
    Attempt.objects.create(
        opening=opening,
        kind="write",
        started_at=grant.activated_at,
        deadline=grant.hard_end,
        outcome="failed",
        error_kind="busy",
        error_code="AnotherOperationInProgress",
        error_message="Another operation on this resource is in progress.",
        correlation_id="c" * 36,
    )
    html = page(client_for(people["requester"]))
    assert "Another operation on this resource is in progress." in html
    assert "AnotherOperationInProgress" in html
    assert "The portal tries again by itself" in html


def test_poll_gets_the_part_that_changes_and_nothing_when_nothing_changed(client_for, people, policy):
    asked(people["requester"])
    browser = client_for(people["requester"])
    first = page(browser, hx_request="true")
    assert "<html" not in first
    assert 'id="access"' in first
    seen = first.split('"seen": "')[1].split('"')[0]
    assert browser.get("/", {"seen": seen}, headers={"hx-request": "true"}).status_code == 204
    stage = active_stage(people["requester"].access_requests.get())
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve")
    assert browser.get("/", {"seen": seen}, headers={"hx-request": "true"}).status_code == 200


def test_what_others_hold_is_not_shown(client_for, people, policy):
    approved(people)
    assert "prod-web-01" not in page(client_for(people["manager"]))


def test_queries_do_not_grow_with_what_one_holds(client_for, people, policy, django_assert_max_num_queries):
    for key in ("prod-web-01-ssh", "prod-web-02-ssh", "prod-app-01-ssh"):
        activated(people, key=key)
    for key in ("prod-web-03-ssh", "stg-web-01-ssh", "stg-web-02-ssh"):
        asked(people["requester"], key=key)
    browser = client_for(people["requester"])
    page(browser)
    with django_assert_max_num_queries(MOST_QUERIES):
        page(browser)


def test_used_lately_can_be_asked_again_with_one_press(client_for, people, policy, azure):
    grant = activated(people)
    for container in containers():
        converge(container.pk)
    browser = client_for(people["requester"])
    browser.post(f"/requests/{grant.access_request_id}/end")
    for container in Container.objects.all():
        converge(container.pk)
    assert Grant.objects.get().state == "closed"
    html = page(browser)
    assert f"/requests/new?again={grant.access_request_id}" in html


def test_a_person_with_hundreds_waiting_still_gets_a_page_of_bounded_length(people, policy, client_for):
    for _ in range(30):
        asked(people["requester"])
    html = page(client_for(people["requester"]))
    assert html.count('id="waiting-') - 1 == 25, "the heading and twenty-five requests"
    assert "Only the first 25 of each kind" in html
