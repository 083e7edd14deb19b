"""One request: where does it stand, and why? Shown here; every step is a POST of its own next door."""

from typing import Any

from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit_app.clock import now
from requests_app import directory, lifecycle
from requests_app.actions import revoke
from requests_app.models import AccessRequest, Grant, Person, Stage
from requests_app.views.doors import Door, doors, with_openings
from requests_app.views.http import PortalRequest, live, signature, visible_request
from requests_app.views.stages import group_names, steps, with_story
from requests_app.views.timeline import moments

PAGE = "requests/detail.html"
QUICK, SLOW, NEVER = 2, 15, 0


@never_cache
@require_safe
def detail(request: PortalRequest, pk: int) -> HttpResponse:
    """Show the request; asked by its own poll, the part that changes."""
    return show(request, visible_request(request.user, pk), unfold=request.GET.get("open", ""))


def show(request: PortalRequest, access_request: AccessRequest, **more: Any) -> HttpResponse:
    """Return the request's page. `status` and a form's words (`decide_error`, `typed`) come from its POSTs."""
    status = more.pop("status", 200)
    context = {**situation(access_request, request.user), **more}
    return live(request, PAGE, "situation", context, _seen(context), status=status)


def situation(access_request: AccessRequest, person: Person) -> dict[str, Any]:
    """Return everything the page shows of this request to this person, in a fixed number of queries."""
    whole = with_story(AccessRequest.objects.filter(pk=access_request.pk)).get()
    whole.requester = access_request.requester
    held = doors(with_openings(Grant.objects.filter(access_request=whole).order_by("id")), person)
    last_event, story = moments(whole, person)
    items = list(whole.items.all())
    return {
        "now": now(),
        "access_request": whole,
        "items": items,
        "title": ("More time for " if whole.extends_id else "")
        + ", ".join(item.entitlement.name for item in items),
        "may_close_resource": any(revoke.may_close(person, item.entitlement.resource) for item in items),
        "may_close_person": person.is_administrator,
        "mine": whole.requester_id == person.pk,
        "state": held[0].grant.state if held else whole.state,
        "steps": steps(whole, group_names([whole])),
        "doors": held,
        "events": story,
        "last_event": last_event,
        "buttons": frozenset(button.event for button in lifecycle.buttons(whole, person)),
        "to_decide": _to_decide(whole, person),
        "poll": _poll(whole, held),
    }


def _to_decide(access_request: AccessRequest, person: Person) -> Stage | None:
    """Return the active stage if this person may decide it now, else None. The action asks the same again."""
    active = next((stage for stage in access_request.stages.all() if stage.state == Stage.State.ACTIVE), None)
    voted = any(vote.person_id == person.pk for vote in access_request.decisions.all())
    if active is None or voted or access_request.state != AccessRequest.State.PENDING:
        return None
    may = directory.may_decide(person=person, stage=active, access_request=access_request, now=now())
    return active if may else None


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
        [
            (door.grant.state, door.grant.expires_at, door.trouble, door.code_live, door.time.waiting)
            for door in context["doors"]
        ],
        [
            (row.word, row.opening.priority, [(attempt.pk, attempt.outcome) for attempt in row.attempts])
            for door in context["doors"]
            for row in door.openings
        ],
    )
