"""The review that follows a broken glass: was it right, and may this person keep the right? For the audit app."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Q, Sum
from django.db.models.functions import Coalesce

from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.reviews.source import Dimension, Row, Scope, Source, register
from requests_app import context, notify, reviewing_shared
from requests_app.models import AccessRequest, Entitlement, Grant, Person, RequestItem, SignIn
from requests_app.policy.durations import in_words

SOURCE = "break_glass"


def register_all() -> None:
    """Campaigns about an opening in an emergency can be made; the action that opens makes them."""
    register(
        Source(
            name=SOURCE,
            title="Who broke the glass",
            dimensions=_dimensions,
            people=reviewing_shared.people,
            rows=rows,
            version=lambda: context.active_policy().hash,
            tell=_tell,
            by_hand=False,
        )
    )


def _dimensions() -> tuple[Dimension, ...]:
    broken = AccessRequest.objects.filter(break_glass=True).order_by("pk").values_list("pk", flat=True)
    return (Dimension("requests", "Request", [(str(pk), f"Request {pk}") for pk in broken]),)


def rows(scope: Scope) -> Iterator[Row]:
    """Return what was opened in an emergency by these requests: nothing else, whatever its holder may do otherwise."""
    found = RequestItem.objects.filter(
        access_request__in=[int(number) for number in scope["requests"]], access_request__break_glass=True
    ).select_related("access_request__requester__manager", "entitlement__resource")
    for item in found:
        access_request, entitlement = item.access_request, item.entitlement
        person = access_request.requester
        yield Row(
            key=f"{person.identity}|{entitlement.key}",
            person=person.party,
            right_key=entitlement.key,
            right_label=entitlement.name,
            resource_label=entitlement.resource.name,
            # A broken glass is for people to judge: nothing is recommended.
            recommendation="",
            recommendation_why=f"Broke the glass: {access_request.reason}"[:300],
            facts={
                **_past(person, entitlement),
                "request": access_request.pk,
                "reason": access_request.reason,
                "ticket": access_request.ticket,
                "duration": in_words(access_request.duration),
                "source": access_request.source_address,
                "environment": entitlement.resource.environment,
                "job_title": person.job_title,
                "guest": person.guest,
            },
        )


def _past(person: Person, entitlement: Entitlement) -> dict[str, Any]:
    """Return what this person did with it so far, in the names the review's page has for it."""
    lasted = ExpressionWrapper(Coalesce("closed_at", now()) - F("opened_at"), output_field=DurationField())
    mine = Grant.objects.filter(person=person, entitlement=entitlement, opened_at__isnull=False)
    used = mine.aggregate(times=Count("pk"), lasted=Sum(lasted), last=Max("opened_at"))
    asked = RequestItem.objects.filter(access_request__requester=person, entitlement=entitlement).aggregate(
        asked=Count("pk"),
        approved=Count("pk", filter=Q(access_request__state="approved")),
        refused=Count("pk", filter=Q(access_request__state__in=["denied", "lapsed"])),
    )
    signed_in = SignIn.objects.filter(person=person).aggregate(last=Max("at"))["last"]
    return {
        **asked,
        "used": used["times"],
        "minutes_used": round(used["lasted"].total_seconds() / 60) if used["lasted"] else 0,
        "last_used": used["last"].isoformat() if used["last"] else "",
        "last_sign_in": signed_in.isoformat() if signed_in else "",
    }


def _tell(kind: str, people: Iterable[str], review: AccessReview) -> None:
    # Whoever is asked first was told by the alert itself, which leads to the review.
    if kind == "review_started" and review.asked_again_of_id is None:
        return
    notify.review(kind, Person.objects.filter(key__in=list(people), enabled=True), review)
