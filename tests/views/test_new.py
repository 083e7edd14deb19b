"""Asking: the form keeps what was typed, policy's refusals stand on it, and the preview tells what would happen."""

from typing import Any
from uuid import uuid4

import pytest

from audit_app.models import Event
from requests_app.models import AccessRequest, Entitlement
from tests.support.azure import REASON, SSH, address_of

pytestmark = pytest.mark.django_db
NEW, PREVIEW = "/requests/new", "/requests/preview"


def said(person: Any, **more: Any) -> dict[str, Any]:
    """What a browser posts of a filled form."""
    words = {
        "entitlement": SSH,
        "submission_key": str(uuid4()),
        "duration": "30",
        "reason": REASON,
        "ticket": "",
        "source": address_of(person),
        "submit": "1",
    }
    return {**words, **more}


def test_asking_makes_a_request_and_leads_to_its_page(client_for, requester, policy):
    answer = client_for(requester).post(NEW, said(requester), follow=True)
    made = AccessRequest.objects.get()
    assert answer.redirect_chain[-1][0] == f"/requests/{made.pk}/"
    assert made.duration.total_seconds() == 1800
    assert "“Manager” decides next" in answer.content.decode()


def test_same_form_sent_twice_is_one_request(client_for, requester, policy):
    browser, form = client_for(requester), said(requester)
    assert browser.post(NEW, form).url == browser.post(NEW, form).url
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize(("typed", "seconds"), [("45", 2700), ("1h30m", 5400), ("PT20M", 1200), ("20s", 20)])
def test_time_can_be_written_as_people_write_it(typed, seconds, client_for, requester, policy):
    client_for(requester).post(NEW, said(requester, duration=typed))
    assert AccessRequest.objects.get().duration.total_seconds() == seconds


def test_seconds_are_for_the_demo_alone(client_for, requester, policy, settings):
    settings.LATCH_DEMO = False
    answer = client_for(requester).post(NEW, said(requester, duration="20s"))
    assert answer.status_code == 422
    assert "Whole minutes" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words", "status"),
    [
        ("duration", "soon", "Write how long", 422),
        ("duration", "9h", "longer than the 2 h", 403),
        ("reason", "", "Say in a sentence", 422),
        ("reason", "because", "at least 10", 403),
        ("source", "0.0.0.0/0", "whole internet", 403),
        ("source", "9.9.9.9", "lets in only that", 403),
    ],
)
def test_refusal_stands_on_the_form_and_nothing_typed_is_lost(
    field, value, words, status, client_for, requester, policy
):
    form = said(requester, ticket="CHG-2214", **{field: value})
    answer = client_for(requester).post(NEW, form)
    html = answer.content.decode()
    assert answer.status_code == status
    assert words in html
    assert 'value="CHG-2214"' in html
    assert form["submission_key"] in html
    if field != "reason":
        assert REASON in html
    assert not AccessRequest.objects.exists()


def test_refusal_by_policy_stands_in_the_trail(client_for, requester, policy):
    client_for(requester).post(NEW, said(requester, duration="9h"))
    assert Event.objects.get(kind="request.refused").outcome == "refused"


def test_untouched_form_shows_what_is_needed_and_no_failure(client_for, requester, policy):
    html = client_for(requester).get(f"{NEW}?entitlement={SSH}").content.decode()
    assert "still needed" in html
    assert "Not possible as it stands" not in html
    assert f'value="{address_of(requester)}"' in html


def test_preview_names_the_people_and_the_rule(client_for, people, policy):
    html = client_for(people["requester"]).post(PREVIEW, said(people["requester"])).content.decode()
    assert "You may ask for this" in html
    for name in ("manager", "security", "security2"):
        assert str(people[name]) in html
    for word in ("nsg-prod-web", "10.20.1.4", "Tcp 22", address_of(people["requester"]), "does not cut"):
        assert word in html
    assert "<html" not in html


def test_preview_says_what_policy_would_refuse(client_for, requester, policy):
    html = client_for(requester).post(PREVIEW, said(requester, duration="9h")).content.decode()
    assert "Not possible as it stands" in html
    assert "Ask for 2 h or less" in html


def test_preview_button_works_without_script_and_asks_for_nothing(client_for, requester, policy):
    form = said(requester, preview="1")
    form.pop("submit")
    html = client_for(requester).post(NEW, form).content.decode()
    assert "You may ask for this" in html
    assert REASON in html
    assert not AccessRequest.objects.exists()


def test_link_fills_the_form(client_for, requester, policy):
    html = client_for(requester).get(f"{NEW}?entitlement={SSH}&duration=1h&ticket=INC-1234").content.decode()
    assert 'value="1h"' in html
    assert 'value="INC-1234"' in html


def test_without_an_entitlement_the_catalogue_is_the_place_to_begin(client_for, requester, policy):
    assert client_for(requester).get(NEW).url == "/catalogue/"


@pytest.mark.parametrize("address", [NEW, PREVIEW])
def test_what_is_not_offered_is_not_there_and_tells_nothing_of_the_network(
    address, client_for, people, policy
):
    answer = client_for(people["outsider"]).get(f"{address}?entitlement={SSH}")
    assert answer.status_code == 404
    assert "10.20.1.4" not in answer.content.decode()


def test_outsider_who_posts_all_the_same_is_refused_and_recorded(client_for, people, policy):
    person = people["outsider"]
    answer = client_for(person).post(NEW, said(person))
    assert answer.status_code == 403
    assert "10.20.1.4" not in answer.content.decode()
    assert Event.objects.get(kind="request.refused").actor_id == person.identity


def test_entitlement_taken_from_the_catalogue_can_not_be_asked_for(client_for, requester, policy):
    Entitlement.objects.filter(key=SSH).update(active=False)
    assert client_for(requester).get(f"{NEW}?entitlement={SSH}").status_code == 404
