"""What every page's frame shows: counts, banners, the installation's name. Two cheap queries, and none for JSON."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from requests_app import arming, attention
from requests_app.models import Person


def chrome(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's context; what costs a query is asked only when a template shows it."""
    person = getattr(request, "user", None)
    words: dict[str, Any] = {
        "instance": settings.LATCH_INSTANCE,
        "version": settings.LATCH_VERSION,
        "is_demo": settings.LATCH_DEMO,
        "time_zone": settings.TIME_ZONE,
    }
    if isinstance(person, Person) or (person is not None and person.is_authenticated):
        # Functions, which a template calls: a filter such as `pluralize` takes no lazy object for a number.
        waiting = cache(lambda: attention.waiting(person))
        words["inbox_count"] = lambda: waiting()["inbox"]
        words["reviews_waiting"] = lambda: waiting()["reviews"]
        words["alerts_open"] = lambda: waiting()["alerts"]
        if person.is_administrator:
            words["overdue_count"] = cache(attention.overdue_count)
            words["close_only"] = cache(lambda: not arming.is_armed())
    return words
