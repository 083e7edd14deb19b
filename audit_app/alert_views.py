"""The pages of alerts: what is worth a look, who has looked. Rules and raising are in alerts/."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from audit_app import presenters
from audit_app.access import RUN_REVIEWS, Unknown, auditors_only, party, runners_only
from audit_app.alerts import raising
from audit_app.alerts.rules import RULES
from audit_app.models import Alert, Event

PAGE = 50


@never_cache
@require_GET
@auditors_only
def listing(request: HttpRequest) -> HttpResponse:
    """Show the alerts, those nobody looked at first; one rule's alone where the address names it."""
    wanted, before = request.GET.get("rule", ""), request.GET.get("before", "")
    found = Alert.objects.filter(rule=wanted) if wanted in RULES else Alert.objects.all()
    seen = found.exclude(acknowledged_at=None)
    if before.isdecimal() and len(before) < 19:
        seen = seen.filter(pk__lt=int(before))
    page = list(seen.order_by("-pk")[: PAGE + 1])
    titles = {name: rule.title for name, rule in RULES.items()}
    open_ones = list(found.filter(acknowledged_at=None).order_by("-pk")[: PAGE + 1])
    words = {
        "open": [(alert, titles.get(alert.rule, alert.rule)) for alert in open_ones[:PAGE]],
        "more_open": len(open_ones) > PAGE,
        "seen": [(alert, titles.get(alert.rule, alert.rule)) for alert in page[:PAGE]],
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "rules": sorted(titles.items(), key=lambda pair: pair[1]),
        "rule": wanted,
        "may_run": request.user.has_perm(RUN_REVIEWS),
    }
    return render(request, "audit/alerts.html", words)


@never_cache
@require_GET
@auditors_only
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one alert with the event that made it so; raises Unknown for none."""
    found = Alert.objects.filter(pk=pk).first()
    if found is None:
        raise Unknown("There is no such alert.")
    event = Event.objects.filter(uid=found.event_uid).first() if found.event_uid else None
    words = {
        "alert": found,
        "title": RULES[found.rule].title if found.rule in RULES else found.rule,
        "line": presenters.line(event) if event else None,
        "may_run": request.user.has_perm(RUN_REVIEWS),
    }
    return render(request, "audit/alert.html", words)


@require_POST
@runners_only
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """The alert was looked at by who is signed in; raises Unknown for none, Stale when somebody was first."""
    try:
        raising.acknowledge(by=party(request), alert_id=pk, note=request.POST.get("reason", ""))
    except Alert.DoesNotExist:
        raise Unknown("There is no such alert.") from None
    messages.success(request, "Noted that you have looked at it.")
    return redirect("audit:alerts")
