"""Filters that say durations and ages in the house's words. No query, no decision."""

from datetime import datetime, timedelta

from django import template

from requests_app.policy.durations import in_words

register = template.Library()


@register.filter
def duration(value: timedelta | int | float | None) -> str:
    """Return a timedelta, or seconds, as "1 h 30 min"; nothing for None."""
    if value is None:
        return ""
    return in_words(value if isinstance(value, timedelta) else timedelta(seconds=value))


@register.filter
def roughly(value: timedelta | None) -> str:
    """Return a timedelta in its two largest units at most: "2 d 4 h", "3 min", "under a minute"."""
    if value is None:
        return ""
    if value < timedelta(minutes=1):
        return "under a minute"
    unit = timedelta(minutes=1) if value < timedelta(days=1) else timedelta(hours=1)
    return in_words(value // unit * unit)


@register.filter
def age(at: datetime | None, now: datetime) -> str:
    """Return the time from then to `now`: "12 s", "2 d 4 h"; nothing for None."""
    if at is None:
        return ""
    passed = max(now - at, timedelta(0))
    if passed < timedelta(minutes=1):
        return f"{int(passed.total_seconds())} s"
    return roughly(passed)


@register.filter
def ago(at: datetime | None, now: datetime) -> str:
    """Return how long before `now` that was: "12 s ago"; "never" for None."""
    return f"{age(at, now)} ago" if at else "never"


@register.filter
def seconds(value: timedelta | float | None) -> str:
    """Return a short time as "1.4 s"; nothing for None."""
    if value is None:
        return ""
    count = value.total_seconds() if isinstance(value, timedelta) else value
    return f"{count:.1f} s" if abs(count) < 60 else in_words(timedelta(seconds=count))
