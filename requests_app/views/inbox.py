"""The inbox: what needs me, and is it safe? Active stages this person may decide, oldest first, 50 a page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit_app.clock import now
from requests_app import attention
from requests_app.history import History, histories
from requests_app.models import AccessRequest, Decision, Person, RequestItem, Stage
from requests_app.policy.facts import APPROVAL
from requests_app.seen import fingerprint
from requests_app.views.glass_words import lately_told
from requests_app.views.http import PortalRequest, live, sign_in_note, signature

PAGE = 50


@dataclass(frozen=True)
class Card:
    """One decision to make, with what is needed to make it."""

    stage: Stage
    access_request: AccessRequest
    item: RequestItem
    history: History
    notes: tuple[dict[str, Any], ...]
    passed: int
    seen: str
    in_place_of: Person | None
    # What approving will ask of the sign-in, in words.
    asks: str


@never_cache
@require_safe
def inbox(request: PortalRequest) -> HttpResponse:
    """Show what waits for this person; asked by its own poll, the list, unless it is as it was."""
    waiting = attention.inbox(request.user)
    count = waiting.count()
    shown = list(_detailed(_after(waiting, request.GET.get("after", "")))[: PAGE + 1])
    context = {
        "now": now(),
        "cards": _cards(request, shown[:PAGE]),
        "older": shown[PAGE - 1].pk if len(shown) > PAGE else None,
        "first_page": not request.GET.get("after"),
        "inbox_count": count,
        "opened_without": [] if request.htmx else lately_told(request.user),
    }
    seen = signature(
        count,
        [(stage.pk, len(stage.decisions.all()), fingerprint(stage.access_request)) for stage in shown],
    )
    return live(request, "requests/inbox.html", "cards", context, seen)


def _after(waiting: QuerySet[Stage], after: str) -> QuerySet[Stage]:
    """Return what comes after that stage in the list; the whole list when it is none."""
    at = (
        Stage.objects.filter(pk=int(after)).values_list("activated_at", flat=True).first()
        if after.isdigit()
        else None
    )
    if at is None:
        return waiting
    return waiting.filter(Q(activated_at__gt=at) | Q(activated_at=at, pk__gt=int(after)))


def _detailed(waiting: QuerySet[Stage]) -> QuerySet[Stage]:
    return waiting.select_related("access_request__requester", "access_request__extends").prefetch_related(
        Prefetch("access_request__items", RequestItem.objects.select_related("entitlement__resource")),
        Prefetch("access_request__decisions", Decision.objects.select_related("person", "stage")),
        "access_request__comments",
        "decisions",
    )


def _cards(request: PortalRequest, stages: list[Stage]) -> list[Card]:
    items = [(stage, item) for stage in stages for item in stage.access_request.items.all()]
    past = histories(item for _, item in items) if items else {}
    places = attention.in_place_of(request.user, stages)
    return [
        Card(
            stage=stage,
            access_request=stage.access_request,
            item=item,
            history=past.get((stage.access_request.requester_id, item.entitlement_id), History()),
            notes=tuple(check for check in item.verdict.get("checks", ()) if check["outcome"] != "pass"),
            passed=sum(check["outcome"] == "pass" for check in item.verdict.get("checks", ())),
            seen=fingerprint(stage.access_request),
            in_place_of=places.get(stage.pk),
            asks=sign_in_note(request, [item.verdict], APPROVAL),
        )
        for stage, item in items
    ]
