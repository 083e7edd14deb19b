"""More time, less time, and again: what the pages offer to whom, and what their forms do."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from audit_app.clock import now
from requests_app.actions import decide
from requests_app.models import AccessRequest, Grant
from tests.support.azure import activated, active_stage, read_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(people: Any, policy: Any) -> Grant:
    """A grant of thirty minutes that has just opened."""
    return read_back(activated(people))


def page(door: Grant) -> str:
    return f"/requests/{door.access_request_id}/"


def form(**more: str) -> dict[str, str]:
    return {"total": "2700", "reason": "The import takes longer", "submission_key": str(uuid4()), **more}


def html(client: Any, address: str) -> str:
    return client.get(address).content.decode()


def test_the_holder_is_offered_more_time_up_to_what_policy_allows(client_for, people, door):
    for address in ("/", page(door)):
        text = html(client_for(people["requester"]), address)
        assert "Ask for more time" in text
        assert "15 min more" in text
        assert "(the most there is)" in text


@pytest.mark.parametrize("role", ["manager", "auditor", "administrator"])
def test_nobody_else_is_offered_more_time_of_it(role, client_for, people, door):
    assert "Ask for more time" not in html(client_for(people[role]), page(door))


def test_asking_for_more_time_shows_that_it_waits_and_offers_no_second_wish(client_for, people, door):
    client = client_for(people["requester"])
    answer = client.post(f"{page(door)}extend", form(), follow=True)
    text = answer.content.decode()
    assert "Asked for more time. Until it is agreed to, the end stays as it is." in text
    assert "More time was asked for" in text
    assert "Ask for more time" not in text
    wish = AccessRequest.objects.get(extends=door)
    assert wish.duration == timedelta(minutes=45)
    assert f"/requests/{wish.pk}/" in text
    assert client.post(f"{page(door)}extend", form()).status_code == 409


def test_whoever_decides_sees_that_it_is_more_time_and_both_ends(client_for, people, door):
    client_for(people["requester"]).post(f"{page(door)}extend", form())
    wish = AccessRequest.objects.get(extends=door)
    manager = client_for(people["manager"])
    inbox = html(manager, "/inbox/")
    assert "45 min in all" in inbox
    assert "would end" in inbox
    detail = html(manager, f"/requests/{wish.pk}/")
    assert "More time for SSH to prod-web-01" in detail
    assert "Would end" in detail
    decide.decide(by=people["manager"], stage_id=active_stage(wish).pk, vote="approve")
    decide.decide(by=people["security"], stage_id=active_stage(wish).pk, vote="approve")
    text = html(client_for(people["requester"]), page(door))
    assert "Open, extending" in text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"total": ""}, "Choose how much more time you need."),
        ({"total": "-5"}, "Choose how much more time you need."),
        ({"total": "60"}, "already; choose a later end."),
        ({"submission_key": "nonsense"}, "Please load the page again."),
    ],
    ids=["no time", "a negative time", "an earlier end", "no key"],
)
def test_a_form_that_cannot_be_used_comes_back_open_with_what_was_typed(
    sent, words, client_for, people, door
):
    answer = client_for(people["requester"]).post(f"{page(door)}extend", form(**sent))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert words in text
    assert "The import takes longer" in text
    assert not AccessRequest.objects.filter(extends=door).exists()


def test_in_the_last_two_minutes_no_more_time_is_offered_and_asking_says_why(client_for, people, door):
    Grant.objects.filter(pk=door.pk).update(expires_at=now() + timedelta(seconds=100))
    client = client_for(people["requester"])
    assert "Ask for more time" not in html(client, page(door))
    answer = client.post(f"{page(door)}extend", form())
    assert answer.status_code == 403
    assert "In its last two minutes nothing can be extended" in answer.content.decode()


@pytest.mark.parametrize("role", ["requester", "manager", "administrator"])
def test_who_holds_it_agreed_to_it_or_administers_may_close_it_sooner(role, client_for, people, door):
    client = client_for(people[role])
    assert "Close it sooner" in html(client, page(door))
    answer = client.post(f"{page(door)}shorten", {"left": "5m", "reason": "Done soon"}, follow=True)
    assert "closes sooner now" in answer.content.decode()
    door.refresh_from_db()
    assert door.expires_at is not None
    assert timedelta(minutes=4) < door.expires_at - now() <= timedelta(minutes=5)


@pytest.mark.parametrize("left", ["", "soon", "0m", "4h"])
def test_an_end_that_is_none_or_later_is_refused_in_words(left, client_for, people, door):
    answer = client_for(people["requester"]).post(f"{page(door)}shorten", {"left": left, "reason": "Done"})
    assert answer.status_code == 422
    assert "Close it sooner" in answer.content.decode()
    before = door.expires_at
    door.refresh_from_db()
    assert door.expires_at == before


def removed_by_hand(door: Grant) -> None:
    moment = now()
    Grant.objects.filter(pk=door.pk).update(
        state="closed",
        ending_at=moment,
        closed_at=moment,
        ended_why="removed_in_azure",
        ended_note="Somebody removed the rule in Azure.",
    )


def test_what_somebody_took_away_in_azure_is_opened_again_by_its_holder_alone(client_for, people, door):
    removed_by_hand(door)
    client = client_for(people["requester"])
    for address in ("/", page(door)):
        assert "Open again for the" in html(client, address)
    assert "Open again for the" not in html(client_for(people["administrator"]), page(door))
    answer = client.post(f"{page(door)}open-again", follow=True)
    assert "is opening again" in answer.content.decode()
    again = Grant.objects.get(again_of=door)
    assert again.state == "opening"
    assert "Open again for the" not in html(client, "/")


def test_opening_again_from_elsewhere_asks_first_and_does_it_when_meant(client_for, people, door):
    removed_by_hand(door)
    client = client_for(people["requester"], address="9.9.9.9")
    answer = client.post(f"{page(door)}open-again")
    assert answer.status_code == 403
    assert "You are somewhere else now" in answer.content.decode()
    assert f'action="{page(door)}open-again"' in answer.content.decode()
    client.post(f"{page(door)}open-again", {"from_elsewhere": "1"})
    assert Grant.objects.filter(again_of=door, state="opening").exists()


def test_a_revoked_request_closes_whatever_came_of_it_last(client_for, people, door):
    removed_by_hand(door)
    client_for(people["requester"]).post(f"{page(door)}open-again")
    answer = client_for(people["administrator"]).post(f"{page(door)}revoke", {"reason": "Stop"}, follow=True)
    assert "is closing now" in answer.content.decode()
    assert Grant.objects.get(again_of=door).ended_why == "revoked"


def test_wherever_a_grant_is_shown_it_says_what_becomes_of_sessions(client_for, people, door):
    client = client_for(people["requester"])
    for address in ("/", page(door)):
        assert "stay up until you end them, even after the rule is gone" in html(client, address)
    Grant.objects.filter(pk=door.pk).update(flush_connection=True)
    for address in ("/", page(door)):
        assert "sessions may be cut when the rule goes" in html(client, address)
