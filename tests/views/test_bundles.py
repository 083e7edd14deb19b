"""Asking for several things at once, deciding on them and using them, through the pages."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from requests_app.models import AccessRequest, Grant, Stage
from tests.support.azure import REASON, active_stage, address_of, approved, asked_together, read_back

pytestmark = pytest.mark.django_db
NEW, PREVIEW = "/requests/new", "/requests/preview"
MIXED = ["prod-web-01-ssh", "stg-web-01-ssh"]


def said(person: Any, **more: Any) -> dict[str, Any]:
    """What a browser posts of a filled form."""
    words = {
        "entitlement": MIXED,
        "submission_key": str(uuid4()),
        "duration": "30",
        "reason": REASON,
        "ticket": "",
        "source": address_of(person),
    }
    return {**words, **more}


def html_of(answer: Any) -> str:
    return answer.content.decode()


def test_ticked_in_the_catalogue_they_stand_on_one_form(client_for, requester, policy):
    browser = client_for(requester)
    html = html_of(browser.get("/catalogue/"))
    assert 'form="chosen"' in html
    html = html_of(browser.get(f"{NEW}?chosen=1&entitlement={MIXED[0]}&entitlement={MIXED[1]}"))
    assert "Ask for 2 things at once" in html
    for key in MIXED:
        assert f'<input type="hidden" name="entitlement" value="{key}"' in html
    assert "at most 2 h" in html


def test_what_is_ticked_stays_in_sight_while_something_else_is_looked_for(client_for, requester, policy):
    html = html_of(client_for(requester).get(f"/catalogue/?q=stg-web&entitlement={MIXED[0]}"))
    assert "SSH to prod-web-01" in html
    assert html.count(" checked>") == 1


def test_nothing_ticked_leads_back_to_the_catalogue_saying_so(client_for, requester, policy):
    answer = client_for(requester).get(f"{NEW}?chosen=1", follow=True)
    assert answer.redirect_chain[-1][0] == "/catalogue/"
    assert "Nothing was ticked" in html_of(answer)


@pytest.mark.parametrize(
    ("keys", "status", "words"),
    [
        ([], 422, "at least one"),
        ([f"key-{number}" for number in range(11)], 422, "At most 10"),
        ([MIXED[0], "no-such-thing"], 404, "no such entitlement"),
    ],
)
def test_what_is_no_bundle_is_refused_in_words(keys, status, words, client_for, requester, policy):
    answer = client_for(requester).post(NEW, said(requester, entitlement=keys))
    assert (answer.status_code, words in html_of(answer)) == (status, True)
    assert not AccessRequest.objects.exists()


def test_one_form_makes_one_request_for_all(client_for, requester, policy):
    answer = client_for(requester).post(NEW, said(requester), follow=True)
    made = AccessRequest.objects.get()
    assert answer.redirect_chain[-1][0] == f"/requests/{made.pk}/"
    assert "SSH to prod-web-01, SSH to stg-web-01" in html_of(answer)


def test_preview_says_of_each_what_policy_says_and_names_the_stages_of_all(client_for, people, policy):
    person = people["requester"]
    html = html_of(client_for(person).post(PREVIEW, said(person, duration="3h")))
    assert "Not possible as it stands" in html
    assert "3 h is longer than the 2 h you may have" in html
    assert html.count("Refused</span>") == 1, "only the one it is about"
    assert str(people["manager"]) in html
    assert str(people["security"]) in html
    assert "The rule for SSH to stg-web-01" in html


def test_refusal_names_the_one_and_keeps_what_was_typed(client_for, requester, policy):
    answer = client_for(requester).post(NEW, said(requester, duration="3h"))
    assert answer.status_code == 403
    assert "SSH to prod-web-01: 3 h is longer than the 2 h" in html_of(answer)
    assert REASON in html_of(answer)


def test_one_can_be_taken_off_without_losing_the_rest(client_for, requester, policy):
    browser = client_for(requester)
    html = html_of(browser.post(NEW, said(requester, drop=MIXED[0], ticket="CHG-1")))
    assert "Ask for SSH to stg-web-01" in html
    assert 'value="CHG-1"' in html
    assert browser.post(NEW, said(requester, entitlement=MIXED[:1], drop=MIXED[0])).url == "/catalogue/"


def test_inbox_has_one_card_for_all_of_them(client_for, people, policy):
    access_request = asked_together(people["requester"], *MIXED)
    html = html_of(client_for(people["manager"]).get("/inbox/"))
    assert html.count("data-inbox-row") == 1
    assert f'id="stage-{active_stage(access_request).pk}"' in html
    assert "SSH to prod-web-01, SSH to stg-web-01" in html
    assert html.count("checks passed when asked") == 2


def agreed(people: Any) -> AccessRequest:
    access_request = asked_together(people["requester"], *MIXED)
    from requests_app.actions import decide

    while stage := Stage.objects.filter(access_request=access_request, state="active").first():
        decide.decide(by=people[stage.name], stage_id=stage.pk, vote="approve")
    return access_request


def test_one_button_activates_all_of_them(client_for, people, policy):
    access_request = agreed(people)
    browser = client_for(people["requester"])
    assert html_of(browser.get("/")).count("Activate all 2 now") == 1
    html = html_of(browser.get(f"/requests/{access_request.pk}/"))
    assert html.count("Activate now") == 1
    assert "One code opens 2" in html
    browser.post(f"/requests/{access_request.pk}/activate")
    assert set(Grant.objects.values_list("state", flat=True)) == {"opening"}


def test_each_is_ended_by_itself(client_for, people, policy):
    access_request = agreed(people)
    browser = client_for(people["requester"])
    browser.post(f"/requests/{access_request.pk}/activate")
    first, second = map(read_back, Grant.objects.order_by("pk"))
    address = f"/requests/{access_request.pk}/end"
    assert browser.post(address, {"grant": str(first.pk)}).status_code == 302
    assert [grant.state for grant in Grant.objects.order_by("pk")] == ["closing", "open"]
    other = approved(people, key="prod-app-01-ssh").grants.get()
    for strange in (str(other.pk), "x", "9" * 30):
        assert browser.post(address, {"grant": strange}).status_code == 404
    assert Grant.objects.get(pk=second.pk).state == "open"


def test_one_that_could_not_be_opened_leaves_the_others_open(client_for, people, policy):
    access_request = agreed(people)
    browser = client_for(people["requester"])
    browser.post(f"/requests/{access_request.pk}/activate")
    first, second = Grant.objects.order_by("pk")
    read_back(first)
    Grant.objects.filter(pk=second.pk).update(
        state="closed", ended_why="failed", ended_note="Azure said no.", ending_at=second.issued_at,
        closed_at=second.issued_at,
    )  # fmt: skip
    html = html_of(browser.get(f"/requests/{access_request.pk}/"))
    assert "Azure said no." in html
    assert "End SSH to prod-web-01 now" in html


def test_some_are_left_out_on_the_form_of_the_decision(client_for, people, policy):
    access_request = asked_together(people["requester"], *MIXED)
    browser = client_for(people["manager"])
    html = html_of(browser.get(f"/requests/{access_request.pk}/"))
    left = access_request.items.get(entitlement__key=MIXED[0])
    assert f'name="leave" value="{left.pk}"' in html
    address = f"/stages/{active_stage(access_request).pk}/decide"
    form = {"vote": "approve", "leave": [str(left.pk)], f"why-{left.pk}": ""}
    answer = browser.post(address, form)
    assert answer.status_code == 422
    assert "Please say why SSH to prod-web-01 is left out" in html_of(answer)
    assert f'name="leave" value="{left.pk}" checked' in html_of(answer), "what was ticked is kept"
    browser.post(address, {**form, f"why-{left.pk}": "Not for this ticket"})
    html = html_of(client_for(people["requester"]).get(f"/requests/{access_request.pk}/"))
    assert f"Left out by {people['manager']}" in html
    assert "Not for this ticket" in html
    assert "Not for this ticket" in html_of(client_for(people["security"]).get("/inbox/"))


def test_one_thing_alone_offers_nothing_to_leave_out(client_for, people, policy):
    access_request = asked_together(people["requester"], MIXED[0])
    assert 'name="leave"' not in html_of(client_for(people["manager"]).get(f"/requests/{access_request.pk}/"))


def test_what_all_of_a_bundle_share_is_looked_up_once(client_for: Any, people: Any, policy: Any) -> None:
    keys = [f"prod-{name}-ssh" for name in ("web-01", "web-02", "web-03", "app-01", "app-02", "worker-01")]
    client = client_for(people["requester"])

    def statements(several: list[str]) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.post(PREVIEW, said(people["requester"], entitlement=several)).status_code == 200
        return len(asked)

    statements(keys[:1])
    # Its group's last reading, and what is being written there, are each thing's own.
    assert statements(keys) - statements(keys[:2]) == 4 * 2
