"""Close everything on a resource, or that a person holds: shown first, done with a reason, by those who may."""

from typing import Any

import pytest

from audit_app.models import Event
from requests_app.models import Grant, Resource
from tests.support.azure import activated, approved, read_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(people: Any, policy: Any) -> list[Grant]:
    """Two grants of the requester's on two machines, the second not activated yet."""
    open_one = read_back(activated(people))
    return [open_one, Grant.objects.get(access_request=approved(people, key="prod-web-02-ssh"))]


def states(held: list[Grant]) -> list[str]:
    return [Grant.objects.get(pk=one.pk).state for one in held]


def test_everything_on_a_resource_is_shown_and_then_closed_with_a_reason(client_for, people, held):
    client = client_for(people["administrator"])
    text = client.get("/resources/prod-web-01/close/").content.decode()
    assert "SSH to prod-web-01" in text
    assert "SSH to prod-web-02" not in text
    answer = client.post("/resources/prod-web-01/close/", {"reason": "It is compromised"}, follow=True)
    assert "Closing everything on prod-web-01: 1 revoked." in answer.content.decode()
    assert states(held) == ["closing", "issued"]


def test_everything_a_person_holds_is_closed_used_or_not(client_for, people, held):
    page = f"/people/{people['requester'].oid}/close/"
    client = client_for(people["administrator"])
    text = client.get(page).content.decode()
    assert "SSH to prod-web-01" in text
    assert "SSH to prod-web-02" in text
    client.post(page, {"reason": "Left the company"})
    assert states(held) == ["closing", "closed"]


def test_its_owner_may_close_everything_on_a_resource(client_for, people, held):
    Resource.objects.filter(key="prod-web-01").update(owner_oid=people["manager"].oid)
    client = client_for(people["manager"])
    assert (
        "Everything on prod-web-01" in client.get(f"/requests/{held[0].access_request_id}/").content.decode()
    )
    assert client.get("/resources/prod-web-01/close/").status_code == 200
    client.post("/resources/prod-web-01/close/", {"reason": "Maintenance begins"})
    assert states(held) == ["closing", "issued"]


def test_without_a_reason_nothing_is_closed(client_for, people, held):
    answer = client_for(people["administrator"]).post("/resources/prod-web-01/close/", {"reason": " "})
    assert answer.status_code == 422
    assert "Please say why" in answer.content.decode()
    assert states(held) == ["open", "issued"]


def test_a_try_by_somebody_who_may_not_is_refused_and_stands_in_the_trail(client_for, people, held):
    answer = client_for(people["requester"]).post("/resources/prod-web-01/close/", {"reason": "Why not"})
    assert answer.status_code == 403
    assert Event.objects.filter(kind="grant.revoke_refused").count() == 1
    assert states(held) == ["open", "issued"]


@pytest.mark.parametrize(
    "page", ["/resources/none-such/close/", "/people/3b2f7a52-6a0f-4d3c-9a56-0c6f5d0f7a11/close/"]
)
def test_only_who_may_close_learns_that_there_is_no_such_thing(page, client_for, people, policy):
    assert client_for(people["administrator"]).get(page).status_code == 404
    assert client_for(people["requester"]).get(page).status_code == 403


def test_where_nothing_is_open_the_page_says_so_and_closing_answers_409(client_for, people, policy):
    client = client_for(people["administrator"])
    assert "Nothing is open" in client.get("/resources/prod-web-01/close/").content.decode()
    assert client.post("/resources/prod-web-01/close/", {"reason": "To be sure"}).status_code == 409
