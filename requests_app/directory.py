"""Who is who, by our copy of the directory and the rotas. Keeping the copy is `directory_sync`; no Graph here.

Unknown means no: a row that is missing, too old or not known to be enabled lets nobody do anything.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import JSONObject

from requests_app.directory_sync import SyncResult, sync
from requests_app.models import DirectoryGroup, Person, Shift, TakenAway
from requests_app.policy.facts import PersonFacts

__all__ = ["SyncResult", "approvers", "is_fresh", "knows", "oldest", "on_call", "person_facts", "sync"]


_DAY = Func(F("taken_at"), Value("FMDD FMMonth YYYY"), function="to_char", output_field=CharField())


def is_fresh(read_at: datetime | None, now: datetime) -> bool:
    """Return whether something read from the directory at that instant may still be relied on."""
    return read_at is not None and read_at >= oldest(now)


def knows(person: Person, now: datetime) -> bool:
    """Return whether the directory said, recently enough, that this person's account is enabled."""
    return person.enabled is True and is_fresh(person.directory_read_at, now)


def approvers(
    *,
    kind: str,
    requester: Person,
    now: datetime,
    group: UUID | str | None = None,
    name: str = "",
    person: int | None = None,
    owner_oid: UUID | str | None = None,
    but: Collection[int] = (),
) -> QuerySet[Person]:
    """Return who could decide such a stage now, the requester, and `but` these, left out; nobody for what is unknown.

    `kind` is "manager" (the requester's), "owner" (of the resource: `owner_oid`), "group" (`group`, nested groups
    included), "role" (an app role their last sign-in brought: `name`), "on_call" (for the rota `name`) or "person".
    Evaluated by the database each time, so a person who left since does not count.
    """
    oldest_read = oldest(now)
    known = Person.objects.filter(tid=requester.tid, enabled=True, directory_read_at__gte=oldest_read)
    others = known.exclude(pk__in={requester.pk, *but}).order_by("display_name", "pk")
    if kind == "manager":
        # The link is the requester's own row: that must be fresh too.
        return others.filter(reports__pk=requester.pk, reports__directory_read_at__gte=oldest_read)
    if kind == "owner" and owner_oid is not None:
        return others.filter(oid=owner_oid)
    if kind == "group" and group is not None:
        return others.filter(groups_read__oid=group, groups_read__read_at__gte=oldest_read)
    if kind == "role" and name:
        return others.filter(groups__name=name)
    if kind == "on_call" and name:
        return others.filter(pk__in=on_call(now).filter(rota__name=name).values("person"))
    if kind == "person" and person is not None:
        return others.filter(pk=person)
    return others.none()


def on_call(now: datetime) -> QuerySet[Shift]:
    """Return the shifts that run now, of rotas that were read lately enough to be relied on."""
    timeless = Q(starts_at=None)
    read = Shift.objects.filter(rota__read_at__gte=now - timedelta(seconds=settings.ROTA_MAX_AGE_SECONDS))
    return read.filter(timeless | Q(starts_at__lte=now, ends_at__gt=now))


def person_facts(person: Person, now: datetime) -> PersonFacts:
    """Return what policy is told of this person; groups whose members were not read lately are left out."""
    groups = DirectoryGroup.objects.filter(members=OuterRef("pk"), read_at__gte=oldest(now))
    kept_from = TakenAway.objects.filter(person=OuterRef("pk"), given_back_at=None)
    taken = JSONObject(key="entitlement__key", at=_DAY, by="taken_by_label", why="why")
    found = (
        Person.objects.filter(pk=person.pk)
        .values_list(
            ArraySubquery(groups.order_by("oid").values("oid")),
            ArraySubquery(kept_from.order_by("id").values(said=taken)),
            ArraySubquery(on_call(now).filter(person=OuterRef("pk")).order_by().values("rota__name")),
        )
        .first()
    )
    group_oids, taken_away, rotas = found or ([], [], [])
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
        on_call=frozenset(rotas),
    )


def oldest(now: datetime) -> datetime:
    """Return since when something must have been read from the directory to be relied on now."""
    return now - timedelta(seconds=settings.DIRECTORY_MAX_AGE_SECONDS)
