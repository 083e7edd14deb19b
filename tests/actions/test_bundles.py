"""Several entitlements in one request: the stages of all, the shortest of each limit, one code."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from audit_app import origin
from audit_app.clock import now
from audit_app.models import Event
from requests_app import attention, context, directory
from requests_app.actions import activate, codes, decide, submit
from requests_app.codes.token import LONGEST
from requests_app.context import Ask
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, DirectoryMembership, Entitlement, Grant, Resource
from requests_app.policy.evaluate import eligible
from tests.support.azure import REASON, active_stage, address_of, asked, asked_together
from tests.support.fresh import proved

pytestmark = pytest.mark.django_db
WEB = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh")
# The first asks for manager and security, the other for the manager alone.
MIXED = ("prod-web-01-ssh", "stg-web-01-ssh")


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def stage_names(access_request: AccessRequest) -> list[str]:
    return [stage.name for stage in access_request.stages.all()]


def test_one_request_holds_all_of_them_each_with_its_own_verdict(people: Any) -> None:
    access_request = asked_together(people["requester"], *MIXED)
    items = {item.entitlement.key: item.verdict for item in access_request.wanted}
    assert items.keys() == set(MIXED)
    assert items["prod-web-01-ssh"]["rules"] == ["production-servers"]
    assert items["stg-web-01-ssh"]["rules"] == ["staging"]
    told = Event.objects.get(kind="request.submitted").data
    assert told["entitlements"] == list(MIXED)
    assert told["rules"] == ["production-servers", "staging"]


def test_a_stage_that_one_asks_for_is_passed_by_all(people: Any) -> None:
    assert stage_names(asked_together(people["requester"], *reversed(MIXED))) == ["manager", "security"]


def test_the_shortest_time_to_activate_holds_for_all(people: Any) -> None:
    access_request = asked_together(people["requester"], *MIXED)
    alone = [asked(people["requester"], key=key).activate_within for key in MIXED]
    assert access_request.activate_within == min(alone)


def test_too_long_for_one_is_refused_naming_it_and_its_most(people: Any) -> None:
    with pytest.raises(Refused, match="SSH to prod-web-01: 3 h is longer than the 2 h you may have"):
        asked_together(people["requester"], *MIXED, minutes=180)
    assert not AccessRequest.objects.exists()
    refused = Event.objects.get(kind="request.refused")
    assert "SSH to prod-web-01, SSH to stg-web-01" in refused.object_label


@pytest.mark.parametrize(
    ("count", "words"), [(0, "at least one"), (11, "At most 10 can be asked for at once; these are 11")]
)
def test_nothing_and_too_much_are_refused(people: Any, count: int, words: str) -> None:
    keys = list(Entitlement.objects.order_by("key").values_list("key", flat=True))[:count]
    with pytest.raises(Invalid, match=words):
        asked_together(people["requester"], *keys)
    assert not AccessRequest.objects.exists()


def test_the_same_twice_is_once(people: Any) -> None:
    assert len(asked_together(people["requester"], WEB[0], WEB[0]).wanted) == 1


def test_all_of_a_bundle_ask_the_same(people: Any) -> None:
    wanted = Entitlement.objects.select_related("resource").filter(key__in=MIXED)
    source = address_of(people["requester"])
    asks = [
        Ask(one, timedelta(minutes=minutes), REASON, "", source)
        for one, minutes in zip(wanted, (15, 30), strict=True)
    ]
    with pytest.raises(Invalid, match="the same time"):
        submit.submit(by=people["requester"], asks=asks, submission_key=uuid4())


def databases(people: Any, *owners: str) -> AccessRequest:
    """Return a request for two databases; each belongs to one of these people."""
    keys = ("prod-db-01-psql", "prod-db-02-psql")
    for key, owner in zip(keys, owners, strict=True):
        Resource.objects.filter(entitlements__key=key).update(owner_oid=people[owner].oid)
    return asked_together(
        people["yuki"],
        *keys,
        reason="Restore the orders table of this morning",
        ticket="CHG-2214",
        sign_in=proved(),
    )


def test_one_owner_of_all_decides_once(people: Any) -> None:
    assert stage_names(databases(people, "olu", "olu")) == ["owner", "security"]


def test_each_of_several_owners_has_a_stage_at_the_same_time(people: Any) -> None:
    access_request = databases(people, "olu", "mo")
    stages = list(access_request.stages.all())
    assert [(one.name, one.step, one.title) for one in stages] == [
        ("owner-1", 1, f"Owner: {people['olu']}"),
        ("owner-2", 1, f"Owner: {people['mo']}"),
        ("security", 1, "Security"),
    ]
    with pytest.raises(Refused, match="not among those"):
        decide.decide(by=people["olu"], stage_id=stages[1].pk, vote="approve")
    for key, stage in (("olu", stages[0]), ("mo", stages[1])):
        assert list(attention.inbox(people[key])) == [stage]
        decide.decide(by=people[key], stage_id=stage.pk, vote="approve")
    assert active_stage(access_request).name == "security", "policy asks it at the same time"


def test_stages_of_all_need_enough_people_together(people: Any) -> None:
    # Each database could be had alone; for both, the one person of security would decide twice.
    with pytest.raises(Refused, match="Nobody may decide two stages"):
        databases(people, *_only_security(people))
    assert not AccessRequest.objects.exists()


def _only_security(people: Any) -> tuple[str, str]:
    DirectoryMembership.objects.filter(group__name="security").exclude(
        person__in=[people["security"], people["security2"]]
    ).delete()
    # Nobody joins when it escalates either.
    people["administrator"].groups.clear()
    return "sol", "sam"


def test_one_code_opens_all_of_a_full_bundle_and_fits(people: Any) -> None:
    keys = [one.key for one in _offered(people["requester"])[:10]]
    assert len(keys) == 10
    access_request = asked_together(people["requester"], *keys)
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(access_request).pk, vote="approve")
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    assert len(text) < LONGEST
    with origin.origin(source_address=address_of(people["requester"])):
        activate.activate_with_code(by=people["requester"], text=text)
    assert [grant.state for grant in Grant.objects.all()] == ["opening"] * 10


def _offered(person: Any) -> list[Entitlement]:
    policy, facts = context.active_policy(), directory.person_facts(person, now())
    # Without what others than manager and security decide.
    every = Entitlement.objects.select_related("resource").exclude(tags__contains=["on-call"])
    every = every.exclude(key="build-registry-01-registry")
    return [
        one
        for one in every.order_by("resource__environment", "-key")
        if eligible(policy, facts, context.entitlement_facts(one))
    ]


def test_what_policy_refuses_by_now_keeps_none_of_the_others_shut(people: Any) -> None:
    access_request = asked_together(people["requester"], *WEB)
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(access_request).pk, vote="approve")
    Entitlement.objects.filter(key=WEB[1]).update(active=False)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    with origin.origin(source_address=address_of(people["requester"])):
        done = activate.activate_with_code(by=people["requester"], text=text)
    states = {grant.entitlement.key: grant.state for grant in Grant.objects.select_related("entitlement")}
    assert states == {WEB[0]: "opening", WEB[1]: "issued", WEB[2]: "opening"}
    assert ["no longer offered" in refusal.reason for _, refusal in done.refused] == [True]
    event = Event.objects.get(kind="grant.activate_refused")
    assert (event.outcome, event.object_label) == ("refused", "SSH to prod-web-02")
    # Back in the catalogue, it is activated by itself.
    Entitlement.objects.filter(key=WEB[1]).update(active=True)
    with origin.origin(source_address=address_of(people["requester"])):
        activate.activate(by=people["requester"], access_request_id=access_request.pk)
    assert set(Grant.objects.values_list("state", flat=True)) == {"opening"}


def test_where_policy_refuses_all_of_them_the_code_is_not_spent(people: Any) -> None:
    access_request = asked_together(people["requester"], *WEB)
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(access_request).pk, vote="approve")
    Entitlement.objects.update(active=False)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    with (
        origin.origin(source_address=address_of(people["requester"])),
        pytest.raises(Refused, match="no longer offered"),
    ):
        activate.activate_with_code(by=people["requester"], text=text)
    assert access_request.codes.get().spent_at is None
