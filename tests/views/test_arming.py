"""Arming on the pages: everybody reads on the status page that the portal only closes; an administrator changes it."""

import pytest

from audit_app.models import Event
from requests_app.arming import is_armed
from requests_app.models import Arming

pytestmark = pytest.mark.django_db
BANNER = "The portal only closes."


def html(client, address="/"):
    return client.get(address).content.decode()


@pytest.fixture
def close_only(people, policy):
    Arming.objects.all().delete()


def test_a_portal_that_only_closes_says_so_on_every_page_of_an_administrator(client_for, people, close_only):
    for address in ("/", "/catalogue/", "/status/"):
        assert BANNER in html(client_for(people["administrator"]), address)


def test_everybody_reads_it_on_the_status_page_and_only_there(client_for, people, close_only):
    client = client_for(people["requester"])
    assert BANNER in html(client, "/status/")
    assert "Arm it" not in html(client, "/status/")
    assert BANNER not in html(client)


def test_an_armed_portal_says_nothing_and_by_whose_word_it_is_armed(client_for, people, policy):
    client = client_for(people["administrator"])
    assert BANNER not in html(client)
    assert "This database is armed" in html(client, "/status/")


def test_an_administrator_arms_it_with_a_reason_and_can_take_that_back(client_for, people, close_only):
    client = client_for(people["administrator"])
    answer = client.post("/status/arm", {"armed": "yes", "reason": "  "})
    assert answer.status_code == 422
    assert "Please say why" in answer.content.decode()
    assert not is_armed()
    told = client.post("/status/arm", {"armed": "yes", "reason": "Restored and checked"}, follow=True)
    assert "Armed. The portal opens and closes." in told.content.decode()
    assert "Restored and checked" in told.content.decode()
    assert is_armed()
    client.post("/status/arm", {"armed": "no", "reason": "Something is odd"})
    assert not is_armed()


@pytest.mark.parametrize("role", ["requester", "manager", "auditor"])
def test_nobody_else_arms_it_and_the_try_stands_in_the_trail(role, client_for, people, close_only):
    answer = client_for(people[role]).post("/status/arm", {"armed": "yes", "reason": "Please"})
    assert answer.status_code == 403
    assert not is_armed()
    assert Event.objects.filter(kind="portal.arm_refused").count() == 1
