"""What waits for somebody: stages for an approver, closings that are late. Read-only; rights are checked at the click."""

from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from audit_app.clock import now
from requests_app.models import (
    AccessRequest,
    Decision,
    DirectoryMembership,
    Entitlement,
    Grant,
    Person,
    Stage,
)

# A closing this late is overdue: it shows on every page of an administrator.
OVERDUE = timedelta(seconds=60)


def inbox(person: Person) -> QuerySet[Stage]:
    """Return the active stages this person may decide, by our copy of the directory, oldest first."""
    groups = DirectoryMembership.objects.filter(person=person).values("group__oid")
    owned = Entitlement.objects.filter(
        items__access_request=OuterRef("access_request"), resource__owner_oid=person.oid
    )
    mine = (
        Q(approver_kind="manager", access_request__requester__manager=person)
        | Q(approver_kind="group", approver_group__in=Subquery(groups))
        | (Q(approver_kind="owner") & Exists(owned))
    )
    voted = Decision.objects.filter(access_request=OuterRef("access_request"), person=person)
    return (
        Stage.objects.filter(
            mine, state=Stage.State.ACTIVE, access_request__state=AccessRequest.State.PENDING
        )
        .exclude(access_request__requester=person)
        .exclude(Exists(voted))
        .order_by(F("activated_at").asc(), "pk")
    )


def inbox_count(person: Person) -> int:
    """Return how many decisions wait for this person."""
    return inbox(person).count()


def overdue() -> QuerySet[Grant]:
    """Return the grants whose closing is late."""
    limit = now() - OVERDUE
    return Grant.objects.filter(state=Grant.State.CLOSING, ending_at__lte=limit) | Grant.objects.filter(
        state__in=[Grant.State.OPENING, Grant.State.OPEN, Grant.State.EXTENDING], expires_at__lte=limit
    )


def overdue_count() -> int:
    """Return how many closings are late."""
    return overdue().count()
