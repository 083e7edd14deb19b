"""The condition of the hours in which something may be asked for, or may take place."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from requests_app.policy.checks import Check
from requests_app.policy.demand import Demand
from requests_app.policy.facts import Attempt
from requests_app.policy.reading import Section
from requests_app.policy.windows import Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Hours(Demand):
    """`hours.

    {days: [mon, tue], from: "08:00", to: "18:00", timezone: Europe/Berlin}`; past midnight if to < from.
    """

    name: ClassVar[str] = "hours"
    title: ClassVar[str] = "It is asked for in the hours allowed"
    days: frozenset[int]
    start: time
    end: time
    timezone: str

    @classmethod
    def parse(cls, section: Section) -> "Hours":
        section.only("days", "from", "to", "timezone")
        names = section.choices("days", DAYS, default=DAYS)
        start, end = section.clock("from"), section.clock("to")
        if start == end and not section.faulted("from", "to"):
            section.fault(
                "to", "from and to are the same time; leave the condition out to allow the whole day"
            )
        return cls(frozenset(DAYS.index(name) for name in names), start, end, section.timezone("timezone"))

    def check(self, attempt: Attempt) -> Check:
        if attempt.plan:
            return self._of_windows(attempt.plan.windows(attempt.duration))
        local = attempt.at.astimezone(ZoneInfo(self.timezone))
        there = f"It is {DAYS[local.weekday()]} {local.hour:02}:{local.minute:02} in {self.timezone}"
        if self._holds(local.weekday(), local.time()):
            return self.passed(f"{there}, within the hours allowed.")
        return self.failed(
            f"{there}; this may be asked for {self._days()} {self.start:%H:%M}–{self.end:%H:%M}.",
            "Ask again in those hours, or look in the catalogue for an on-call way in.",
        )

    def _of_windows(self, windows: tuple[Window, ...]) -> Check:
        """What is asked for later has to lie in these hours, from its beginning to its end."""
        for window in windows:
            start, end = (at.astimezone(ZoneInfo(self.timezone)) for at in (window.starts_at, window.ends_at))
            if not self._holds(start.weekday(), start.time()) or end > self._closing(start):
                return self.failed(
                    f"{start:%a %-d %b, %H:%M} to {end:%H:%M} in {self.timezone} is not within "
                    f"{self._days()} {self.start:%H:%M}–{self.end:%H:%M}.",
                    "Choose a time within those hours.",
                )
        return self.passed("It lies within the hours allowed.")

    def _closing(self, start: datetime) -> datetime:
        """When the hours end that hold this moment."""
        over_night = self.start > self.end and start.time() >= self.start
        day = start + timedelta(days=1) if over_night else start
        return day.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)

    def _holds(self, day: int, now: time) -> bool:
        if self.start < self.end:
            return day in self.days and self.start <= now < self.end
        evening = day in self.days and now >= self.start
        # After midnight the window still belongs to the day it began on.
        return evening or ((day - 1) % 7 in self.days and now < self.end)

    def _days(self) -> str:
        return (
            "every day" if len(self.days) == len(DAYS) else ", ".join(DAYS[day] for day in sorted(self.days))
        )
