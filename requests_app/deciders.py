"""Who decides: the people a stage asks for, whoever stands in for them, and who of them is away. Read-only.

What the directory says of people and groups is `directory`; absences and delegations are people's own word.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable

from requests_app import directory
from requests_app.models import (
    Absence,
    AccessRequest,
    Decision,
    Delegation,
    DirectoryGroup,
    Person,
    Resource,
    Stage,
)
from requests_app.policy.model import ApproverRule
from requests_app.standing import Decider

APPROVER, ALTERNATE = "approver", "alternate"


@dataclass(frozen=True)
class Voice:
    """What one person is among those who decide: in which groups, roles and rotas, above somebody, owner of something."""

    person: int
    oid: UUID
    groups: list[UUID]
    roles: list[str]
    rotas: list[str]
    manages: bool
    owns: bool


def of_stage(stage: Stage, access_request: AccessRequest, now: datetime) -> list[Decider]:
    """Return who may decide this stage now and was not heard on the request yet; alternates once it escalated."""
    return [one for one, heard in _of_stage(stage, access_request, now) if not heard]


def standing(person: Person, stage: Stage, access_request: AccessRequest, now: datetime) -> Decider | None:
    """Return as whom this person may decide this stage now; None when not at all. Votes are not looked at.

    Of several rights, one that was not used on this request yet goes first, and their own before one lent to them.
    """
    if stage.access_request_id != access_request.pk or access_request.is_of(person):
        return None
    mine = [pair for pair in _of_stage(stage, access_request, now) if pair[0].person.pk == person.pk]
    best = min(mine, key=lambda pair: (pair[1], pair[0].in_place_of is not None), default=None)
    return best[0] if best else None


def of_rules(
    rules: Mapping[Hashable, ApproverRule], *, requester: Person, owner_oid: UUID | None, now: datetime
) -> dict[Hashable, list[Decider]]:
    """Return whom each of these rules of the policy asks now, the requester left out."""
    found = {
        key: directory.approvers(
            kind=rule.kind,
            group=UUID(rule.group_oid) if rule.group_oid else None,
            name=rule.name,
            requester=requester,
            owner_oid=owner_oid,
            now=now,
        )
        for key, rule in rules.items()
    }
    covered = _with_cover(found, requester, now, request=None)
    return {key: [one for one, _ in pairs] for key, pairs in covered.items()}


def voices(person: Person, now: datetime) -> list[Voice]:
    """Return with whose voices this person may speak now: their own, and of those whose place they take.

    Nothing for somebody the directory does not know as enabled; those it does not know lend nothing. One statement.
    """
    lent = Delegation.objects.at(now).filter(receiver=person, giver=OuterRef("pk"))
    read = directory.oldest(now)
    groups = DirectoryGroup.objects.filter(members=OuterRef("pk"), read_at__gte=read).order_by()
    known = Person.objects.filter(tid=person.tid, enabled=True, directory_read_at__gte=read)
    rows = known.filter(Q(pk=person.pk) | Exists(lent)).values_list(
        "pk",
        "oid",
        ArraySubquery(groups.values("oid")),
        ArraySubquery(Group.objects.filter(user=OuterRef("pk")).order_by().values("name")),
        ArraySubquery(directory.on_call(now).filter(person=OuterRef("pk")).order_by().values("rota__name")),
        Exists(Person.objects.filter(manager=OuterRef("pk"))),
        Exists(Resource.objects.filter(owner_oid=OuterRef("oid"))),
    )
    found = [Voice(*row) for row in rows]
    return found if any(voice.person == person.pk for voice in found) else []


def owner_of_all(access_request: AccessRequest) -> UUID | None:
    """Return the one person who owns every resource of the request; None where there is no such one."""
    resources = Resource.objects.filter(entitlements__items__access_request=access_request)
    owners = set(resources.values_list("owner_oid", flat=True))
    return owners.pop() if len(owners) == 1 else None


def _of_stage(stage: Stage, access_request: AccessRequest, now: datetime) -> list[tuple[Decider, bool]]:
    """Everybody who may decide it, each with whether they, or the voice they would speak with, were heard already."""
    asked: dict[Hashable, QuerySet[Person]] = {APPROVER: _asked(stage, APPROVER, access_request, now)}
    if stage.escalated_at is not None and stage.alternate_kind:
        asked[ALTERNATE] = _asked(stage, ALTERNATE, access_request, now)
    own = access_request.own_to
    covered = _with_cover(asked, access_request.requester, now, request=access_request.pk, but=own)
    pairs = {(one.person.pk, one.voice): (one, heard) for found in covered.values() for one, heard in found}
    return list(pairs.values())


def _asked(stage: Stage, which: str, access_request: AccessRequest, now: datetime) -> QuerySet[Person]:
    kind = getattr(stage, f"{which}_kind")
    return directory.approvers(
        kind=kind,
        group=getattr(stage, f"{which}_group"),
        name=getattr(stage, f"{which}_name"),
        person=stage.approver_person_id if which == APPROVER else None,
        requester=access_request.requester,
        owner_oid=owner_of_all(access_request) if kind == "owner" else None,
        now=now,
        but=access_request.own_to,
    )


def _with_cover(
    asked: Mapping[Hashable, QuerySet[Person]],
    requester: Person,
    now: datetime,
    *,
    request: int | None,
    but: Collection[int] = (),
) -> dict[Hashable, list[tuple[Decider, bool]]]:
    """Return these people as deciders, those who stand in for somebody of them added, in one statement more.

    Nobody stands in for the requester, or `but` for these, and they for nobody. A right that was lent is not passed on.
    """
    people = {
        key: list(
            found.annotate(
                away_until=_away("pk", now),
                voted=_votes(request, person=OuterRef("pk")),
                spoke=_spoke(request, "pk"),
            )
        )
        for key, found in asked.items()
    }
    givers = {person.pk for found in people.values() for person in found}
    lent: dict[int, list[Any]] = {}
    for one in _lent(givers, requester, now, request=request, but=but) if givers else ():
        lent.setdefault(one.giver_id, []).append(one)
    return {
        key: [pair for person in found for pair in _pairs(person, lent.get(person.pk, ()))]
        for key, found in people.items()
    }


def _pairs(person: Any, lent: Iterable[Any]) -> Iterable[tuple[Decider, bool]]:
    yield Decider(person, None, person.away_until), person.voted or person.spoke
    for one in lent:
        yield Decider(one.receiver, person, one.away_until), one.voted or person.spoke


def _lent(
    givers: Iterable[int],
    requester: Person,
    now: datetime,
    *,
    request: int | None,
    but: Collection[int] = (),
) -> QuerySet[Delegation]:
    """Delegations in force of these people, to others of the tenant whom the directory knows as enabled."""
    return cast(
        QuerySet[Delegation],
        Delegation.objects.at(now)
        .filter(
            giver__in=givers,
            receiver__tid=requester.tid,
            receiver__enabled=True,
            receiver__directory_read_at__gte=directory.oldest(now),
        )
        .exclude(Q(receiver__in={requester.pk, *but}) | Q(receiver=F("giver")))
        .annotate(away_until=_away("receiver", now), voted=_votes(request, person=OuterRef("receiver")))
        .select_related("receiver")
        .order_by("giver_id", "receiver_id")
        .distinct("giver_id", "receiver_id"),
    )


def _away(person: str, now: datetime) -> Subquery:
    found = Absence.objects.at(now).filter(person=OuterRef(person)).order_by("-ends_at")
    return Subquery(found.values("ends_at")[:1])


def _votes(request: int | None, **whose: Any) -> Combinable:
    if request is None:
        return Value(False, output_field=BooleanField())
    return Exists(Decision.objects.filter(access_request=request, **whose))


def _spoke(request: int | None, person: str) -> Combinable:
    """Whether a vote was cast with this person's voice: their own, or one in their place."""
    if request is None:
        return Value(False, output_field=BooleanField())
    own = Q(person=OuterRef(person), in_place_of=None) | Q(in_place_of=OuterRef(person))
    return Exists(Decision.objects.filter(own, access_request=request))
