"""What a broken glass opened may be closed by whoever was told of it: nobody was asked, so each of them may say no."""

from datetime import timedelta
from typing import Any

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app.actions import revoke, shorten
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant
from tests.support.azure import activated, read_back
from tests.support.glass import broken
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db
WHY = "This is no emergency"


@pytest.fixture
def grant(people: Any, policy: Any) -> Grant:
    """The glass is broken and the door is open."""
    held = broken(people["ben"]).grants.get()
    read_back(held)
    held.refresh_from_db()
    return held


@pytest.mark.parametrize("who", ["manager", "security", "security2", "administrator"])
def test_whoever_was_told_closes_it_at_once(who: str, grant: Grant, people: Any) -> None:
    assert revoke.revoke(by=people[who], grant_id=grant.pk, reason=WHY).state == "closing"
    told = Event.objects.get(kind="grant.revoked")
    assert (told.actor_id, told.why) == (people[who].identity, WHY)


def test_whoever_was_told_closes_all_that_came_of_the_request(grant: Grant, people: Any) -> None:
    done = revoke.revoke_request(by=people["security"], access_request_id=grant.access_request_id, reason=WHY)
    assert done == 1
    grant.refresh_from_db()
    assert grant.state == "closing"


def test_whoever_was_told_leaves_it_less_time(grant: Grant, people: Any) -> None:
    end = now() + timedelta(minutes=5)
    assert shorten.shorten(by=people["manager"], grant_id=grant.pk, end=end, reason=WHY).expires_at == end


@pytest.mark.parametrize("who", ["outsider", "requester", "auditor"])
def test_nobody_else_does(who: str, grant: Grant, people: Any) -> None:
    for act in (
        lambda: revoke.revoke(by=people[who], grant_id=grant.pk, reason=WHY),
        lambda: revoke.revoke_request(by=people[who], access_request_id=grant.access_request_id, reason=WHY),
    ):
        refused(Refused, "whoever was told of it", "grant.revoke_refused", act)


def test_what_was_agreed_to_is_not_revoked_by_its_approvers(people: Any, policy: Any) -> None:
    usual = activated(people)
    assert not AccessRequest.objects.get(pk=usual.access_request_id).break_glass
    act = lambda: revoke.revoke(by=people["manager"], grant_id=usual.pk, reason=WHY)  # noqa: E731
    refused(Refused, "Only an administrator", "grant.revoke_refused", act)
