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
def ago(at: datetime | None, now: datetime) -> str:
    """Return how long before `now` that was: "12 s ago"; "never" for None."""
    if at is None:
        return "never"
    age = max(now - at, timedelta(0))
    if age < timedelta(minutes=1):
        return f"{int(age.total_seconds())} s ago"
    return f"{roughly(age)} ago"


@register.filter
def seconds(value: timedelta | float | None) -> str:
    """Return a short time as "1.4 s"; nothing for None."""
    if value is None:
        return ""
    count = value.total_seconds() if isinstance(value, timedelta) else value
    return f"{count:.1f} s" if abs(count) < 60 else in_words(timedelta(seconds=count))
