"""The demo organisation as rows of a test's database: people by role, groups, memberships. No decisions."""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.contrib.auth.models import Group

from audit_app.clock import now
from latchportal.devcloud import world
from requests_app.arming import fingerprint
from requests_app.models import Arming, DirectoryGroup, DirectoryMembership, Person
from tests.support.environment import ORGANISATION

WORLD_PATH = ORGANISATION / "world.yaml"

# What the tests call people, and who they are in world.yaml.
ROLES = {
    "requester": "ada",
    "manager": "mo",
    "security": "sol",
    "security2": "sam",
    "owner": "olu",
    "auditor": "aud",
    "administrator": "adm",
    "outsider": "out",
    "disabled": "dis",
    "guest": "gus",
    "director": "ines",
}


@cache
def the_world() -> world.World:
    """Return the organisation, read once."""
    return world.load(WORLD_PATH)


@dataclass(frozen=True)
class Organisation:
    """Everybody, by key ("ada") and by role ("requester")."""

    people: dict[str, Person]

    def __getitem__(self, key: str) -> Person:
        return self.people[ROLES.get(key, key)]


def hire() -> Organisation:
    """Return the whole organisation as rows, fresh from the directory, app roles as groups."""
    here, at = the_world(), now()
    people = {person.key: _row(person, here.tenant.id, at) for person in here.people}
    Person.objects.bulk_create(people.values())
    by_oid = {str(person.oid): person for person in people.values()}
    for described in here.people:
        if described.manager:
            by_oid[described.oid].manager = by_oid[described.manager]
    Person.objects.bulk_update(people.values(), ["manager"])
    for described in here.people:
        for role in described.roles:
            Group.objects.get_or_create(name=role)[0].user_set.add(people[described.key])
    _enrol(here, by_oid, at)
    Arming.objects.create(fingerprint=fingerprint(), armed=True, at=at, by_label="The tests", why="A test")
    return Organisation(people)


def _row(described: world.Person, tid: str, at: object) -> Person:
    return Person(
        tid=UUID(tid),
        oid=UUID(described.oid),
        display_name=described.name,
        mail=described.mail,
        user_principal_name=described.upn,
        job_title=described.job,
        guest=described.guest,
        enabled=described.enabled,
        directory_read_at=at,
    )


def _enrol(here: world.World, by_oid: dict[str, Person], at: object) -> None:
    for group in here.groups:
        row = DirectoryGroup.objects.create(oid=UUID(group.id), name=group.name, read_at=at)
        DirectoryMembership.objects.bulk_create(
            DirectoryMembership(group=row, person=by_oid[oid])
            for oid in sorted(transitive_members(here, group))
        )


def transitive_members(here: world.World, group: world.Group) -> set[str]:
    """Return the oids in a group, directly or through groups within it."""
    members = set(group.members)
    for inner in group.groups:
        members |= transitive_members(here, here.group(inner))
    return members


def address_of(key: str) -> str:
    """Return the public address this person (by key or role) browses from."""
    return the_world().person(ROLES.get(key, key)).address
