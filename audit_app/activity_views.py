"""One story beside Azure's Activity Log: what a worker last read of it, and the POST that asks for a new reading."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from audit_app.access import Unknown, auditors_only
from audit_app.activity import reading
from audit_app.activity.beside import LATE, Answered, Change, Comparison, Standing, compare
from audit_app.clock import now
from audit_app.models import ActivityReading, Event

PAGE: Final = "audit/activity.html"
# Workspaces keep the table for 90 days unless they are told otherwise.
RETENTION: Final = timedelta(days=90)
# Of each standing: its word, its tone, its icon.
_SAID: Final[dict[Standing, tuple[str, str, str]]] = {
    "matched": ("In both", "good", "check"),
    "running": ("Not ended there yet", "wait", "hourglass"),
    "differs": ("Told otherwise there", "bad", "alert"),
    "not_yet": ("Not yet", "wait", "hourglass"),
    "refused": ("Refused, not logged", "quiet", "ban"),
    "unsure": ("Perhaps never arrived", "wait", "question"),
    "missing": ("Missing in Azure", "bad", "error"),
}


@dataclass(frozen=True)
class Line:
    """A write of ours as the page shows it."""

    answered: Answered
    word: str
    tone: str
    icon: str
    apart: str


@dataclass(frozen=True)
class Other:
    """A change Azure has and we have not, as the page shows it."""

    change: Change
    by_portal: bool


@never_cache
@require_GET
@auditors_only
def beside(request: HttpRequest, story: str) -> HttpResponse:
    """Show each write of ours beside what Azure's log has of it, as last read; the section alone to a page's script."""
    _known(story)
    whole = not request.headers.get("HX-Request")
    response = render(request, PAGE if whole else f"{PAGE}#beside", _context(story))
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@auditors_only
def ask(request: HttpRequest, story: str) -> HttpResponse:
    """A worker was asked to read this story's part of Azure's log; raises NotSwitchedOn, and Unknown for no story."""
    _known(story)
    reading.ask(story)
    return redirect("audit:activity", story=story)


def _known(story: str) -> None:
    if not Event.objects.filter(story=story).exists():
        raise Unknown(f"The trail holds no story called “{story}”.")


def _context(story: str) -> dict[str, Any]:
    moment, on = now(), reading.switched_on()
    kept = reading.last(story) if on else None
    ours = reading.ours(story) if on else None
    found = _compared(kept, ours)
    return {
        "story": story,
        "on": on,
        "now": moment,
        "ours": ours,
        "reading": kept,
        "waiting": reading.waits(kept, moment),
        "unanswered": reading.unanswered(kept, moment),
        "held_until": kept.due_at if kept and kept.due_at and kept.due_at > moment else None,
        "lines": [_line(one) for one in found.ours] if found else [],
        "others": [Other(one, one.caller in found.callers) for one in found.others] if found else [],
        "missing": sum(one.standing in ("missing", "differs") for one in found.ours) if found else 0,
        "late_minutes": int(LATE.total_seconds() // 60),
        "old": ours is not None and ours.since < moment - RETENTION,
    }


def _compared(kept: ActivityReading | None, ours: reading.Ours | None) -> Comparison | None:
    if kept is None or kept.read_at is None or ours is None:
        return None
    return compare(ours.writes, reading.records(kept), kept.read_at)


def _line(answered: Answered) -> Line:
    word, tone, icon = _SAID[answered.standing]
    seconds = answered.seconds
    return Line(answered, word, tone, icon, "" if seconds is None else f"{seconds:+.1f} s")
