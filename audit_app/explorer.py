"""One page of the trail: keyset pages by id, newest first, at a cost that does not grow with the trail."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Max, Min, QuerySet

from audit_app.filters import SELECTIVE, matching
from audit_app.models import Event

PAGE: Final = 50
# Words are looked for in so many ids a page; "older" goes on where it stopped.
WINDOW: Final = 100_000
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class Cursor:
    """Where the page begins: events before this id, or after it; neither means the newest."""

    before: int | None = None
    after: int | None = None

    @classmethod
    def read(cls, before: str, after: str) -> "Cursor":
        """Return the cursor of a query string; what is no id counts as not given."""
        return cls(_id(before), _id(after))


@dataclass(frozen=True)
class Page:
    """Fifty events at most, and from where the neighbouring pages begin (None where there is none)."""

    events: list[Event]
    newer_after: int | None
    older_before: int | None
    # Words were looked for down to this event only; there may be more, further back.
    searched_to: int | None = None


@dataclass(frozen=True)
class _Window:
    """The ids words are looked for in: above `low`, up to `high`; and whether more lie beyond either end."""

    low: int
    high: int
    more_below: bool
    more_above: bool


def page(asked: dict[str, Any], cursor: Cursor) -> Page:
    """Return the page of what the filter lets through that begins at the cursor."""
    found = matching(asked)
    if asked.get("since") and asked.get("until"):
        low, high = _ends(asked)
        # Without this an old period is looked for from the newest event down.
        found = found.filter(id__gte=low, id__lte=high)
    window = _window(asked, cursor)
    if window:
        found = found.filter(id__gt=window.low, id__lte=window.high)
    if cursor.after is not None:
        return _upwards(found.filter(id__gt=cursor.after), cursor.after, window)
    if cursor.before is not None:
        found = found.filter(id__lt=cursor.before)
    return _downwards(found, cursor.before, window)


def _downwards(found: QuerySet[Event], before: int | None, window: _Window | None) -> Page:
    events = list(found.order_by("-id")[: PAGE + 1])
    shown, more = events[:PAGE], len(events) > PAGE
    searched_to = window.low + 1 if window and window.more_below and not more else None
    older = shown[-1].id if more else searched_to
    newer = None if before is None else shown[0].id if shown else before - 1
    return Page(shown, newer, older, searched_to)


def _upwards(found: QuerySet[Event], after: int, window: _Window | None) -> Page:
    events = list(found.order_by("id")[: PAGE + 1])
    shown, more = events[:PAGE][::-1], len(events) > PAGE
    beyond = window.high if window and window.more_above else None
    return Page(shown, shown[0].id if more else beyond, shown[-1].id if shown else after + 1)


def _window(asked: dict[str, Any], cursor: Cursor) -> _Window | None:
    """The window of this page; none where the filter is narrow enough by itself, or has no words."""
    if not asked.get("q") or any(asked.get(name) for name in SELECTIVE):
        return None
    first, top = _ends(asked)
    bottom = max(first - 1, 0)
    if cursor.after is not None:
        low = max(cursor.after, bottom)
        high = min(low + WINDOW, top)
    else:
        high = top if cursor.before is None else min(top, cursor.before - 1)
        low = max(high - WINDOW, bottom)
    return _Window(low, high, more_below=low > bottom, more_above=high < top)


def _ends(asked: dict[str, Any]) -> tuple[int, int]:
    """The lowest and the highest id of the period, exactly: events are not always written in the order they happened."""
    bounds = {"at__gte": asked.get("since"), "at__lte": asked.get("until")}
    period = Event.objects.filter(**{name: at for name, at in bounds.items() if at})
    if all(bounds.values()):
        # The slice makes PostgreSQL read the period by its own index instead of walking every id.
        period = period.order_by("-at", "-id")[:_LARGEST]
    ends = period.aggregate(low=Min("id"), high=Max("id"))
    return ends["low"] or 0, ends["high"] or 0


def _id(text: str) -> int | None:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) <= _LARGEST:
        return None
    return int(text)
