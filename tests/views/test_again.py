"""Asking again: the form as it was, for what is still on offer, from one's own request that is over."""

from typing import Any

import pytest

from requests_app.actions import decide, submit
from requests_app.models import AccessRequest, Entitlement, Grant
from tests.support.azure import REASON, activated, active_stage, asked, asked_together

pytestmark = pytest.mark.django_db
MIXED = ("prod-web-01-ssh", "stg-web-01-ssh")


def page(browser: Any, address: str) -> str:
    return browser.get(address).content.decode()


def denied(people: Any, access_request: AccessRequest) -> AccessRequest:
    decide.decide(
        by=people["manager"], stage_id=active_stage(access_request).pk, vote="deny", reason="Not today"
    )
    return access_request


def test_the_form_is_filled_in_as_it_was_and_one_press_asks(client_for, people, policy):
    first = denied(people, asked_together(people["requester"], *MIXED, minutes=45, ticket="CHG-2214"))
    browser = client_for(people["requester"])
    link = f"/requests/new?again={first.pk}"
    for place in (f"/requests/{first.pk}/", "/"):
        assert link in page(browser, place)
    answer = browser.get(link)
    form = answer.context["form"]
    said = {name: form[name].value() for name in form.fields}
    assert (said["entitlement"], said["duration"]) == (list(MIXED), "45m")
    assert (said["reason"], said["ticket"]) == (REASON, "CHG-2214")
    assert "You may ask for this" in answer.content.decode()
    browser.post("/requests/new", said)
    assert AccessRequest.objects.exclude(pk=first.pk).get().reason == REASON


@pytest.mark.parametrize("state", ["waiting", "withdrawn"])
def test_only_what_is_over_is_asked_again(state, client_for, people, policy):
    access_request = asked(people["requester"])
    if state == "withdrawn":
        submit.withdraw(by=people["requester"], access_request_id=access_request.pk)
    html = page(client_for(people["requester"]), f"/requests/{access_request.pk}/")
    assert ("?again=" in html) is (state == "withdrawn")
    assert "?again=" not in page(client_for(people["auditor"]), f"/requests/{access_request.pk}/")


def test_what_was_used_lately_together_is_asked_for_again_together(client_for, people, policy):
    grant = activated(people)
    Grant.objects.filter(pk=grant.pk).update(
        state="closed", ended_why="expired", opened_at=grant.issued_at, ending_at=grant.issued_at,
        closed_at=grant.issued_at,
    )  # fmt: skip
    browser = client_for(people["requester"])
    assert f"/requests/new?again={grant.access_request_id}" in page(browser, "/")
    assert f"/requests/new?again={grant.access_request_id}" in page(
        browser, f"/requests/{grant.access_request_id}/"
    )


def test_what_is_not_on_offer_any_more_is_left_off_and_named(client_for, people, policy):
    first = denied(people, asked_together(people["requester"], *MIXED))
    browser = client_for(people["requester"])
    Entitlement.objects.filter(key=MIXED[0]).update(active=False)
    html = page(browser, f"/requests/new?again={first.pk}")
    assert "left off: SSH to prod-web-01" in html
    assert "Ask for SSH to stg-web-01" in html
    Entitlement.objects.filter(key=MIXED[1]).update(active=False)
    answer = browser.get(f"/requests/new?again={first.pk}")
    assert answer.status_code == 404
    assert "not on offer to you any more" in answer.content.decode()


@pytest.mark.parametrize("which", ["theirs", "x", "9" * 30, ""])
def test_nobody_asks_again_for_what_somebody_else_asked(which, client_for, people, policy):
    first = denied(people, asked(people["requester"]))
    pk = first.pk if which == "theirs" else which
    answer = client_for(people["manager"]).get(f"/requests/new?again={pk}")
    assert answer.status_code == 404
    assert REASON not in answer.content.decode()


def test_a_time_that_policy_has_cut_since_is_the_most_there_is_now(client_for, people, policy):
    first = denied(people, asked(people["requester"], minutes=60))
    AccessRequest.objects.filter(pk=first.pk).update(duration="05:00:00")
    answer = client_for(people["requester"]).get(f"/requests/new?again={first.pk}")
    assert answer.context["form"]["duration"].value() == "2h"
