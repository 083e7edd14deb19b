"""An approver agrees to some of a bundle and not to the rest: with a reason each, recorded, told, and never undone."""

from typing import Any

import pytest

from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app.actions import decide
from requests_app.actions.narrow import Narrower
from requests_app.errors import Invalid
from requests_app.models import AccessRequest, Decision, Grant, Message, RequestItem, Resource
from requests_app.seen import fingerprint
from tests.support.azure import REASON, active_stage, asked, asked_together
from tests.support.fresh import proved

pytestmark = pytest.mark.django_db
KEYS = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh")


@pytest.fixture
def access_request(people: Any, policy: Any) -> AccessRequest:
    """A request for three machines that waits for the manager, then for security."""
    return asked_together(people["requester"], *KEYS)


def item(access_request: AccessRequest, key: str) -> RequestItem:
    return RequestItem.objects.get(access_request=access_request, entitlement__key=key)


def approve(
    person: Any, access_request: AccessRequest, *left_out: str, why: str = "Use the bastion", **more: Any
) -> None:
    whys = {str(item(access_request, key).pk): why for key in left_out}
    stage = active_stage(access_request)
    decide.decide(by=person, stage_id=stage.pk, vote="approve", narrower=Narrower(leave_out=whys), **more)


def granted() -> list[str]:
    return sorted(Grant.objects.values_list("entitlement__key", flat=True))


def test_what_any_stage_left_out_gets_no_grant(people: Any, access_request: AccessRequest) -> None:
    approve(people["manager"], access_request, KEYS[0])
    approve(people["security"], access_request, KEYS[2])
    assert granted() == [KEYS[1]]
    assert AccessRequest.objects.get().state == "approved"


def test_it_stands_in_the_trail_and_in_the_vote_who_left_it_out_and_why(
    people: Any, access_request: AccessRequest
) -> None:
    approve(people["manager"], access_request, KEYS[0])
    told = Event.objects.get(kind="request.item_left_out")
    assert (told.actor_label, told.why) == (str(people["manager"]), "Use the bastion")
    assert (told.object_label, told.resource_label) == ("SSH to prod-web-01", "prod-web-01")
    assert told.story == access_request.story
    assert Decision.objects.get().changed == {"left_out": {KEYS[0]: "Use the bastion"}}
    left = item(access_request, KEYS[0])
    assert (left.left_out_by, left.left_out_why) == (people["manager"], "Use the bastion")


def test_the_requester_is_told_how_many_and_which_not(people: Any, access_request: AccessRequest) -> None:
    approve(people["manager"], access_request, KEYS[0])
    approve(people["security"], access_request)
    told = Message.objects.get(kind="decided", channel="").context
    assert (told["kept"], told["asked"]) == (2, 3)
    assert told["left_out"] == [
        {"name": "SSH to prod-web-01", "by": str(people["manager"]), "why": "Use the bastion"}
    ]


def test_all_left_out_is_a_denial(people: Any, access_request: AccessRequest) -> None:
    approve(people["manager"], access_request, *KEYS)
    assert AccessRequest.objects.get().state == "denied"
    vote = Decision.objects.get()
    assert (vote.vote, vote.reason) == ("deny", "Use the bastion; Use the bastion; Use the bastion")
    assert granted() == []


def test_the_last_that_is_left_out_makes_it_a_denial(people: Any, access_request: AccessRequest) -> None:
    approve(people["manager"], access_request, *KEYS[:2])
    approve(people["security"], access_request, KEYS[2], reason="None of these today")
    assert AccessRequest.objects.get().state == "denied"
    assert Decision.objects.get(person=people["security"]).reason == "None of these today"


def test_what_alone_was_asked_for_cannot_be_half_agreed_to(people: Any, policy: Any) -> None:
    alone = asked(people["requester"])
    approve(people["manager"], alone, KEYS[0])
    assert AccessRequest.objects.get().state == "denied"


def test_without_a_reason_nothing_is_decided(people: Any, access_request: AccessRequest) -> None:
    with pytest.raises(Invalid, match="why SSH to prod-web-01 is left out"):
        approve(people["manager"], access_request, KEYS[0], why="  ")
    assert not Decision.objects.exists()
    assert not RequestItem.objects.exclude(left_out_at=None).exists()


def test_nothing_is_left_out_twice_and_nothing_of_another_request(
    people: Any, access_request: AccessRequest
) -> None:
    other = asked(people["requester"], key="prod-app-01-ssh")
    approve(people["manager"], access_request, KEYS[0])
    for strange in (str(item(access_request, KEYS[0]).pk), str(item(other, "prod-app-01-ssh").pk), "x", ""):
        with pytest.raises(Invalid, match="among what was asked for"):
            decide.decide(
                by=people["security"],
                stage_id=active_stage(access_request).pk,
                vote="approve",
                narrower=Narrower(leave_out={strange: "No"}),
            )
    assert Decision.objects.count() == 1


def test_a_denial_leaves_nothing_out(people: Any, access_request: AccessRequest) -> None:
    whys = {str(item(access_request, KEYS[0]).pk): "No"}
    decide.decide(
        by=people["manager"],
        stage_id=active_stage(access_request).pk,
        vote="deny",
        reason="Not today",
        narrower=Narrower(leave_out=whys),
    )
    assert not RequestItem.objects.exclude(left_out_at=None).exists()


def test_who_looked_before_it_was_left_out_decides_nothing(
    people: Any, access_request: AccessRequest
) -> None:
    seen = fingerprint(AccessRequest.objects.get())
    approve(people["manager"], access_request, KEYS[0])
    with pytest.raises(Stale, match="since you looked"):
        approve(people["security"], access_request, seen=seen)


def test_an_owner_of_whose_things_nothing_is_left_is_not_waited_for(people: Any, policy: Any) -> None:
    databases = ("prod-db-01-psql", "prod-db-02-psql")
    for key, owner in zip(databases, ("olu", "mo"), strict=True):
        Resource.objects.filter(entitlements__key=key).update(owner_oid=people[owner].oid)
    wanted = asked_together(people["yuki"], *databases, reason=REASON, ticket="CHG-2214", sign_in=proved())
    security = wanted.stages.get(name="security")
    whys = {str(item(wanted, databases[1]).pk): "Not this week"}
    narrower = Narrower(leave_out=whys)
    decide.decide(by=people["security"], stage_id=security.pk, vote="approve", narrower=narrower)
    assert {stage.name: stage.state for stage in wanted.stages.all()} == {
        "owner-1": "active",
        "owner-2": "cancelled",
        "security": "approved",
    }
    assert "All of theirs was left out" in Event.objects.get(kind="stage.cancelled").why
    decide.decide(by=people["olu"], stage_id=wanted.stages.get(name="owner-1").pk, vote="approve")
    assert granted() == [databases[0]]


def test_the_owner_who_leaves_their_own_out_ends_their_stage_by_their_vote(people: Any, policy: Any) -> None:
    databases = ("prod-db-01-psql", "prod-db-02-psql")
    for key, owner in zip(databases, ("olu", "mo"), strict=True):
        Resource.objects.filter(entitlements__key=key).update(owner_oid=people[owner].oid)
    wanted = asked_together(people["yuki"], *databases, reason=REASON, ticket="CHG-2214", sign_in=proved())
    whys = {str(item(wanted, databases[0]).pk): "Not this week"}
    decide.decide(
        by=people["olu"],
        stage_id=wanted.stages.get(name="owner-1").pk,
        vote="approve",
        narrower=Narrower(leave_out=whys),
    )
    assert wanted.stages.get(name="owner-1").state == "approved"
    assert wanted.stages.get(name="owner-2").state == "active"
