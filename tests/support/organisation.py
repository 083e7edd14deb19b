"""The demo organisation as rows of a test's database: people by role, groups, memberships. No decisions."""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.contrib.auth.models import Group

from audit_app.clock import now
from latchportal.devcloud import world
from requests_app.actions import policy
from requests_app.arming import fingerprint
from requests_app.models import Arming, DirectoryGroup, DirectoryMembership, Person, PolicyVersion
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
    by_oid = {str(person.oid): person for person in people.values()}
    _seat(here, by_oid)
    _give_roles(here, people)
    _enrol(here, by_oid, at)
    Arming.objects.create(fingerprint=fingerprint(), armed=True, at=at, by_label="The tests", why="A test")
    return Organisation(people)


def rule(administrator: Person) -> PolicyVersion:
    """Return the demo's policy, which is in force now."""
    return policy.load(by=administrator.party, documents=policy_files())


@cache
def _policy_files() -> dict[str, str]:
    files = sorted((ORGANISATION / "policy").glob("*.yaml"))
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def policy_files() -> dict[str, str]:
    """Return what the demo's policy files say, by name: a copy to change at will."""
    return dict(_policy_files())


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


def _seat(here: world.World, by_oid: dict[str, Person]) -> None:
    """Everybody has a row: whoever is at the top first, so that each has a manager to point to."""
    level = [described for described in here.people if not described.manager]
    while level:
        for described in level:
            by_oid[described.oid].manager = by_oid.get(described.manager)
        Person.objects.bulk_create([by_oid[described.oid] for described in level])
        above = {described.oid for described in level}
        level = [described for described in here.people if described.manager in above]


def _give_roles(here: world.World, people: dict[str, Person]) -> None:
    names = sorted({role for described in here.people for role in described.roles})
    groups = dict(zip(names, Group.objects.bulk_create([Group(name=name) for name in names]), strict=True))
    member = Person.groups.through
    member.objects.bulk_create(
        member(person=people[described.key], group=groups[role])
        for described in here.people
        for role in described.roles
    )


def _enrol(here: world.World, by_oid: dict[str, Person], at: object) -> None:
    rows = [DirectoryGroup(oid=UUID(group.id), name=group.name, read_at=at) for group in here.groups]
    DirectoryMembership.objects.bulk_create(
        DirectoryMembership(group=row, person=by_oid[oid])
        for group, row in zip(here.groups, DirectoryGroup.objects.bulk_create(rows), strict=True)
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
