"""The pages of the trail: the explorer and one request's story. They read; exports have a file of their own."""

from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from audit_app import presenters
from audit_app.access import Unknown, auditors_only
from audit_app.activity import reading
from audit_app.explorer import Cursor, Page, page
from audit_app.filters import EventFilter
from audit_app.models import Event

# No request takes more steps than this; a story that does is cut at its end and says so.
LONGEST_STORY: Final = 1000
# Those a reader reaches for first; the others stand behind "More filters".
FIRST_FIELDS: Final = ("q", "actor", "kind", "outcome", "since", "until")


@require_GET
@auditors_only
def events(request: HttpRequest) -> HttpResponseBase:
    """Show the trail, filtered by the address; a filter that makes no sense is said on its field, and shows nothing."""
    form = EventFilter(request.GET)
    if not form.is_valid():
        return render(request, "audit/events.html", _explorer(form, Page([], None, None)), status=422)
    cursor = Cursor.read(request.GET.get("before", ""), request.GET.get("after", ""))
    return render(request, "audit/events.html", _explorer(form, page(form.cleaned_data, cursor)))


def _explorer(form: EventFilter, found: Page) -> dict[str, object]:
    asked = {name: form.data.get(name, "") for name in form.fields if form.data.get(name, "")}
    more = [field for field in form if field.name not in FIRST_FIELDS]
    return {
        "form": form,
        "first": [form[name] for name in FIRST_FIELDS],
        "more": more,
        "more_open": any(field.name in asked for field in more),
        "asked": asked,
        "lines": presenters.lines(found.events),
        "searched_to": found.searched_to,
        "newer_url": _turn(asked, "after", found.newer_after),
        "older_url": _turn(asked, "before", found.older_before),
    }


def _turn(asked: dict[str, str], way: str, event_id: int | None) -> str:
    """The address of a neighbouring page; empty where there is none."""
    if event_id is None:
        return ""
    return f"{reverse('audit:events')}?{urlencode({**asked, way: event_id})}"


@require_GET
@auditors_only
def story(request: HttpRequest, story: str) -> HttpResponse:
    """Show every step of one request, oldest first, with all that was recorded; raises Unknown where there is none."""
    found = list(Event.objects.filter(story=story).order_by("id")[: LONGEST_STORY + 1])
    if not story or not found:
        raise Unknown(f"The trail holds no story called “{story}”.")
    told = presenters.lines(found[:LONGEST_STORY])
    return render(
        request,
        "audit/story.html",
        {
            "story": story,
            "lines": told,
            "cut": len(found) > LONGEST_STORY,
            "first": found[0],
            "last": told[-1].event,
            "people": sorted({line.event.actor_label for line in told if not line.by_system}),
            "activity_on": reading.switched_on(),
        },
    )
