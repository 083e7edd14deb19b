"""Who may decide, by the copy of the directory: asked person by person, and as a list."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from audit_app.clock import now
from requests_app import deciders as finding
from requests_app import directory
from requests_app.models import (
    AccessRequest,
    DirectoryGroup,
    Entitlement,
    Person,
    RequestItem,
    Resource,
    Stage,
)
from tests.support.organisation import the_world

pytestmark = pytest.mark.django_db
MAX_AGE = timedelta(seconds=300)


def group_id(name: str) -> UUID:
    return UUID(the_world().group(name).id)


def ask(requester: Person, owner: Person | None = None) -> AccessRequest:
    resource = Resource.objects.create(key="vm", name="vm", owner_oid=owner.oid if owner else None)
    entitlement = Entitlement.objects.create(
        key="vm-ssh", resource=resource, name="SSH", destination="10.0.0.4"
    )
    access_request = AccessRequest.objects.create(
        requester=requester,
        reason="a reason",
        duration=timedelta(minutes=30),
        source_address="81.2.69.142",
        submitted_at=now(),
        activate_within=timedelta(hours=1),
        policy_hash="x",
        correlation_id="x",
        submission_key=uuid4(),
    )
    RequestItem.objects.create(access_request=access_request, entitlement=entitlement, verdict={})
    return access_request


def stage(access_request: AccessRequest, kind: str, group: str = "") -> Stage:
    return Stage.objects.create(
        access_request=access_request,
        position=access_request.stages.count(),
        step=access_request.stages.count(),
        name=kind,
        title=kind,
        approver_kind=kind,
        approver_group=group_id(group) if group else None,
        lapse_after=timedelta(hours=1),
    )


def deciders(step: Stage, everyone: Any, at: datetime) -> set[str]:
    """Who may decide, asked of each person in turn and, the same, as a list."""
    asked = step.access_request
    found = {key for key, one in everyone.people.items() if finding.standing(one, step, asked, at)}
    listed = finding.of_stage(step, asked, at)
    assert {one.person.pk for one in listed} == {everyone[key].pk for key in found}, "list and check disagree"
    return found


@pytest.fixture
def asked(people: Any) -> AccessRequest:
    return ask(people["requester"], people["owner"])


@pytest.mark.parametrize(
    ("kind", "group", "expected"),
    [("manager", "", {"mo"}), ("owner", "", {"olu"}), ("group", "security", {"sol", "sam"})],
)
def test_each_kind_of_stage_has_its_people(
    people: Any, asked: AccessRequest, kind: str, group: str, expected: set[str]
) -> None:
    assert deciders(stage(asked, kind, group), people, now()) == expected


@pytest.mark.parametrize(("kind", "group"), [("manager", ""), ("owner", ""), ("group", "security")])
def test_an_old_copy_lets_nobody_decide(people: Any, asked: AccessRequest, kind: str, group: str) -> None:
    step, read_at = stage(asked, kind, group), people["requester"].directory_read_at
    assert deciders(step, people, read_at + MAX_AGE)
    assert deciders(step, people, read_at + MAX_AGE + timedelta(seconds=1)) == set()


@pytest.mark.parametrize("enabled", [False, None])
@pytest.mark.parametrize(("kind", "group"), [("manager", ""), ("owner", ""), ("group", "security")])
def test_who_is_not_known_to_be_enabled_decides_nothing(
    people: Any, asked: AccessRequest, kind: str, group: str, enabled: bool | None
) -> None:
    Person.objects.exclude(pk=asked.requester_id).update(enabled=enabled)
    assert deciders(stage(asked, kind, group), people, now()) == set()


def test_requester_decides_nothing_of_their_own(people: Any) -> None:
    security = people["security"]
    Person.objects.filter(pk=security.pk).update(manager=security)
    asked = ask(Person.objects.get(pk=security.pk), owner=security)
    assert deciders(stage(asked, "manager"), people, now()) == set()
    assert deciders(stage(asked, "owner"), people, now()) == set()
    assert deciders(stage(asked, "group", "security"), people, now()) == {"sam"}


def test_an_old_group_lets_nobody_decide_though_its_people_are_fresh(
    people: Any, asked: AccessRequest
) -> None:
    DirectoryGroup.objects.update(read_at=now() - MAX_AGE - timedelta(seconds=5))
    assert deciders(stage(asked, "group", "security"), people, now()) == set()


def test_a_manager_link_of_a_requester_not_read_lately_counts_for_nothing(
    people: Any, asked: AccessRequest
) -> None:
    Person.objects.filter(pk=asked.requester_id).update(
        directory_read_at=now() - MAX_AGE - timedelta(seconds=5)
    )
    assert deciders(stage(asked, "manager"), people, now()) == set()


def test_a_stage_of_another_request_is_not_decided_here(people: Any, asked: AccessRequest) -> None:
    step = stage(asked, "manager")
    other = AccessRequest.objects.get(pk=asked.pk)
    other.pk = asked.pk + 1
    assert finding.standing(people["manager"], step, other, now()) is None


def test_resources_of_two_owners_have_no_owner_who_may_decide(people: Any, asked: AccessRequest) -> None:
    second = Resource.objects.create(key="db", name="db", owner_oid=people["security"].oid)
    entitlement = Entitlement.objects.create(
        key="db-ssh", resource=second, name="SSH", destination="10.0.0.5"
    )
    RequestItem.objects.create(access_request=asked, entitlement=entitlement, verdict={})
    step = stage(asked, "owner")
    for one in ("owner", "security"):
        assert finding.standing(people[one], step, asked, now()) is None


def test_an_unknown_kind_of_approver_is_nobody(people: Any) -> None:
    found = directory.approvers(
        kind="friend", group=None, requester=people["requester"], owner_oid=people["owner"].oid, now=now()
    )
    assert not found.exists()


def test_policy_is_told_only_of_groups_read_lately(people: Any) -> None:
    facts = directory.person_facts(people["requester"], now())
    assert facts.group_ids == {str(group_id("engineering")), str(group_id("all-staff"))}
    assert (facts.enabled, facts.guest, facts.label) == (True, False, "Ada Lindqvist")
    assert facts.directory_age is not None
    DirectoryGroup.objects.filter(oid=group_id("engineering")).update(read_at=None)
    assert directory.person_facts(people["requester"], now()).group_ids == {str(group_id("all-staff"))}
