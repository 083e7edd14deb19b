"""PURE: when something that recurs begins again, and when the undecided are escalated. Instants in, instants out."""

import calendar
from datetime import datetime, timedelta

_DAYS = {"daily": 1, "weekly": 7}
_MONTHS = {"monthly": 1, "quarterly": 3, "half_yearly": 6, "yearly": 12}
# The last part of a campaign, in which others are asked as well; never longer than a day.
_LAST_PART, _LONGEST_LAST = 4, timedelta(days=1)


def next_start(start: datetime, recurrence: str) -> datetime | None:
    """Return the next start, on the same day of the month where that month has it, else on its last; None for once."""
    if recurrence in _DAYS:
        return start + timedelta(days=_DAYS[recurrence])
    months = _MONTHS.get(recurrence)
    if months is None:
        return None
    number = start.month - 1 + months
    year, month = start.year + number // 12, number % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))


def escalates_at(start: datetime, due: datetime) -> datetime:
    """Return from when those named for it are asked as well: the last quarter, and at most the last day."""
    return due - min((due - start) / _LAST_PART, _LONGEST_LAST)
