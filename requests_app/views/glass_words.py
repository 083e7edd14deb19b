"""What pages say of a request that broke the glass: who was told, and how its review stands. Reading only."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet

from audit_app.clock import now
from audit_app.models import AccessReview
from requests_app.models import AccessRequest, Person
from requests_app.reviewing_glass import SOURCE

LATELY = timedelta(days=7)
MOST = 10


@dataclass(frozen=True)
class Glass:
    """Who was told of it, and the review of it; `decided` says what came of that, in words."""

    told: tuple[str, ...]
    review: AccessReview | None
    decided: str
    may_look: bool


def glass_of(access_request: AccessRequest, reader: Person) -> Glass | None:
    """Return what there is to say; None for a request that went the usual way."""
    if not access_request.break_glass:
        return None
    reviews = AccessReview.objects.filter(source=SOURCE, scope={"requests": [str(access_request.pk)]})
    review = reviews.order_by("-pk").first()
    items = list(review.items.all()) if review else []
    asked = any(reader.identity in item.reviewer_ids for item in items)
    decisions = [item.get_decision_display().lower() for item in items if item.decision]
    return Glass(
        told=tuple(str(person) for person in access_request.alerted.order_by("display_name")),
        review=review,
        decided=", ".join(decisions),
        may_look=asked or reader.is_auditor or reader.is_administrator,
    )


def lately_told(person: Person) -> QuerySet[AccessRequest]:
    """Return what was opened in an emergency within a week, of which this person was told, the newest first."""
    found = AccessRequest.objects.filter(break_glass=True, alerted=person, submitted_at__gt=now() - LATELY)
    return found.select_related("requester").prefetch_related("items__entitlement").order_by("-pk")[:MOST]
