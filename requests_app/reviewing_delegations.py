"""The review of who decides in whose place: what people lent for weeks or months, and whether it is used. Reading only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils.timesince import timesince

from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.reviews.source import Dimension, Row, Scope, Source, register
from requests_app import context, reviewing_shared
from requests_app.models import Decision, Delegation, DirectoryGroup, SignIn

SOURCE: Final = "delegations"
# Not used for so long, it is recommended to call a delegation off; what is lent for longer counts as long.
UNUSED: Final = timedelta(days=30)
LONG: Final = timedelta(days=30)
_KEY: Final = "delegation:"


def register_all() -> None:
    """Campaigns about who decides in whose place can be made."""
    register(
        Source(
            name=SOURCE,
            title="Who decides for whom",
            dimensions=_dimensions,
            people=reviewing_shared.people,
            rows=rows,
            version=lambda: context.active_policy().hash,
            tell=reviewing_shared.tell,
            question="Should they still decide in somebody else's place?",
            nothing="Nobody decided in anybody's place when this review began, so there is nothing to decide.",
            # Decisions have no owner.
            reviewers={
                AccessReview.Reviewers.MANAGER: "The manager of whoever lends",
                AccessReview.Reviewers.NAMED: AccessReview.Reviewers.NAMED.label,
            },
        )
    )


def delegation_of(right_key: str) -> int:
    """Return the number of the delegation that a row of such a review is about."""
    return int(right_key.removeprefix(_KEY))


def _dimensions() -> Sequence[Dimension]:
    groups = DirectoryGroup.objects.order_by("name").values_list("oid", "name")
    return (
        Dimension("groups", "Lent by members of", [(str(oid), name) for oid, name in groups]),
        Dimension(
            "kinds",
            "Kinds of delegations",
            [("long", f"Lent for more than {LONG.days} days"), ("unused", "Never used")],
        ),
    )


def rows(scope: Scope) -> Iterator[Row]:
    """Return each delegation in force within the scope: the person is who decides, and who lends it is not asked either.

    Raises NotReady while our copy of the directory is too old to know whose manager is who, or no policy is loaded.
    """
    moment = now()
    reviewing_shared.require_ready(moment)
    found = list(_in_force(scope, moment))
    others = _others(found)
    for delegation in found:
        yield _row(delegation, others[delegation.pk], moment)


def _in_force(scope: Scope, moment: datetime) -> QuerySet[Delegation]:
    # Whoever lends again to the same person begins anew: what was decided before that is not counted.
    decided = (
        Decision.objects.filter(
            person=OuterRef("receiver"), in_place_of=OuterRef("giver"), decided_at__gte=OuterRef("starts_at")
        )
        .order_by()
        .values("person")
    )
    signed_in = SignIn.objects.filter(person=OuterRef("receiver")).order_by().values("person")
    found = Delegation.objects.at(moment).annotate(
        used=Subquery(decided.annotate(n=Count("pk")).values("n")),
        denied=Subquery(decided.annotate(n=Count("pk", filter=Q(vote="deny"))).values("n")),
        last_used=Subquery(decided.annotate(last=Max("decided_at")).values("last")),
        last_sign_in=Subquery(signed_in.annotate(last=Max("at")).values("last")),
    )
    if scope.get("groups"):
        members = DirectoryGroup.objects.filter(oid__in=scope["groups"]).values("members")
        found = found.filter(giver__in=members)
    if kinds := scope.get("kinds"):
        of_kind = {"long": Q(ends_at__gt=F("starts_at") + LONG), "unused": Q(used=None)}
        # What nobody offers finds nobody.
        found = found.filter(reduce(or_, (of_kind.get(kind, Q(pk=None)) for kind in kinds)))
    people = found.select_related("giver__manager", "receiver")
    return people.order_by("giver__display_name", "receiver__display_name", "pk")


def _others(found: Sequence[Delegation]) -> dict[int, list[str]]:
    """Return, by delegation, who else decides in the same person's place by one of these."""
    return {
        one.pk: sorted(
            {str(other.receiver) for other in found if other.giver_id == one.giver_id} - {str(one.receiver)}
        )
        for one in found
    }


def _row(found: Any, others: list[str], moment: datetime) -> Row:
    giver, receiver = found.giver, found.receiver
    used = Used(found.used or 0, found.last_used, found.starts_at)
    gone = next((str(person) for person in (giver, receiver) if person.enabled is not True), "")
    recommendation, why = recommend(used, moment, gone=gone)
    return Row(
        key=f"{_KEY}{found.pk}",
        person=receiver.party,
        right_key=f"{_KEY}{found.pk}",
        right_label=f"Decide in place of {giver}",
        resource_label="",
        recommendation=recommendation,
        recommendation_why=why,
        facts={
            "used": used.times,
            "approved": used.times - (found.denied or 0),
            "refused": found.denied or 0,
            "last_used": _iso(found.last_used),
            "last_sign_in": _iso(found.last_sign_in),
            "giver": str(giver),
            "lent_at": _iso(found.made_at),
            "since": _iso(found.starts_at),
            "until": _iso(found.ends_at),
            "lent_why": found.why,
            "overlapping": others,
            "job_title": receiver.job_title,
            "guest": receiver.guest,
        },
        never_used=not used.times,
        manager=giver.manager.party if giver.manager and giver.manager.enabled else None,
        apart=frozenset({giver.identity}),
    )


@dataclass(frozen=True)
class Used:
    """How often somebody decided by a delegation, when last, and since when they can."""

    times: int
    last: datetime | None
    since: datetime


def recommend(used: Used, moment: datetime, *, gone: str = "") -> tuple[str, str]:
    """Return "keep" or "remove", and the sentence that says why. `gone` is whoever of the two is not enabled any more."""
    if gone:
        return "remove", f"{gone} is not known to be enabled in the directory."
    held = timesince(used.since, moment, depth=1)
    if used.last is None:
        if moment - used.since >= UNUSED:
            return "remove", f"Never used in {held}."
        return "keep", f"In force for {held} only, not used yet."
    ago = timesince(used.last, moment, depth=1)
    if moment - used.last >= UNUSED:
        return "remove", f"Not used for {ago}."
    last = "just now" if moment - used.last < timedelta(minutes=1) else f"{ago} ago"
    return "keep", f"Used {used.times} time{'' if used.times == 1 else 's'}, last {last}."


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
