"""What waits for somebody: stages, rows of reviews, closings that are late. Read-only; rights are checked at the click."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Value

from audit_app.clock import now
from audit_app.models import Alert, ReviewItem
from requests_app import deciders, directory
from requests_app.deciders import Voice
from requests_app.models import (
    AccessRequest,
    Decision,
    Grant,
    Person,
    Resource,
    Stage,
)

# A closing this late is overdue: it shows on every page of an administrator.
OVERDUE = timedelta(seconds=60)
# Said so, the request of each stage is looked up by its key. Told "pending", PostgreSQL goes through the index of all that
# are undecided for each stage anew, as long as it does not know yet how many those are.
_NOT_PENDING = [state for state in AccessRequest.State if state != AccessRequest.State.PENDING]


def inbox(person: Person) -> QuerySet[Stage]:
    """Return the active stages this person may decide now and has no vote on yet, oldest first.

    The same question as `deciders.standing`, asked once for all stages, for the person and for each whose place they
    take: whoever is not known to be enabled, or was read too long ago, decides nothing.
    """
    moment = now()
    mine = Q(pk__in=[])
    for voice in deciders.voices(person, moment):
        mine |= _decided_by(voice, moment)
    voted = Decision.objects.filter(access_request=OuterRef("access_request"), person=person)
    return (
        Stage.objects.filter(
            mine,
            state=Stage.State.ACTIVE,
            access_request__requester__tid=person.tid,
        )
        .exclude(access_request__state__in=_NOT_PENDING)
        .exclude(access_request__requester=person)
        .exclude(access_request__asked_by=person)
        .exclude(Exists(voted))
        .order_by(F("activated_at").asc(), "pk")
    )


def in_place_of(person: Person, stages: Iterable[Stage]) -> dict[int, Person]:
    """Return, by stage, in whose place this person would decide it; those they decide themself are left out.

    One small statement for each who lent them their right, and one for their own; none for who stands in for nobody.
    """
    moment = now()
    voices = deciders.voices(person, moment)
    others = [voice for voice in voices if voice.person != person.pk]
    if not others:
        return {}
    shown, found = [stage.pk for stage in stages], {}
    givers = Person.objects.in_bulk([voice.person for voice in others])
    for voice in (*others, *(one for one in voices if one.person == person.pk)):
        for pk in Stage.objects.filter(_decided_by(voice, moment), pk__in=shown).values_list("pk", flat=True):
            found[pk] = givers.get(voice.person)
    return {pk: giver for pk, giver in found.items() if giver}


def _decided_by(voice: Voice, moment: datetime) -> Q:
    """What this voice decides, unless its person asked for it or it was heard on it already, through whomever."""
    heard = Decision.objects.filter(
        Q(person=voice.person, in_place_of=None) | Q(in_place_of=voice.person),
        access_request=OuterRef("access_request"),
    )
    joined = Q(escalated_at__isnull=False)
    asked = _through("approver", voice, moment) | (joined & _through("alternate", voice, moment))
    asked |= Q(approver_kind="person", approver_person=voice.person)
    if voice.owns:
        asked |= (Q(approver_kind="owner") | (joined & Q(alternate_kind="owner"))) & _owned(voice)
    own = Q(access_request__requester=voice.person) | Q(access_request__asked_by=voice.person)
    return Q(asked & ~own, ~Exists(heard))


def _through(which: str, voice: Voice, moment: datetime) -> Q:
    """Stages whose approvers, or alternates, this voice is among; ownership is asked apart, for it costs the most."""
    kind, name = f"{which}_kind", f"{which}_name__in"
    found = Q(pk__in=[])
    if voice.manages:
        found |= Q(
            **{kind: "manager"},
            access_request__requester__manager=voice.person,
            access_request__requester__directory_read_at__gte=directory.oldest(moment),
        )
    if voice.groups:
        found |= Q(**{kind: "group", f"{which}_group__in": voice.groups})
    if voice.roles:
        found |= Q(**{kind: "role", name: voice.roles})
    if voice.rotas:
        found |= Q(**{kind: "on_call", name: voice.rotas})
    return found


def _owned(voice: Voice) -> Q:
    resources = Resource.objects.filter(
        entitlements__items__access_request=OuterRef("access_request")
    ).distinct()
    others = resources.exclude(owner_oid=voice.oid) | resources.filter(owner_oid__isnull=True)
    return Q(Exists(resources), ~Exists(others))


def waiting(person: Person) -> dict[str, int]:
    """Return how many decisions and rows of reviews wait for this person, and alerts for a look, in one query."""
    found: dict[str, QuerySet[Any]] = {
        "inbox": inbox(person).order_by(),
        "reviews": ReviewItem.objects.asked_of(person.identity).waiting().order_by(),
    }
    if person.is_auditor or person.is_administrator:
        found["alerts"] = Alert.objects.filter(acknowledged_at=None).order_by()
    first, *others = (
        rows.annotate(what=Value(what))
        .values("what")
        .annotate(count=Count("pk"))
        .values_list("what", "count")
        for what, rows in found.items()
    )
    return {"inbox": 0, "reviews": 0, "alerts": 0, **dict(first.union(*others, all=True))}


def overdue() -> QuerySet[Grant]:
    """Return the grants whose closing is late: still closing, or past an end that nobody acted on."""
    limit = now() - OVERDUE
    alive = Q(state__in=[Grant.State.OPENING, Grant.State.OPEN, Grant.State.EXTENDING])
    return Grant.objects.filter(
        Q(state=Grant.State.CLOSING, ending_at__lte=limit)
        | (alive & (Q(expires_at__lte=limit) | Q(hard_end__lte=limit)))
    )


def overdue_count() -> int:
    """Return how many closings are late."""
    return overdue().count()
