"""sync(): our copy of people, managers and groups is what Graph says. Deciding by the copy is `directory`.

Graph is read whole before a row is written: a reading that fails midway changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Protocol
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from audit_app.clock import now
from audit_app.trail import About, record, system
from requests_app.models import DirectoryGroup, DirectoryMembership, Heartbeat, Person, PolicyVersion, Stage
from requests_app.policy.document import load
from requests_app.targets.base import TargetError
from requests_app.targets.graph import GraphGroup, GraphPerson

HEARTBEAT: Final = "directory"
BATCH: Final = 1000
IDS_IN_EVENT: Final = 200
_FIELDS: Final = ("display_name", "mail", "user_principal_name", "job_title", "guest", "enabled")


class Reader(Protocol):
    """What sync() needs of Graph."""

    def people(self) -> Iterator[GraphPerson]:
        """Return every account of the tenant."""
        ...

    def groups(self, ids: Iterable[str]) -> Iterator[GraphGroup]:
        """Return these groups with all their members, nested ones too."""
        ...


@dataclass
class SyncResult:
    """What one reading changed: oids of people, and by group oid who joined and who left.

    `overtaken` says that a later reading was there first and nothing was written.
    """

    people: int = 0
    appeared: list[str] = field(default_factory=list)
    enabled: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    managers: list[str] = field(default_factory=list)
    joined: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    groups_gone: list[str] = field(default_factory=list)
    overtaken: bool = False

    @property
    def changes(self) -> dict[str, Any]:
        """Return what the trail keeps: how many of each, and whom, the lists cut to a readable length."""
        found: dict[str, Any] = {}
        for name in ("appeared", "enabled", "disabled", "managers", "groups_gone"):
            oids: list[str] = sorted(getattr(self, name))
            if oids:
                found[name] = {"count": len(oids), "oids": oids[:IDS_IN_EVENT]}
        for name in ("joined", "left"):
            groups: dict[str, list[str]] = getattr(self, name)
            if groups:
                found[name] = {
                    group: {"count": len(oids), "oids": sorted(oids)[:IDS_IN_EVENT]}
                    for group, oids in sorted(groups.items())
                }
        return found


def sync(reader: Reader) -> SyncResult:
    """Our copy is what the directory said when this began; what changed stands in the trail.

    People the directory no longer has are kept as disabled. Raises TargetError when anything could not be
    read, and for a directory without a single person, which is no answer; then nothing changed.
    """
    started = now()
    people = {UUID(person.oid): person for person in reader.people()}
    if not people:
        raise TargetError("unknown", "Graph named no people at all", where="the directory", certain=True)
    groups = [_group(reader, oid) for oid in sorted(_wanted_groups())]
    with transaction.atomic():
        beat, _ = Heartbeat.objects.select_for_update().get_or_create(
            name=HEARTBEAT, defaults={"at": started}
        )
        if beat.at > started:
            return SyncResult(overtaken=True)
        result = SyncResult(people=len(people))
        ids = _write_people(people, started, result)
        _write_groups(groups, ids, started, result)
        if result.changes:
            about = About(kind="directory", label="Directory copy")
            record("directory.changed", by=system("directory"), about=about, data=result.changes)
        beat.at, beat.data = started, {"people": len(people), "groups": len(groups)}
        beat.save()
    return result


def _wanted_groups() -> set[UUID]:
    """The groups the policy in force names, and those that undecided stages were told to ask."""
    active = PolicyVersion.objects.filter(active=True).values_list("hash", flat=True).first()
    undecided = Stage.objects.filter(state__in=["waiting", "active"])
    named = Q(approver_group__isnull=False) | Q(alternate_group__isnull=False)
    pairs = undecided.filter(named).values_list("approver_group", "alternate_group")
    asked = {oid for pair in pairs for oid in pair if oid is not None}
    return asked | (_named_in(active) if active else frozenset())


@lru_cache(maxsize=2)
def _named_in(policy_hash: str) -> frozenset[UUID]:
    policy = load(PolicyVersion.objects.get(hash=policy_hash).documents)
    return frozenset(UUID(oid) for oid in policy.groups.values())


def _group(reader: Reader, oid: UUID) -> GraphGroup:
    """The group; one that the directory does not have is a group with nobody in it."""
    try:
        return next(iter(reader.groups([str(oid)])))
    except TargetError as error:
        if error.kind != "missing":
            raise
        return GraphGroup(str(oid), "not in the directory", frozenset())


def _write_people(people: dict[UUID, GraphPerson], at: datetime, result: SyncResult) -> dict[UUID, int]:
    """Everybody's row says what the directory says; returns their keys by oid."""
    tid = UUID(settings.ENTRA_TENANT_ID)
    before = {row.oid: row for row in Person.objects.select_for_update().filter(tid=tid).order_by("pk")}
    changed = [
        row for row in (_row(tid, before.get(oid), said, result) for oid, said in people.items()) if row
    ]
    Person.objects.bulk_create(
        changed, batch_size=BATCH, update_conflicts=True, unique_fields=["tid", "oid"], update_fields=_FIELDS
    )
    absent = [row for oid, row in before.items() if oid not in people and row.enabled is not False]
    result.disabled += [str(row.oid) for row in absent]
    Person.objects.filter(pk__in=[row.pk for row in absent]).update(enabled=False)
    ids = dict(Person.objects.filter(tid=tid).values_list("oid", "pk"))
    managers = {row.oid: row.manager_id for row in before.values()}
    _write_managers(people, ids, managers, result)
    # Somebody who signed in first while we read is not among them: of those the directory said nothing yet.
    Person.objects.filter(tid=tid, oid__in=people.keys() | before.keys()).update(directory_read_at=at)
    return ids


