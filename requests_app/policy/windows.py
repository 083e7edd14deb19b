"""Later, once or several times: clock times become windows here, and policy's checks on them stand here too.

A window is agreed to as it is: what is had in it closes with it, whenever it was activated.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from requests_app.policy.checks import Check
from requests_app.policy.durations import in_words
from requests_app.policy.reading import Section

# What a rule that says nothing of it allows: one window, begun within a week.
AHEAD: Final = timedelta(days=7)
# More would be a standing right by another name.
LONGEST_AHEAD, MOST_WINDOWS = timedelta(days=180), 52
# So long before its end a window is of no use any more: opening takes a part of it.
LAST_CHANCE: Final = timedelta(minutes=2)

EVERY: Final[Mapping[str, str]] = {
    "day": "every day",
    "workday": "every day from Monday to Friday",
    "week": "every week",
    "fortnight": "every two weeks",
    "four-weeks": "every four weeks",
}
_DAYS_APART: Final = {"day": 1, "workday": 1, "week": 7, "fortnight": 14, "four-weeks": 28}
_SATURDAY: Final = 5
# Nothing that is added to a beginning then leaves what a datetime can say.
_LAST_YEAR: Final = 9000


class NoSuchTime(ValueError):
    """This clock time does not come on that day, or comes twice; the text says which, and is meant for people."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when; both aware."""

    starts_at: datetime
    ends_at: datetime

    @property
    def last_chance(self) -> datetime:
        """Until when activating is of use; of a very short window, its first half."""
        return self.ends_at - min(LAST_CHANCE, (self.ends_at - self.starts_at) / 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """When something is to be had: the start of each window, in order, and the zone whose clocks they were read off.

    `every` names the step from one to the next in EVERY; empty for one window alone.
    """

    starts: tuple[datetime, ...]
    zone: str
    every: str = ""

    def windows(self, length: timedelta) -> tuple[Window, ...]:
        return tuple(Window(start, start + length) for start in self.starts)


def plan(first: datetime, zone: str, *, every: str = "", times: int = 1) -> Plan:
    """The windows that begin at this clock time (naive) in this zone, so many times.

    On each day the clock shows the same time. Raises NoSuchTime where on one of the days it does not, or does twice;
    ValueError for a zone nobody knows, a year beyond all, and for more windows than any policy allows.
    """
    if not 1 <= times <= MOST_WINDOWS:
        raise ValueError(f"Between once and {MOST_WINDOWS} times, please.")
    if first.year > _LAST_YEAR:
        raise ValueError(f"No clock is read so far ahead as {first.year}.")
    days = _days(first.date(), every, times)
    return Plan(
        tuple(_instant(datetime.combine(day, first.time()), ZoneInfo(zone)) for day in days), zone, every
    )


def _days(first: date, every: str, times: int) -> list[date]:
    days, day = [first], first
    while every and len(days) < times:
        day += timedelta(days=_DAYS_APART[every])
        while every == "workday" and day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
        days.append(day)
    return days


def _instant(written: datetime, zone: ZoneInfo) -> datetime:
    early, late = (written.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) != written:
        raise NoSuchTime(
            f"On {written:%-d %B %Y} the clocks in {zone.key} go forward, and {written:%H:%M} does not come."
        )
    if early != late:
        raise NoSuchTime(
            f"On {written:%-d %B %Y} the clocks in {zone.key} go back, and {written:%H:%M} comes twice."
        )
    return early


@dataclass(frozen=True, slots=True)
class Later:
    """What a rule allows of it: so far ahead the last window may end, and so many windows in one request."""

    ahead: timedelta = AHEAD
    windows: int = 1


def read_later(section: Section) -> Later:
    """`later: {ahead: 30d, windows: 12}`, or `later: never`."""
    inner = section.section("later")
    if inner is None:
        return Later()
    if not inner.fields:
        inner.word("never")
        return Later(timedelta(0))
    inner.only("ahead", "windows")
    return Later(
        inner.duration("ahead", default=AHEAD, most=LONGEST_AHEAD),
        inner.integer("windows", least=1, most=MOST_WINDOWS, default=1),
    )


def strictest(found: Iterator[Later]) -> Later:
    """The least of all; without any, nothing but now."""
    every = list(found)
    return Later(
        min((one.ahead for one in every), default=timedelta(0)),
        min((one.windows for one in every), default=0),
    )


def check_windows(wanted: Plan, length: timedelta, at: datetime, allowed: Later) -> list[Check]:
    """What policy says of windows of this length, asked for at this moment."""
    windows = wanted.windows(length)
    return [
        _start(windows, wanted, at, allowed),
        _count(windows, allowed),
        _clock_change(windows, wanted.zone),
    ]


def _start(windows: tuple[Window, ...], wanted: Plan, at: datetime, allowed: Later) -> Check:
    name, title = "start", "It begins at a time that is allowed"
    first, last = windows[0], windows[-1]
    if first.starts_at <= at:
        return Check(
            name, title, "fail", "It would begin in the past.", "Choose a time to come, or ask for it now."
        )
    if not allowed.ahead:
        return Check(name, title, "fail", "This can be had now, not later.", "Ask for it when you need it.")
    if last.ends_at > at + allowed.ahead:
        return Check(
            name,
            title,
            "fail",
            f"It would end {_day(last.ends_at, wanted.zone)}, more than {in_words(allowed.ahead)} ahead.",
            "Choose an earlier time, or fewer of them.",
        )
    return Check(name, title, "pass", f"It begins {_day(first.starts_at, wanted.zone)} at the earliest.")


def _count(windows: tuple[Window, ...], allowed: Later) -> Check:
    name, title = "windows", "It is asked for so many times as is allowed"
    if len(windows) > max(allowed.windows, 1):
        most = "one time" if allowed.windows <= 1 else f"{allowed.windows} times"
        return Check(
            name,
            title,
            "fail",
            f"It can be asked for {most} in one request, not {len(windows)}.",
            "Ask for fewer times; whoever needs more of them asks again later.",
        )
    for before, after in pairwise(windows):
        if after.starts_at < before.ends_at:
            return Check(
                name,
                title,
                "fail",
                f"Each would last {in_words(before.ends_at - before.starts_at)}, longer than until the next begins.",
                "Choose a shorter time, or let them be further apart.",
            )
    many = "Once." if len(windows) == 1 else f"{len(windows)} times."
    return Check(name, title, "pass", many)


def _clock_change(windows: tuple[Window, ...], zone: str) -> Check:
    name, title = "clock_change", "No clock changes meanwhile"
    for window in windows:
        start, end = (at.astimezone(ZoneInfo(zone)) for at in (window.starts_at, window.ends_at))
        if start.utcoffset() != end.utcoffset():
            return Check(
                name,
                title,
                "fail",
                f"The clocks in {zone} change between {start:%H:%M} and {end:%H:%M} from {start:%-d} to {end:%-d %B}, "
                "so that two people could read its end as two times.",
                "Choose a time before or after that change.",
            )
    return Check(name, title, "pass", f"The clocks in {zone} go as usual then.")


def _day(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a %-d %b, %H:%M} ({zone})"
