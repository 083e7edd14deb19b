"""Status: is the promise kept? How late closings were, what is late now, and whether the workers do their rounds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Aggregate, Count, ExpressionWrapper, F, Max, Q
from django.db.models.fields import DurationField
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit_app import sealing
from audit_app.clock import now
from audit_app.shipping import report
from requests_app import attention, pacing, sign_in_contexts
from requests_app.actions import revoke
from requests_app.arming import last_word
from requests_app.errors import Invalid
from requests_app.models import Grant, Heartbeat
from requests_app.views.azure_status import budgets, comparison, found, late_doors
from requests_app.views.http import PortalRequest
from requests_app.views.median import Percentile

PAGE = "status.html"
LATE_SHOWN = 50
# What each round keeps true, and after how long without one something is wrong.
ROUNDS = {
    "tick": ("Openings and closings that are due", timedelta(seconds=15)),
    "overdue": ("Alarms about closings that are late", timedelta(minutes=1)),
    "deadlines": ("Requests nobody decides, rights nobody uses", timedelta(minutes=1)),
    "directory": ("The copy of the directory", timedelta(minutes=3)),
    "sign_in_contexts": ("What stands behind authentication contexts", timedelta(minutes=3)),
    "snapshots": ("What the pages show of Azure", timedelta(minutes=3)),
    "policy": ("The policy files", timedelta(minutes=2)),
    "outbox": ("Mails that wait", timedelta(minutes=1)),
    "reviews": ("Access reviews", timedelta(minutes=3)),
    "eligibility": ("Who may have what, kept for later", timedelta(minutes=15)),
}


@dataclass(frozen=True)
class Round:
    """One recurring piece of work: when it last went round, and whether that is recent enough."""

    name: str
    what: str
    at: datetime | None
    tone: str
    word: str


@never_cache
@require_safe
def status(request: PortalRequest) -> HttpResponse:
    """Show how the promise is kept."""
    return show(request)


@require_POST
def revoke_everything(request: PortalRequest) -> HttpResponse:
    """Everything that is open is closing, by an administrator's word and reason."""
    try:
        count = revoke.revoke_everything(by=request.user, reason=request.POST.get("reason", "")[:1000])
    except Invalid as error:
        return show(request, revoke_error=error.reason, status=error.status)
    words = (
        "Nothing was open or could be opened." if not count else f"{count} revoked; what was open is closing."
    )
    messages.success(request, f"Close everything: {words}")
    return redirect("status")


def show(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """Return the status page. `status` and a form's words (`revoke_error`, `arm_error`) come from its POSTs."""
    person, moment = request.user, now()
    overdue = attention.overdue().order_by("expires_at", "pk")
    word, sealed = last_word(), sealing.progress()
    context = {
        "now": moment,
        "lags": _lags(moment),
        "counts": _counts(),
        "overdue": late_doors(overdue[:LATE_SHOWN]),
        "rounds": _rounds(moment, word.at if word else None),
        "sealed": sealed,
        "seal_late": sealed.late(moment),
        "comparison": comparison(moment),
        "shipping": report.lags(moment),
        "contexts": sign_in_contexts.standings(at=moment),
        "budgets": budgets(),
        "at_once": int(pacing.AZURE.burst),
        "in_window": pacing.AZURE.window,
        "found": found() if person.is_administrator or person.is_auditor else [],
        "armed": word is not None and word.armed,
        "arm_hidden": [("armed", "no" if word and word.armed else "yes")],
        "last_word": word,
        "with_names": person.is_administrator or person.is_auditor,
        "may_revoke": person.is_administrator,
    }
    return render(request, PAGE, {**context, **more}, status=status)


def _lags(moment: datetime) -> list[dict[str, Any]]:
    """Return, for a day and a month, how long after its time was up each opening was read back as gone."""
    day, month = moment - timedelta(days=1), moment - timedelta(days=30)
    # Grants that were never activated opened nothing, and closing them proves nothing.
    closed = Grant.objects.filter(closed_at__gte=month, ending_at__isnull=False, activated_at__isnull=False)
    lag = ExpressionWrapper(F("closed_at") - F("ending_at"), output_field=DurationField())
    kept: dict[str, Aggregate] = {}
    for name, recent in (("day", Q(closed_at__gte=day)), ("month", Q(closed_at__gte=month))):
        kept[f"{name}_count"] = Count("pk", filter=recent)
        kept[f"{name}_p50"] = Percentile("closed_at", "ending_at", fraction=0.5, filter=recent)
        kept[f"{name}_p99"] = Percentile("closed_at", "ending_at", fraction=0.99, filter=recent)
        kept[f"{name}_worst"] = Max(lag, filter=recent)
    found = closed.aggregate(**kept)
    return [
        {"title": title, **{part: found[f"{name}_{part}"] for part in ("count", "p50", "p99", "worst")}}
        for name, title in (("day", "Last 24 hours"), ("month", "Last 30 days"))
    ]


def _counts() -> dict[str, int]:
    state = Grant.State
    return Grant.objects.exclude(state=state.CLOSED).aggregate(
        open=Count("pk", filter=Q(state__in=[state.OPEN, state.EXTENDING])),
        opening=Count("pk", filter=Q(state=state.OPENING)),
        closing=Count("pk", filter=Q(state=state.CLOSING)),
        issued=Count("pk", filter=Q(state=state.ISSUED)),
    )


def _rounds(moment: datetime, began: datetime | None) -> list[Round]:
    beats = {beat.name: beat for beat in Heartbeat.objects.filter(name__in=ROUNDS)}
    return [_round(name, beats.get(name), moment, began) for name in ROUNDS]


def _round(name: str, beat: Heartbeat | None, moment: datetime, began: datetime | None) -> Round:
    what, limit = ROUNDS[name]
    if beat is None and began is not None and moment - began < limit:
        # A portal that was armed a moment ago: its first round is still to come.
        return Round(name, what, None, "wait", "Not yet")
    if beat is None:
        return Round(name, what, None, "bad", "Never went round")
    late = moment - beat.at > limit
    return Round(name, what, beat.at, "bad" if late else "good", "Late" if late else "On time")
