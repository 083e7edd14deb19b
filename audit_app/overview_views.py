"""The overview of the trail: what is going on. Figures and pictures are made in pictures/."""

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from audit_app.access import auditors_only
from audit_app.alerts.rules import BREAK_GLASS
from audit_app.clock import now
from audit_app.models import AccessReview, Alert, ReviewItem
from audit_app.pictures import board, draw
from audit_app.pictures.figures import PERIOD, figures

SHOWN = 5


@never_cache
@require_GET
@auditors_only
def overview(request: HttpRequest) -> HttpResponse:
    """Show what is open, what was asked and refused, how exposed what is guarded was, and what waits for a look."""
    found = figures(now())
    running = list(
        AccessReview.objects.filter(state=AccessReview.State.OPEN)
        .annotate(
            rows=Count("items"), decided=Count("items", filter=~Q(items__state=ReviewItem.State.UNDECIDED))
        )
        .order_by("due_at")[:SHOWN]
    )
    words = {
        "found": found,
        "broken": {"kind": BREAK_GLASS, "since": f"{found.moment - PERIOD:%Y-%m-%dT%H:%M:%S}"},
        "doors": draw.doors(found.doors, found.moment, settings.TIME_ZONE) if found.doors else "",
        "week": draw.week(found.hours) if found.hours else "",
        "by_day": [
            (name, [found.hours.get((day, hour), 0) for hour in range(24)])
            for day, name in enumerate(draw.DAYS, 1)
        ],
        "hours": range(24),
        "exposure": board.exposure(found),
        "wanted": board.wanted(found),
        "took": board.took(found),
        "refusals": board.refusals(found),
        "reviews": running,
        "reviews_drawn": board.reviews([(one.title, one.decided, one.rows) for one in running]),
        "alerts": Alert.objects.filter(acknowledged_at=None).order_by("-pk")[:SHOWN],
    }
    return render(request, "audit/overview.html", words)
