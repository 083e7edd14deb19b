"""One request: where does it stand, and why? Shown here; every step is a POST of its own next door."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit_app.clock import now
from requests_app import deciders, lifecycle
from requests_app.actions import revoke
from requests_app.models import AccessRequest, Comment, Grant, Person, RequestItem, Stage
from requests_app.policy.facts import ACTIVATION, APPROVAL
from requests_app.standing import Decider
from requests_app.views import kept_form
from requests_app.views.again import over
from requests_app.views.as_asked import as_asked
from requests_app.views.deciding import deciding as _deciding
from requests_app.views.deciding import talk as _talk
from requests_app.views.doors import Door, doors, with_openings
from requests_app.views.glass_words import glass_of
from requests_app.views.http import PortalRequest, live, sign_in_note, signature, visible_request
from requests_app.views.stages import group_names, steps, usual_waits, with_story
from requests_app.views.timeline import moments
from requests_app.views.windows import lines, next_ready, worth_a_card

PAGE = "requests/detail.html"
QUICK, SLOW, NEVER = 2, 15, 0


@never_cache
@require_safe
def detail(request: PortalRequest, pk: int) -> HttpResponse:
    """Show the request; asked by its own poll, the part that changes. After signing in again, with the form as typed."""
    words = {"unfold": request.GET.get("open", ""), **_as_typed(request)}
    return show(request, visible_request(request.user, pk), **words)


def show(request: PortalRequest, access_request: AccessRequest, **more: Any) -> HttpResponse:
    """Return the request's page. `status` and a form's words (`decide_error`, `typed`) come from its POSTs."""
    status = more.pop("status", HTTPStatus.OK)
    context = {**situation(access_request, request.user), **more}
    verdicts = [item.verdict for item in context["items"]]
    leave = more.get("leave", {})
    context["leave_rows"] = [
        (item, str(item.pk) in leave, leave.get(str(item.pk), ""))
        for item in context["items"]
        if context["to_decide"] and len(context["items"]) > 1 and item.left_out_at is None
    ]
    context["approving_asks"] = sign_in_note(request, verdicts, APPROVAL) if context["to_decide"] else ""
    if more.get("kept") or status != HTTPStatus.OK:
        # What was typed is there again: no news may replace it under whoever looks it over.
        context["poll"] = NEVER
    context["activating_asks"] = sign_in_note(request, verdicts, ACTIVATION) if context["mine"] else ""
    return live(request, PAGE, "situation", context, _seen(context), status=status)


def _as_typed(request: PortalRequest) -> dict[str, Any]:
    """Return the words of the form that this page is to show again, in the names its template has for them."""
    kept = kept_form.shown(request, kept_form.APPROVAL, kept_form.ACTIVATION, kept_form.EXTENSION)
    if kept is None:
        return {}
    words: dict[str, Any] = {
        "kept": kept.purpose,
        "typed": kept.first("reason"),
        "kept_back": kept.first("back"),
    }
    if kept.purpose == kept_form.APPROVAL:
        words |= {"kept_duration": kept.first("duration"), "kept_source": kept.first("source")}
        words["leave"] = {pk: kept.first(f"why-{pk}") for pk in kept.fields.get("leave", [])}
    if kept.purpose == kept_form.EXTENSION:
        total, key = kept.first("total"), kept.first("submission_key")
        words |= {"form": "extend", "kept_total": total, "kept_key": key}
        words["form_grant"] = int(kept.first("grant") or 0)
    if kept.purpose == kept_form.ACTIVATION:
        words["from_elsewhere"] = kept.first("from_elsewhere")
    return words


def situation(access_request: AccessRequest, person: Person) -> dict[str, Any]:
    """Return everything the page shows of this request to this person, in a fixed number of queries."""
    whole = with_story(AccessRequest.objects.filter(pk=access_request.pk)).get()
    whole.requester = access_request.requester
    prefetch_related_objects([whole], Prefetch("comments", Comment.objects.select_related("person")))
    held = doors(with_openings(Grant.objects.filter(access_request=whole).order_by("id")), person)
    last_event, story = moments(whole, person)
    items = list(whole.items.all())
    live = _live(whole)
    to_decide = _to_decide(whole, person, live)
    moment = now()
    return {
        "now": moment,
        "access_request": whole,
        "asked": as_asked(whole),
        "items": items,
        "title": ("More time for " if whole.extends_id else "")
        + ", ".join(item.entitlement.name for item in items),
        "may_close_resource": any(revoke.may_close(person, item.entitlement.resource) for item in items),
        "may_close_person": person.is_administrator,
        "mine": whole.requester_id == person.pk,
        "asked_it": whole.asked_by_id == person.pk,
        "may_ask_again": whole.is_of(person) and over(whole, [door.grant for door in held]),
        "steps": steps(whole, group_names([whole]), live),
        "doors": worth_a_card(held),
        "windows": lines(whole, [door.grant for door in held], moment),
        "outcomes": _outcomes(items, held) if len(items) > 1 else (),
        "ready": next_ready(held),
        "revocable": [door for door in held if door.buttons & {"revoke", "void"}],
        "events": story,
        "last_event": last_event,
        "buttons": frozenset(button.event for button in lifecycle.buttons(whole, person)),
        "to_decide": to_decide,
        "deciding": _deciding(whole, person, to_decide, live) if to_decide else None,
        "talk": _talk(whole, person),
        "usual": _usual(whole),
        "glass": glass_of(whole, person),
        "poll": _poll(whole, held),
    }


def _usual(access_request: AccessRequest) -> timedelta | None:
    """Return how long approval of the slowest of this usually takes; None once it is decided, or where nobody knows."""
    if access_request.state != AccessRequest.State.PENDING:
        return None
    waits = usual_waits(item.entitlement_id for item in access_request.items.all())
    return max(waits.values(), default=None)


def _outcomes(items: list[RequestItem], held: list[Door]) -> list[tuple[RequestItem, str]]:
    """Return, of several things, what became of each: the state of its grant, or nothing.

    Of several windows what is open counts, then what is to come.
    """
    order = {Grant.State.CLOSED.value: 0, Grant.State.ISSUED.value: 1}
    by_weight = sorted(held, key=lambda door: order.get(door.grant.state, 2))
    states = {door.grant.item_id: door.grant.state for door in by_weight}
    return [(item, states.get(item.pk, "")) for item in items]


def _live(access_request: AccessRequest) -> dict[int, list[Decider]]:
    """Return, by stage, who may decide it now."""
    active = [stage for stage in access_request.stages.all() if stage.state == Stage.State.ACTIVE]
    moment = now()
    return {stage.pk: deciders.of_stage(stage, access_request, moment) for stage in active}


def _to_decide(access_request: AccessRequest, person: Person, live: dict[int, list[Decider]]) -> Stage | None:
    """Return the first active stage this person may decide now, else None. The action asks the same again."""
    if access_request.state != AccessRequest.State.PENDING or access_request.is_of(person):
        return None
    return next(
        (
            stage
            for stage in access_request.stages.all()
            if any(one.person.pk == person.pk for one in live.get(stage.pk, ()))
        ),
        None,
    )


def _poll(access_request: AccessRequest, held: list[Door]) -> int:
    if any(door.moving for door in held):
        return QUICK
    waits = access_request.state in {AccessRequest.State.PENDING, AccessRequest.State.RETURNED}
    return SLOW if waits or any(door.grant.state != Grant.State.CLOSED for door in held) else NEVER


def _seen(context: dict[str, Any]) -> str:
    return signature(
        context["last_event"],
        context["access_request"].state,
        context["to_decide"],
        len(context["talk"].comments),
        [(step.state, step.people, step.away) for step in context["steps"]],
        [
            (door.grant.state, door.grant.expires_at, door.trouble, door.code_live, door.time.waiting)
            for door in context["doors"]
        ],
        [
            (row.word, row.opening.priority, [(attempt.pk, attempt.outcome) for attempt in row.attempts])
            for door in context["doors"]
            for row in door.openings
        ],
        [(line.state, line.word) for line in context["windows"]],
    )
