"""The copy of the directory becomes what Graph says, whole or not at all."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
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
    DirectoryGroup,
    DirectoryMembership,
    Heartbeat,
    Person,
)
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import TargetError
from requests_app.targets.graph import GraphGroup, GraphPerson, GraphReader
from tests.support.devcloud import Devcloud, running_devcloud
from tests.support.environment import TENANT
from tests.support.organisation import the_world, transitive_members

pytestmark = pytest.mark.django_db


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
        "job_title": known.job,
    }
    return GraphPerson(**(values | changes))


def test_an_empty_copy_becomes_what_graph_says(devcloud: Devcloud, policy: Any) -> None:
    Person.objects.all().delete()
    result = directory.sync(reader(devcloud))
    world = the_world()
    assert result.people == len(world.people) == Person.objects.count()
    for known in world.people:
        row = Person.objects.get(oid=known.oid)
        assert (str(row.tid), row.display_name, row.job_title) == (TENANT, known.name, known.job)
        assert row.mail == known.mail
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
