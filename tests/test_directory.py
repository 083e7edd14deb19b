"""The copy of the directory, and who may decide by it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit_app.clock import now
from audit_app.models import Event
from latchportal.devcloud.identity import HEADER
from requests_app import directory
from requests_app.models import (
    AccessRequest,
    DirectoryGroup,
    DirectoryMembership,
    Entitlement,
    Heartbeat,
    Person,
    RequestItem,
    Resource,
    Stage,
)
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import TargetError
from requests_app.targets.graph import GraphGroup, GraphPerson, GraphReader
from tests.support.devcloud import Devcloud, running_devcloud
from tests.support.environment import TENANT
from tests.support.organisation import the_world, transitive_members

pytestmark = pytest.mark.django_db
MAX_AGE = timedelta(seconds=300)


@pytest.fixture(scope="module")
def _devcloud() -> Iterator[Devcloud]:
    with running_devcloud() as running:
        yield running


@pytest.fixture
def devcloud(_devcloud: Devcloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devcloud]:
    """The pretend Graph, everybody as the file says."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{_devcloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    yield _devcloud
    _devcloud.control("DELETE", "people")
    _devcloud.control("POST", "graph", {"times": 0})


def reader(devcloud: Devcloud) -> GraphReader:
    config = AzureConfig(
        arm_endpoint=devcloud.url,
        graph_endpoint=devcloud.url,
        client_id=the_world().principals[0].client_id,
        allow_cleartext_loopback=True,
    )
    return GraphReader(config, deadline_seconds=5)


def oid(key: str) -> UUID:
    return UUID(the_world().person(key).oid)


def group_id(name: str) -> UUID:
    return UUID(the_world().group(name).id)


def person(key: str) -> Person:
    return Person.objects.get(oid=oid(key))


def members(name: str) -> set[str]:
    found = DirectoryMembership.objects.filter(group__oid=group_id(name))
    return {str(one) for one in found.values_list("person__oid", flat=True)}


class Told:
    """A Graph that answers what the test says, or breaks after the people."""

    def __init__(self, people: Iterable[GraphPerson], groups: Any = None) -> None:
        self._people, self._groups = list(people), groups

    def people(self) -> Iterator[GraphPerson]:
        yield from self._people

    def groups(self, ids: Iterable[str]) -> Iterator[GraphGroup]:
        if isinstance(self._groups, Exception):
            raise self._groups
        for one in ids:
            yield GraphGroup(one, "group", frozenset(self._groups or ()))


def account(key: str, **changes: Any) -> GraphPerson:
    known = the_world().person(key)
    values = {
        "oid": known.oid,
        "display_name": known.name,
        "upn": known.upn,
        "mail": known.mail,
        "enabled": known.enabled,
        "guest": known.guest,
        "manager_oid": None,
    }
    return GraphPerson(**(values | changes))


def test_an_empty_copy_becomes_what_graph_says(devcloud: Devcloud, policy: Any) -> None:
    Person.objects.all().delete()
    result = directory.sync(reader(devcloud))
    world = the_world()
    assert result.people == len(world.people) == Person.objects.count()
    for known in world.people:
        row = Person.objects.get(oid=known.oid)
        assert (str(row.tid), row.display_name, row.mail) == (TENANT, known.name, known.mail)
        assert (row.enabled, row.guest) == (known.enabled, known.guest)
        assert str(row.manager.oid if row.manager else None) == str(known.manager)
        assert not row.has_usable_password()
    assert Heartbeat.objects.get(name="directory").data["people"] == len(world.people)


def test_groups_hold_everybody_in_the_groups_within_them(devcloud: Devcloud, policy: Any) -> None:
    directory.sync(reader(devcloud))
    copied = {str(one) for one in DirectoryGroup.objects.values_list("oid", flat=True)}
    assert copied, "the demo's policy names groups"
    for group in the_world().groups:
        if group.id in copied:
            assert members(group.name) == transitive_members(the_world(), group), group.name
    assert str(group_id("security")) in copied


def test_only_groups_the_policy_names_are_kept(devcloud: Devcloud, policy: Any) -> None:
    stray = DirectoryGroup.objects.create(oid=uuid4(), name="stray", read_at=now())
    directory.sync(reader(devcloud))
    assert not DirectoryGroup.objects.filter(pk=stray.pk).exists()
    assert str(stray.oid) in Event.objects.get(kind="directory.changed").data["groups_gone"]["oids"]


def test_reading_twice_changes_nothing_and_says_nothing(devcloud: Devcloud, policy: Any) -> None:
    directory.sync(reader(devcloud))
    events, before = (
        Event.objects.count(),
        list(Person.objects.order_by("pk").values_list("pk", "manager_id")),
    )
    first_read = person("ada").directory_read_at
    assert directory.sync(reader(devcloud)).changes == {}
    assert Event.objects.count() == events
    assert list(Person.objects.order_by("pk").values_list("pk", "manager_id")) == before
    assert person("ada").directory_read_at > first_read


def test_a_change_of_manager_groups_and_account_is_copied_and_told(devcloud: Devcloud, policy: Any) -> None:
    directory.sync(reader(devcloud))
    devcloud.control("POST", "people/ada", {"manager": "olu", "groups_add": ["security"]})
    devcloud.control("POST", "people/sam", {"enabled": False, "groups_remove": ["security"]})
    devcloud.control("POST", "people/dis", {"enabled": True})
    directory.sync(reader(devcloud))
    assert person("ada").manager == person("olu")
    assert person("sam").enabled is False
    assert person("dis").enabled is True
    assert members("security") == {str(oid("sol")), str(oid("ada"))}
    told = Event.objects.filter(kind="directory.changed").latest("id").data
    assert told["managers"] == {"count": 1, "oids": [str(oid("ada"))]}
    assert told["disabled"]["oids"] == [str(oid("sam"))]
    assert told["enabled"]["oids"] == [str(oid("dis"))]
    assert told["joined"][str(group_id("security"))]["oids"] == [str(oid("ada"))]
    assert told["left"][str(group_id("security"))]["oids"] == [str(oid("sam"))]


