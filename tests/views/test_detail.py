"""One request's page: what it shows to whom, and every step that starts there."""

from typing import Any

import pytest

from audit_app.models import Event
from requests_app.actions import codes, end, submit
from requests_app.models import AccessRequest, Grant, LatchCode
from tests.support.azure import activated, active_stage, approved, asked

pytestmark = pytest.mark.django_db
MOST_QUERIES = 30


def shown(browser: Any, access_request: AccessRequest) -> str:
    return browser.get(f"/requests/{access_request.pk}/").content.decode()


def test_requester_sees_where_it_stands_and_may_withdraw(client_for, people, policy):
    access_request = asked(people["requester"])
    browser = client_for(people["requester"])
    html = shown(browser, access_request)
    assert "Deciding now" in html
    assert "Asked for SSH to prod-web-01" in html
    assert 'value="approve"' not in html, "the requester is offered their own decision"
    answer = browser.post(
        f"/requests/{access_request.pk}/withdraw", {"reason": "Done otherwise"}, follow=True
    )
    assert "Withdrawn. Nobody is asked any more." in answer.content.decode()
    access_request.refresh_from_db()
    assert access_request.state == "withdrawn"
    assert Event.objects.get(kind="request.withdrawn").why == "Done otherwise"


def test_withdrawing_twice_answers_409_and_changes_nothing(client_for, people, policy):
    access_request = asked(people["requester"])
    submit.withdraw(by=people["requester"], access_request_id=access_request.pk)
    answer = client_for(people["requester"]).post(f"/requests/{access_request.pk}/withdraw")
    assert answer.status_code == 409
    assert Event.objects.filter(kind="request.withdrawn").count() == 1


@pytest.mark.parametrize("role", ["manager", "auditor", "administrator"])
def test_who_decides_or_watches_sees_it_without_the_requesters_buttons(role, client_for, people, policy):
    access_request = approved(people)
    html = shown(client_for(people[role]), access_request)
    assert "/withdraw" not in html
    assert "/activate" not in html
    assert ("/revoke" in html) == (role == "administrator")


def test_code_is_shown_once_and_never_kept_by_a_cache_or_an_address(client_for, people, policy):
    access_request = approved(people)
    browser = client_for(people["requester"])
    answer = browser.post(f"/requests/{access_request.pk}/code")
    html = answer.content.decode()
    assert "eyJ" in html
    assert "no-store" in answer["Cache-Control"]
    assert "eyJ" not in shown(browser, access_request)
    assert "Get a new code" in shown(browser, access_request)


def test_code_is_for_the_requester_alone(client_for, people, policy):
    access_request = approved(people)
    answer = client_for(people["administrator"]).post(f"/requests/{access_request.pk}/code")
    assert answer.status_code == 403
    assert "eyJ" not in answer.content.decode()
    assert not LatchCode.objects.exists()


def test_activating_opens_and_says_so(client_for, people, policy):
    access_request = approved(people)
    browser = client_for(people["requester"])
    answer = browser.post(f"/requests/{access_request.pk}/activate", follow=True)
    assert "Activated. It is opening" in answer.content.decode()
    assert Grant.objects.get().state == "opening"
    assert browser.post(f"/requests/{access_request.pk}/activate").status_code == 409


def test_activating_from_elsewhere_asks_first_and_does_it_when_meant(client_for, people, policy):
    access_request = approved(people)
    browser = client_for(people["requester"], address="9.9.9.9")
    answer = browser.post(f"/requests/{access_request.pk}/activate")
    assert answer.status_code == 403
    assert "You are somewhere else now" in answer.content.decode()
    assert Grant.objects.get().state == "issued"
    browser.post(f"/requests/{access_request.pk}/activate", {"from_elsewhere": "1"})
    assert Grant.objects.get().state == "opening"


def test_right_can_be_given_back_unused(client_for, people, policy):
    access_request = approved(people)
    browser = client_for(people["requester"])
    assert browser.post(f"/requests/{access_request.pk}/cancel").status_code == 302
    assert Grant.objects.get().ended_why == "cancelled"
    assert browser.post(f"/requests/{access_request.pk}/activate").status_code == 409


