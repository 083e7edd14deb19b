"""The catalogue: only what policy offers this person, found by search and filters, in a bounded number of queries."""

from typing import Any

import pytest

from requests_app.models import Entitlement
from tests.support.azure import approved, asked

pytestmark = pytest.mark.django_db
MOST_QUERIES = 11  # three of them are the session's, and one the frame's


def names(browser: Any, query: str = "") -> str:
    return browser.get(f"/catalogue/{query}").content.decode()


def test_engineer_sees_what_engineers_may_ask_for_with_who_approves_and_how_long(
    client_for, requester, policy
):
    html = names(client_for(requester))
    assert "SSH to prod-web-01" in html
    assert "Manager <span" in html
    assert "2 h" in html


def test_what_policy_does_not_offer_is_not_there(client_for, people, policy):
    html = names(client_for(people["outsider"]))
    assert "prod-web-01" not in html
    assert "Nothing is offered to you" in html


def test_search_and_filters_stand_in_the_address(client_for, requester, policy):
    browser = client_for(requester)
    html = names(browser, "?q=web+ssh&environment=staging")
    assert "SSH to stg-web-01" in html
    assert "prod-web-01" not in html
    assert "Nothing fits" in names(browser, "?q=teapot")


def test_unknown_filter_finds_nothing_rather_than_everything(client_for, requester, policy):
    assert "Nothing fits" in names(client_for(requester), "?environment=moon")


def test_htmx_gets_the_list_alone(client_for, requester, policy):
    html = client_for(requester).get("/catalogue/?q=web", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in html
    assert "SSH to prod-web-01" in html


def test_own_request_under_way_is_marked(client_for, people, policy):
    access_request = asked(people["requester"])
    html = names(client_for(people["requester"]), "?q=prod-web-01")
    assert f"/requests/{access_request.pk}/" in html
    assert "Under way" in html


def test_how_long_it_usually_takes_comes_from_what_was_approved(client_for, people, policy):
    assert "not known yet" in names(client_for(people["requester"]), "?q=prod-web-01")
    approved(people)
    assert "under a minute" in names(client_for(people["requester"]), "?q=prod-web-01")


def test_queries_are_the_same_for_few_and_many(client_for, requester, policy, django_assert_max_num_queries):
    browser = client_for(requester)
    names(browser)
    with django_assert_max_num_queries(MOST_QUERIES):
        names(browser)
    one = Entitlement.objects.get(key="prod-web-01-ssh")
    for number in range(30):
        one.pk, one.key = None, f"copy-{number}"
        one.save(force_insert=True)
    with django_assert_max_num_queries(MOST_QUERIES):
        names(browser)