def test_somebody_gone_from_the_directory_is_disabled_and_kept(people: Any) -> None:
    everyone = [account(key.key, manager_oid=key.manager) for key in the_world().people if key.key != "mo"]
    directory.sync(Told(everyone))
    gone = person("mo")
    assert gone.enabled is False
    assert not directory.knows(gone, now())
    assert person("ada").manager is None, "a manager who is gone can not approve"
    told = Event.objects.get(kind="directory.changed").data
    assert str(oid("mo")) in told["disabled"]["oids"]


def test_a_reading_that_fails_at_the_start_changes_nothing(
    devcloud: Devcloud, people: Any, policy: Any
) -> None:
    devcloud.control("POST", "graph", {"status": 403, "times": 1})
    unchanged(reader(devcloud))


@pytest.mark.parametrize("kind", ["timeout", "throttled", "forbidden", "unreachable"])
def test_a_reading_that_fails_midway_changes_nothing(people: Any, policy: Any, kind: Any) -> None:
    broken = TargetError(kind, "Graph went away", where="the directory", certain=True)
    unchanged(Told([account("ada", enabled=False)], broken))


def test_a_directory_without_people_is_no_answer(people: Any) -> None:
    unchanged(Told([]))


def unchanged(graph: Any) -> None:
    fields = ("pk", "enabled", "manager_id", "display_name", "directory_read_at")
    before = list(Person.objects.order_by("pk").values_list(*fields))
    kept = set(DirectoryMembership.objects.values_list("pk", flat=True))
    events = Event.objects.count()
    with pytest.raises(TargetError):
        directory.sync(graph)
    assert list(Person.objects.order_by("pk").values_list(*fields)) == before
    assert set(DirectoryMembership.objects.values_list("pk", flat=True)) == kept
    assert Event.objects.count() == events
    assert not Heartbeat.objects.filter(name="directory").exists()


def test_a_group_the_directory_lost_is_a_group_with_nobody_in_it(people: Any, policy: Any) -> None:
    everyone = [account(one.key, manager_oid=one.manager) for one in the_world().people]
    directory.sync(
        Told(everyone, TargetError("missing", "no such group", where="the directory", certain=True))
    )
    assert not DirectoryMembership.objects.exists()


def test_an_older_reading_does_not_overwrite_a_later_one(people: Any) -> None:
    everyone = [account(one.key, manager_oid=one.manager) for one in the_world().people]
    directory.sync(Told(everyone))
    with time_machine.travel(now() - timedelta(seconds=30), tick=False):
        late = directory.sync(Told([account("ada")]))
    assert late.overtaken
    assert person("mo").enabled is True


def test_the_statements_do_not_grow_with_the_people(policy: Any) -> None:
    def statements(count: int) -> int:
        oids = [str(UUID(int=number)) for number in range(1, count + 1)]
        told = [account("ada", oid=one, manager_oid=oids[0]) for one in oids]
        DirectoryGroup.objects.all().delete()
        Person.objects.all().delete()
        Heartbeat.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            directory.sync(Told(told, groups=oids))
        return len(queries)

    statements(1)  # the policy is parsed once per process
    few, many = statements(5), statements(100)
    assert many == few < 30


def test_who_signed_in_while_graph_was_read_is_not_called_known(people: Any) -> None:
    class Slow(Told):
        def people(self) -> Iterator[GraphPerson]:
            yield from super().people()
            # Between the statements of a sync another request may commit; here it comes before the first.
            Person.objects.create(tid=TENANT, oid=UUID(int=7))

    directory.sync(Slow([account(one.key) for one in the_world().people]))
    assert not directory.knows(Person.objects.get(oid=UUID(int=7)), now())


# --- who may decide ------------------------------------------------------------------------------------------


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
        name=kind,
        title=kind,
        approver_kind=kind,
        approver_group=group_id(group) if group else None,
        lapse_after=timedelta(hours=1),
    )


def deciders(step: Stage, everyone: Any, at: datetime) -> set[str]:
    """Who may decide, asked of each person in turn and, the same, as a list."""
    asked = step.access_request
    found = {
        key
        for key, one in everyone.people.items()
        if directory.may_decide(person=one, stage=step, access_request=asked, now=at)
    }
    owner = Resource.objects.get().owner_oid
    listed = directory.approvers(
        kind=step.approver_kind, group=step.approver_group, requester=asked.requester, owner_oid=owner, now=at
    )
    assert {one.pk for one in listed} == {everyone[key].pk for key in found}, "list and check disagree"
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
    assert not directory.may_decide(person=people["manager"], stage=step, access_request=other, now=now())


def test_resources_of_two_owners_have_no_owner_who_may_decide(people: Any, asked: AccessRequest) -> None:
    second = Resource.objects.create(key="db", name="db", owner_oid=people["security"].oid)
    entitlement = Entitlement.objects.create(
        key="db-ssh", resource=second, name="SSH", destination="10.0.0.5"
    )
    RequestItem.objects.create(access_request=asked, entitlement=entitlement, verdict={})
    step = stage(asked, "owner")
    for one in ("owner", "security"):
        assert not directory.may_decide(person=people[one], stage=step, access_request=asked, now=now())


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