def test_only_its_holder_ends_it(client_for, people, policy):
    grant = activated(people)
    page = f"/requests/{grant.access_request_id}/end"
    assert client_for(people["manager"]).post(page).status_code == 403
    assert client_for(people["requester"]).post(page).status_code == 302
    assert Grant.objects.get().state == "closing"
    assert client_for(people["requester"]).post(page).status_code == 409


def test_revoking_is_the_administrators_and_needs_a_reason(client_for, people, policy):
    grant = activated(people)
    page = f"/requests/{grant.access_request_id}/revoke"
    assert client_for(people["manager"]).post(page, {"reason": "No"}).status_code == 403
    boss = client_for(people["administrator"])
    answer = boss.post(page, {"reason": " "})
    assert answer.status_code == 422
    assert "Please say why" in answer.content.decode()
    assert boss.post(page, {"reason": "Left the team"}).status_code == 302
    assert Grant.objects.get().ended_note == "Left the team"


def test_ending_what_never_came_about_is_not_found(client_for, people, policy):
    access_request = asked(people["requester"])
    assert client_for(people["requester"]).post(f"/requests/{access_request.pk}/end").status_code == 404


def test_pasted_code_opens_and_works_once(client_for, people, policy):
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    browser = client_for(people["requester"])
    assert browser.post("/activate/", {"code": text}).url == f"/requests/{access_request.pk}/"
    answer = browser.post("/activate/", {"code": text})
    assert answer.status_code in (403, 409, 410)


@pytest.mark.parametrize("role", ["manager", "administrator"])
def test_pasted_code_of_somebody_else_is_refused_on_the_form(role, client_for, people, policy):
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    answer = client_for(people[role]).post("/activate/", {"code": text})
    assert answer.status_code == 403
    assert "belongs to somebody else" in answer.content.decode()
    assert Grant.objects.get().state == "issued"


def test_pasted_nonsense_is_refused_in_words_and_kept_on_the_form(client_for, requester, policy):
    answer = client_for(requester).post("/activate/", {"code": "not-a-code"})
    assert answer.status_code == 403
    assert "not-a-code" in answer.content.decode()
    assert client_for(requester).post("/activate/", {"code": ""}).status_code == 422


def test_pasting_from_elsewhere_offers_to_mean_it(client_for, people, policy):
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    browser = client_for(people["requester"], address="9.9.9.9")
    answer = browser.post("/activate/", {"code": text})
    assert answer.status_code == 403
    assert 'name="from_elsewhere"' in answer.content.decode()
    assert browser.post("/activate/", {"code": text, "from_elsewhere": "1"}).status_code == 302


def test_others_addresses_are_for_auditors_alone(client_for, people, policy):
    access_request = asked(people["requester"])
    browser = client_for(people["manager"])
    browser.post(f"/stages/{active_stage(access_request).pk}/decide", {"vote": "approve"})
    where = browser.defaults["REMOTE_ADDR"]
    assert where not in shown(client_for(people["requester"]), access_request)
    assert where in shown(client_for(people["auditor"]), access_request)


def test_page_asks_often_only_while_something_moves(client_for, people, policy):
    grant = activated(people)
    browser = client_for(people["requester"])
    assert "every 2s" in shown(browser, grant.access_request)
    waiting = asked(people["requester"], key="prod-web-02-ssh")
    assert "every 15s" in shown(browser, waiting)
    submit.withdraw(by=people["requester"], access_request_id=waiting.pk)
    assert "hx-trigger" not in shown(browser, waiting)


def test_poll_is_answered_empty_until_something_happens(client_for, people, policy):
    grant = activated(people)
    browser = client_for(people["requester"])
    page = f"/requests/{grant.access_request_id}/"
    html = browser.get(page, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in html
    seen = html.split('"seen": "')[1].split('"')[0]
    assert browser.get(page, {"seen": seen}, headers={"hx-request": "true"}).status_code == 204
    end.end_now(by=people["requester"], grant_id=grant.pk)
    assert browser.get(page, {"seen": seen}, headers={"hx-request": "true"}).status_code == 200


def test_queries_are_bounded(client_for, people, policy, django_assert_max_num_queries):
    grant = activated(people, key="prod-web-03-ssh")
    browser = client_for(people["requester"])
    shown(browser, grant.access_request)
    with django_assert_max_num_queries(MOST_QUERIES):
        shown(browser, grant.access_request)
