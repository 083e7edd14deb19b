"""The inbox: what needs me, and is it safe? Active stages this person may decide, oldest first, 50 a page."""

from dataclasses import dataclass, replace
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
from requests_app.views import kept_form
from requests_app.views.glass_words import lately_told
from requests_app.views.http import PortalRequest, live, sign_in_note, signature

PAGE = 50


@dataclass(frozen=True)
class Part:
    """One thing asked for: what was asked of it before, and what policy said."""

    item: RequestItem
    history: History
    notes: tuple[dict[str, Any], ...]
    passed: int


@dataclass(frozen=True)
class Card:
    """One decision to make, with what is needed to make it."""

    stage: Stage
    access_request: AccessRequest
    title: str
    parts: tuple[Part, ...]
    seen: str
    in_place_of: Person | None
    ticked: bool
    # What approving will ask of the sign-in, in words.
    asks: str


@never_cache
@require_safe
def inbox(request: PortalRequest) -> HttpResponse:
    """Show what waits for this person; asked by its own poll, the list, unless it is as it was.

    After signing in again, with what was ticked and typed.
    """
    kept = kept_form.shown(request, kept_form.APPROVAL)
    if kept is None:
        return show(request)
    return show(request, ticked=frozenset(kept.fields.get("stage", [])), many_reason=kept.first("reason"))


def show(
    request: PortalRequest, *, ticked: frozenset[str] = frozenset(), status: int = 200, **more: str
) -> HttpResponse:
    """Return the page with these ticked; `many_reason` and `many_error` come from a form that was not carried out."""
    waiting = attention.inbox(request.user)
    count = waiting.count()
    shown = list(_detailed(_after(waiting, request.GET.get("after", "")))[: PAGE + 1])
    context = {
        "now": now(),
        **more,
        "ticked": ticked,
        "cards": _cards(request, shown[:PAGE], ticked),
        "older": shown[PAGE - 1].pk if len(shown) > PAGE else None,
        "first_page": not request.GET.get("after"),
        "inbox_count": count,
        "opened_without": [] if request.htmx else lately_told(request.user),
    }
    seen = signature(
        count,
        [(stage.pk, len(stage.decisions.all()), fingerprint(stage.access_request)) for stage in shown],
    )
    return live(request, "requests/inbox.html", "cards", context, seen, status=status)


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
    return waiting.select_related(
        "access_request__requester", "access_request__asked_by", "access_request__extends"
    ).prefetch_related(
        Prefetch(
            "access_request__items",
            RequestItem.objects.select_related("entitlement__resource", "left_out_by"),
        ),
        Prefetch("access_request__decisions", Decision.objects.select_related("person", "stage")),
        "access_request__comments",
        "decisions",
    )


def _cards(request: PortalRequest, stages: list[Stage], ticked: frozenset[str]) -> list[Card]:
    items = [item for stage in stages for item in stage.access_request.items.all()]
    past = histories(items) if items else {}
    places = attention.in_place_of(request.user, stages)
    return [
        replace(_card(request, stage, past, ticked=str(stage.pk) in ticked), in_place_of=places.get(stage.pk))
        for stage in stages
    ]


def _card(
    request: PortalRequest, stage: Stage, past: dict[tuple[int, int], History], *, ticked: bool
) -> Card:
    access_request = stage.access_request
    items = list(access_request.items.all())
    return Card(
        stage=stage,
        access_request=access_request,
        title=", ".join(item.entitlement.name for item in items),
        parts=tuple(_part(access_request, item, past) for item in items),
        seen=fingerprint(access_request),
        in_place_of=None,
        ticked=ticked,
        asks=sign_in_note(request, [item.verdict for item in items], APPROVAL),
    )


def _part(access_request: AccessRequest, item: RequestItem, past: dict[tuple[int, int], History]) -> Part:
    checks = item.verdict.get("checks", ())
    return Part(
        item=item,
        history=past.get((access_request.requester_id, item.entitlement_id), History()),
        notes=tuple(check for check in checks if check["outcome"] != "pass"),
        passed=sum(check["outcome"] == "pass" for check in checks),
    )
