"""Taken back together: a request's, a resource's, a person's, all of it; at once, with a reason, each in the trail."""

from collections.abc import Callable
from typing import Any

import pytest

from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app.actions import codes, revoke
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, Grant, LatchCode, Person, Resource
from tests.support.azure import approved, asked, opened
from tests.support.convergence import fresh, ours, run
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db
REASON = "Seen on the news"


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def the_request(by: Person, reason: str = REASON) -> int:
    first = AccessRequest.objects.order_by("pk")[0]
    return revoke.revoke_request(by=by, access_request_id=first.pk, reason=reason)


def the_resource(by: Person, reason: str = REASON) -> int:
    resource = Resource.objects.get(key="prod-web-01")
    return revoke.revoke_resource(by=by, resource_id=resource.pk, reason=reason)


def the_person(by: Person, reason: str = REASON) -> int:
    holder = AccessRequest.objects.order_by("pk")[0].requester
    return revoke.revoke_person(by=by, person_id=holder.pk, reason=reason)


def everything(by: Person, reason: str = REASON) -> int:
    return revoke.revoke_everything(by=by, reason=reason)


Act = Callable[..., int]


@pytest.mark.parametrize(
    ("act", "count", "left"),
    [(the_request, 1, 2), (the_resource, 2, 1), (the_person, 3, 0), (everything, 3, 0)],
    ids=["request", "resource", "person", "everything"],
)
def test_what_is_open_there_closes_and_what_is_elsewhere_stays(
    people: Any, azure: Any, act: Act, count: int, left: int
) -> None:
    opened(people)
    opened(people)
    other = opened(people, key="prod-web-02-ssh")
    assert act(people["administrator"]) == count
    run()
    assert len(ours(azure)) == left
    assert Grant.objects.filter(state="closed", ended_why="revoked", ended_note=REASON).count() == count
    assert (fresh(other).state == "open") == bool(left)
    told = Event.objects.filter(kind__in=["grants.revoked_together", "grants.revoked_all"]).get()
    assert (told.why, told.data["count"]) == (REASON, count)
    assert Event.objects.filter(kind="grant.revoked").count() == count


@pytest.mark.parametrize("act", [the_request, the_resource, the_person, everything])
def test_what_waits_to_be_activated_is_void_and_its_code_is_dead(people: Any, act: Act) -> None:
    access_request = approved(people)
    codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    assert act(people["administrator"]) == 1
    assert Grant.objects.get().state == "closed"
    assert LatchCode.objects.get().revoked_at


@pytest.mark.parametrize("who", ["requester", "manager", "auditor", "outsider"])
@pytest.mark.parametrize("act", [the_request, the_resource, the_person, everything])
def test_anyone_else_is_refused(people: Any, act: Act, who: str) -> None:
    approved(people)
    refused(Refused, "Only an administrator", "grant.revoke_refused", lambda: act(people[who]))


def test_the_owner_of_a_resource_closes_everything_on_it_and_nothing_else(people: Any, azure: Any) -> None:
    opened(people)
    assert the_resource(people["owner"]) == 1
    opened(people)
    for act in (the_request, the_person, everything):
        refused(
            Refused, "Only an administrator", "grant.revoke_refused", lambda act=act: act(people["owner"])
        )


@pytest.mark.parametrize("act", [the_request, the_resource, the_person, everything])
def test_a_reason_is_given(people: Any, act: Act) -> None:
    approved(people)
    with pytest.raises(Invalid, match="say why"):
        act(people["administrator"], reason="  ")


@pytest.mark.parametrize("act", [the_request, the_resource, the_person])
def test_where_nothing_is_open_that_is_said(people: Any, act: Act) -> None:
    asked(people["requester"])
    with pytest.raises(Stale, match="Nothing was changed"):
        act(people["administrator"])
