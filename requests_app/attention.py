"""What waits for somebody: stages, rows of reviews, closings that are late. Read-only; rights are checked at the click."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value

from audit_app.clock import now
from audit_app.models import Alert, ReviewItem
from requests_app import directory
from requests_app.models import (
    AccessRequest,
    Decision,
    DirectoryMembership,
    Grant,
    Person,
    Resource,
    Stage,
)

# A closing this late is overdue: it shows on every page of an administrator.
OVERDUE = timedelta(seconds=60)


def inbox(person: Person) -> QuerySet[Stage]:
    """Return the active stages this person may decide now and has no vote on yet, oldest first.

    The same question as `directory.may_decide`, asked once for all stages: whoever is not known to be enabled,
    or was read too long ago, decides nothing.
    """
    moment = now()
    if not directory.knows(person, moment):
        return Stage.objects.none()
    oldest = moment - timedelta(seconds=settings.DIRECTORY_MAX_AGE_SECONDS)
    groups = DirectoryMembership.objects.filter(person=person, group__read_at__gte=oldest)
    resources = Resource.objects.filter(
        entitlements__items__access_request=OuterRef("access_request")
    ).distinct()
    others = resources.exclude(owner_oid=person.oid) | resources.filter(owner_oid__isnull=True)
    mine = (
        Q(
            approver_kind="manager",
            access_request__requester__manager=person,
            access_request__requester__directory_read_at__gte=oldest,
        )
        | Q(approver_kind="group", approver_group__in=Subquery(groups.values("group__oid")))
        | (Q(approver_kind="owner") & Exists(resources) & ~Exists(others))
    )
    voted = Decision.objects.filter(access_request=OuterRef("access_request"), person=person)
    return (
        Stage.objects.filter(
            mine,
            state=Stage.State.ACTIVE,
            access_request__state=AccessRequest.State.PENDING,
            access_request__requester__tid=person.tid,
        )
        .exclude(access_request__requester=person)
        .exclude(Exists(voted))
        .order_by(F("activated_at").asc(), "pk")
    )


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
