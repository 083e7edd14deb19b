"""Who may decide what, by our copy of the directory. Keeping the copy is `directory_sync`; no Graph here.

Unknown means no: a row that is missing, too old or not known to be enabled lets nobody do anything.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, Func, OuterRef, QuerySet, Value
from django.db.models.functions import JSONObject

from requests_app.directory_sync import SyncResult, sync
from requests_app.models import AccessRequest, DirectoryGroup, Person, Stage, TakenAway
from requests_app.models.catalogue import Resource
from requests_app.policy.facts import PersonFacts

__all__ = ["SyncResult", "approvers", "is_fresh", "knows", "may_decide", "person_facts", "sync"]


_DAY = Func(F("taken_at"), Value("FMDD FMMonth YYYY"), function="to_char", output_field=CharField())


def is_fresh(read_at: datetime | None, now: datetime) -> bool:
    """Return whether something read from the directory at that instant may still be relied on."""
    return read_at is not None and read_at >= _oldest(now)


def knows(person: Person, now: datetime) -> bool:
    """Return whether the directory said, recently enough, that this person's account is enabled."""
    return person.enabled is True and is_fresh(person.directory_read_at, now)


def approvers(
    *, kind: str, group: UUID | str | None, requester: Person, owner_oid: UUID | str | None, now: datetime
) -> QuerySet[Person]:
    """Return who could decide such a stage now, the requester left out; nobody for what is unknown.

    `kind` is "manager" (the requester's), "owner" (of the resource: `owner_oid`) or "group" (`group`, nested
    groups included). Evaluated by the database each time, so a person who left since does not count.
    """
    oldest = _oldest(now)
    known = Person.objects.filter(tid=requester.tid, enabled=True, directory_read_at__gte=oldest)
    others = known.exclude(pk=requester.pk).order_by("display_name", "pk")
    if kind == "manager":
        # The link is the requester's own row: that must be fresh too.
        return others.filter(reports__pk=requester.pk, reports__directory_read_at__gte=oldest)
    if kind == "owner" and owner_oid is not None:
        return others.filter(oid=owner_oid)
    if kind == "group" and group is not None:
        return others.filter(groups_read__oid=group, groups_read__read_at__gte=oldest)
    return others.none()


def may_decide(*, person: Person, stage: Stage, access_request: AccessRequest, now: datetime) -> bool:
    """Return whether this person may decide this stage of this request now. Votes are not looked at."""
    if stage.access_request_id != access_request.pk or person.pk == access_request.requester_id:
        return False
    found = approvers(
        kind=stage.approver_kind,
        group=stage.approver_group,
        requester=access_request.requester,
        owner_oid=_owner_of_all(access_request) if stage.approver_kind == "owner" else None,
        now=now,
    )
    return found.filter(pk=person.pk).exists()


def person_facts(person: Person, now: datetime) -> PersonFacts:
    """Return what policy is told of this person; groups whose members were not read lately are left out."""
    groups = DirectoryGroup.objects.filter(members=OuterRef("pk"), read_at__gte=_oldest(now))
    kept_from = TakenAway.objects.filter(person=OuterRef("pk"), given_back_at=None)
    taken = JSONObject(key="entitlement__key", at=_DAY, by="taken_by_label", why="why")
    found = (
        Person.objects.filter(pk=person.pk)
        .values_list(
            ArraySubquery(groups.order_by("oid").values("oid")),
            ArraySubquery(kept_from.order_by("id").values(said=taken)),
        )
        .first()
    )
    group_oids, taken_away = found or ([], [])
    return PersonFacts(
        oid=str(person.oid).lower(),
        label=str(person),
        enabled=person.enabled,
        guest=person.guest,
        group_ids=frozenset(str(oid).lower() for oid in group_oids),
        directory_age=person.directory_age(now),
        taken_away={
            one["key"]: f"{one['by']} took it away on {one['at']}: {one['why']}" for one in taken_away
        },
    )


def _owner_of_all(access_request: AccessRequest) -> UUID | None:
    """The one person who owns every resource of the request; None where there is no such one."""
    resources = Resource.objects.filter(entitlements__items__access_request=access_request)
    owners = set(resources.values_list("owner_oid", flat=True))
    return owners.pop() if len(owners) == 1 else None


def _oldest(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.DIRECTORY_MAX_AGE_SECONDS)
