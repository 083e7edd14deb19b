"""What access reviews look at: who may have what, with how it was used. Handed down to the audit app. Reading only."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.timesince import timesince

from audit_app.alerts.rules import BREAK_GLASS, sensitive_is
from audit_app.clock import now
from audit_app.models import Event
from audit_app.parties import Party
from audit_app.reviews.source import Dimension, Row, Scope, Source, register
from requests_app import context, reviewing_shared
from requests_app.eligibility import rights
from requests_app.models import (
    AccessRequest,
    DirectoryGroup,
    EligibilitySpan,
    Entitlement,
    Grant,
    Person,
    RequestItem,
    Resource,
    SignIn,
)

# Not used for so long, a right is recommended for removal.
UNUSED = timedelta(days=90)
Pair = tuple[int, int]


def register_all() -> None:
    """Campaigns about who may ask for what can be made, and alerts know what is sensitive."""
    sensitive_is(is_sensitive)
    register(
        Source(
            name="eligibility",
            title="Who may have what",
            dimensions=_dimensions,
            people=reviewing_shared.people,
            rows=rows,
            version=lambda: context.active_policy().hash,
            tell=reviewing_shared.tell,
        )
    )


def is_sensitive(label: str) -> bool:
    """Return whether the catalogue calls this resource sensitive, by the tag of that name."""
    return Resource.objects.filter(name=label, tags__contains=["sensitive"]).exists()


def _dimensions() -> Sequence[Dimension]:
    resources = (
        Resource.objects.filter(active=True).order_by("name").values_list("key", "name", "environment")
    )
    environments = sorted({environment for _, _, environment in resources} - {""})
    groups = DirectoryGroup.objects.order_by("name").values_list("oid", "name")
    return (
        Dimension("environments", "Environments", [(name, name.capitalize()) for name in environments]),
        Dimension("resources", "Resources", [(key, name) for key, name, _ in resources]),
        Dimension("groups", "Members of", [(str(oid), name) for oid, name in groups]),
        Dimension(
            "people", "Kinds of people", [("guests", "Guests"), ("broke_glass", "Who has broken the glass")]
        ),
    )


@dataclass(frozen=True)
class _Past:
    """What happened between people and entitlements so far, read in a few grouped queries."""

    asked: Mapping[Pair, tuple[int, int, int]]
    used: Mapping[Pair, tuple[int, timedelta, datetime | None]]
    last_sign_in: Mapping[int, datetime]
    owners: Mapping[str, Party] = field(default_factory=dict)


def rows(scope: Scope) -> Iterator[Row]:
    """Return each person and each entitlement within the scope that policy lets them have today, asked for or at once.

    Raises NotReady while our copy of the directory is too old to know who is in which group, or no policy is loaded.
    """
    moment = now()
    reviewing_shared.require_ready(moment)
    past = _past()
    people = _persons(scope).order_by("display_name", "pk")
    for person, mine in rights(people, _entitlements(scope), moment):
        ways: dict[Entitlement, set[str]] = defaultdict(set)
        for right in mine:
            ways[right.entitlement].add(right.way)
        for entitlement in ways:
            others = [
                other.name
                for other in ways
                if other.resource_id == entitlement.resource_id and other != entitlement
            ]
            emergency = _emergency(ways[entitlement])
            yield _row(person, entitlement, past, moment, overlapping=others, emergency=emergency)


def _emergency(ways: set[str]) -> str:
    """Return whether they could break the glass for it: "too", "only" where no rule lets them ask, or not at all."""
    if EligibilitySpan.Way.BREAK_GLASS not in ways:
        return ""
    return "too" if EligibilitySpan.Way.ASK in ways else "only"


def _entitlements(scope: Scope) -> Any:
    found = Entitlement.objects.filter(active=True, resource__active=True)
    if scope.get("environments"):
        found = found.filter(resource__environment__in=scope["environments"])
    if scope.get("resources"):
        found = found.filter(resource__key__in=scope["resources"])
    return found.order_by("resource__name", "name")


def _persons(scope: Scope) -> Any:
    found = Person.objects.exclude(enabled=False)
    if scope.get("groups"):
        found = found.filter(groups_read__oid__in=scope["groups"]).distinct()
    if kinds := scope.get("people"):
        broke_glass = Event.objects.filter(kind=BREAK_GLASS).values("actor_id")
        of_kind = {"guests": Q(guest=True), "broke_glass": Q(key__in=broke_glass)}
        # What nobody offers finds nobody.
        found = found.filter(reduce(or_, (of_kind.get(kind, Q(pk=None)) for kind in kinds)))
    return found


def _past() -> _Past:
    state = AccessRequest.State
    asked = (
        RequestItem.objects.order_by()
        .values_list("access_request__requester", "entitlement")
        .annotate(
            asked=Count("pk"),
            approved=Count("pk", filter=Q(access_request__state=state.APPROVED)),
            refused=Count("pk", filter=Q(access_request__state__in=[state.DENIED, state.LAPSED])),
        )
    )
    lasted = ExpressionWrapper(Coalesce("closed_at", now()) - F("opened_at"), output_field=DurationField())
    used = (
        Grant.objects.filter(opened_at__isnull=False)
        .order_by()
        .values_list("person", "entitlement")
        .annotate(times=Count("pk"), minutes=Sum(lasted), last=Max("opened_at"))
    )
    people = {str(person.oid): person.party for person in Person.objects.all()}
    return _Past(
        asked={(person, right): (times, yes, no) for person, right, times, yes, no in asked},
        used={(person, right): (times, total, last) for person, right, times, total, last in used},
        last_sign_in=dict(SignIn.objects.order_by().values_list("person").annotate(last=Max("at"))),
        owners=people,
    )


def _row(
    person: Person, entitlement: Entitlement, past: _Past, moment: datetime, **more: list[str] | str
) -> Row:
    """Return the row of this right, with all that was found of it; `more` are facts as they are."""
    pair = (person.pk, entitlement.pk)
    asked, approved, refused = past.asked.get(pair, (0, 0, 0))
    used, lasted, last_used = past.used.get(pair, (0, timedelta(), None))
    signed_in = past.last_sign_in.get(person.pk)
    recommendation, why = recommend(used, last_used, asked, refused, moment)
    return Row(
        key=f"{person.identity}|{entitlement.key}",
        person=person.party,
        right_key=entitlement.key,
        right_label=entitlement.name,
        resource_label=entitlement.resource.name,
        recommendation=recommendation,
        recommendation_why=why,
        facts={
            "asked": asked,
            "approved": approved,
            "refused": refused,
            "used": used,
            "minutes_used": round(lasted.total_seconds() / 60),
            "last_used": last_used.isoformat() if last_used else "",
            "last_sign_in": signed_in.isoformat() if signed_in else "",
            "environment": entitlement.resource.environment,
            "job_title": person.job_title,
            "guest": person.guest,
            **more,
        },
        never_used=not used,
        manager=person.manager.party if person.manager and person.manager.enabled else None,
        owner=past.owners.get(str(entitlement.resource.owner_oid)),
    )


def recommend(
    used: int, last_used: datetime | None, asked: int, refused: int, moment: datetime
) -> tuple[str, str]:
    """Return "keep" or "remove", and the sentence that says why."""
    if last_used is None:
        tried = (
            f"asked for {asked} time{'' if asked == 1 else 's'}, never opened" if asked else "never asked for"
        )
        return "remove", f"Never used: {tried}."
    ago = timesince(last_used, moment, depth=1)
    if moment - last_used > UNUSED:
        return "remove", f"Not used for {ago}."
    if refused > used:
        return "remove", f"Refused more often ({refused}) than used ({used})."
    last = "just now" if moment - last_used < timedelta(minutes=1) else f"{ago} ago"
    return "keep", f"Used {used} time{'' if used == 1 else 's'}, last {last}."