def _row(tid: UUID, row: Person | None, said: GraphPerson, result: SyncResult) -> Person | None:
    """The row as it must be written; None where it says so already."""
    values = {
        "display_name": said.display_name[:200],
        "mail": said.mail[:254],
        "user_principal_name": said.upn[:200],
        "job_title": said.job_title[:200],
        "guest": said.guest,
        "enabled": said.enabled,
    }
    if row is None:
        result.appeared.append(said.oid)
        return Person(tid=tid, oid=UUID(said.oid), password=make_password(None), **values)
    if all(getattr(row, name) == value for name, value in values.items()):
        return None
    if row.enabled is not said.enabled:
        (result.enabled if said.enabled else result.disabled).append(said.oid)
    return Person(tid=tid, oid=row.oid, password=row.password, **values)


def _write_managers(
    people: dict[UUID, GraphPerson], ids: dict[UUID, int], before: dict[UUID, int | None], result: SyncResult
) -> None:
    """Everybody's manager is the directory's; whoever is gone from it has none."""
    moved = []
    for oid, pk in ids.items():
        said = people.get(oid)
        named = UUID(said.manager_oid) if said and said.manager_oid else None
        manager = ids[named] if named in people else None
        if manager != before.get(oid):
            moved.append(Person(pk=pk, manager_id=manager))
            if oid in before:
                result.managers.append(str(oid))
    Person.objects.bulk_update(moved, ["manager"], batch_size=BATCH)


def _write_groups(groups: list[GraphGroup], ids: dict[UUID, int], at: datetime, result: SyncResult) -> None:
    """The groups asked for, and no others, are there with exactly the members the directory named."""
    gone = DirectoryGroup.objects.exclude(oid__in=[UUID(group.oid) for group in groups])
    result.groups_gone += [str(oid) for oid in gone.values_list("oid", flat=True)]
    gone.delete()
    DirectoryGroup.objects.bulk_create(
        [DirectoryGroup(oid=UUID(group.oid), name=group.name[:200], read_at=at) for group in groups],
        update_conflicts=True,
        unique_fields=["oid"],
        update_fields=["name", "read_at"],
    )
    keys = dict(DirectoryGroup.objects.values_list("oid", "pk"))
    before = {
        (group, person): pk
        for pk, group, person in DirectoryMembership.objects.values_list("pk", "group_id", "person_id")
    }
    wanted = {
        (keys[UUID(group.oid)], ids[UUID(member)])
        for group in groups
        for member in group.member_oids
        if UUID(member) in ids
    }
    _write_memberships(before, wanted, result, group_of=_turned(keys), person_of=_turned(ids))


def _turned(keys: dict[UUID, int]) -> dict[int, str]:
    return {pk: str(oid) for oid, pk in keys.items()}


def _write_memberships(
    before: dict[tuple[int, int], int],
    wanted: set[tuple[int, int]],
    result: SyncResult,
    *,
    group_of: dict[int, str],
    person_of: dict[int, str],
) -> None:
    for group, person in wanted - before.keys():
        result.joined.setdefault(group_of[group], []).append(person_of[person])
    for group, person in before.keys() - wanted:
        result.left.setdefault(group_of[group], []).append(person_of.get(person, f"row {person}"))
    DirectoryMembership.objects.filter(pk__in=[before[pair] for pair in before.keys() - wanted]).delete()
    DirectoryMembership.objects.bulk_create(
        [DirectoryMembership(group_id=group, person_id=person) for group, person in wanted - before.keys()],
        batch_size=BATCH,
    )
