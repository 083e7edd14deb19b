"""Figures of the last weeks, counted from the trail: what was open when, asked, refused, how quickly decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection

PERIOD: Final = timedelta(days=30)
DAY: Final = timedelta(hours=24)
MOST_DOORS, TOP = 40, 10
# Each opening with its closing, by the grant's own id; what is not closed is open until now.
_DOORS: Final = """
    SELECT opened.object_id, opened.object_label, opened.resource_label, opened.subject_label, opened.story,
        opened.at, closed.at
    FROM audit_app_event opened
    LEFT JOIN LATERAL (
        SELECT at FROM audit_app_event e
        WHERE e.story = opened.story AND e.kind = 'grant.closed' AND e.object_id = opened.object_id AND e.id > opened.id
        ORDER BY e.id LIMIT 1
    ) closed ON true
    WHERE opened.kind = 'grant.opened' AND opened.at > %s
    ORDER BY opened.at DESC
"""
_HOURS: Final = """
    SELECT extract(isodow FROM at AT TIME ZONE %s)::int, extract(hour FROM at AT TIME ZONE %s)::int, count(*)
    FROM audit_app_event WHERE kind = 'request.submitted' AND at > %s GROUP BY 1, 2
"""
_DECIDED: Final = """
    SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took), percentile_cont(0.9) WITHIN GROUP (ORDER BY took)
    FROM (
        SELECT approved.at - asked.at AS took FROM audit_app_event approved
        JOIN audit_app_event asked ON asked.story = approved.story AND asked.kind = 'request.submitted'
        WHERE approved.kind = 'request.approved' AND approved.at > %s
    ) decided
"""
_REFUSED: Final = """
    SELECT coalesce(nullif(data ->> 'check', ''), kind), count(*) FROM audit_app_event
    WHERE outcome = 'refused' AND kind NOT LIKE 'stage.%%' AND at > %s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s
"""


@dataclass(frozen=True)
class Door:
    """One opening: what, for whom, from when until when (None: it is open)."""

    grant: str
    what: str
    resource: str
    whom: str
    story: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Exposure:
    """How long one resource was open in the period, by any of its ways, against always."""

    resource: str
    openings: int
    minutes: float
    share: float

    @property
    def reduced(self) -> float:
        """Percent of the period in which it was shut."""
        return 100 * (1 - self.share)


@dataclass(frozen=True)
class Figures:
    """Everything the overview tells, as of one moment."""

    moment: datetime
    doors: Sequence[Door]
    hours: dict[tuple[int, int], int]
    exposure: Sequence[Exposure]
    decided: int
    median: timedelta | None
    ninth: timedelta | None
    refusals: Sequence[tuple[str, int]]

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return sum(self.hours.values())

    @property
    def reduced(self) -> float | None:
        """Percent by which the resources that were opened at all were less exposed than if they were always open."""
        if not self.exposure:
            return None
        return 100 * (1 - sum(one.share for one in self.exposure) / len(self.exposure))


def figures(moment: datetime) -> Figures:
    """Return the figures of the thirty days before this moment, and the doors of its last day."""
    since = moment - PERIOD
    doors = [Door(*row) for row in _rows(_DOORS, since)]
    recent = [door for door in doors if (door.closed_at or moment) > moment - DAY]
    zone = settings.TIME_ZONE
    ((count, median, ninth),) = _rows(_DECIDED, since)
    return Figures(
        moment=moment,
        doors=recent[:MOST_DOORS],
        hours={(day, hour): times for day, hour, times in _rows(_HOURS, zone, zone, since)},
        exposure=_exposure(doors, moment),
        decided=count,
        median=median,
        ninth=ninth,
        refusals=_rows(_REFUSED, since, TOP),
    )


def _exposure(doors: Sequence[Door], moment: datetime) -> list[Exposure]:
    """By resource, the longest first; time in which two doors of one resource were open counts once."""
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for door in doors:
        spans.setdefault(door.resource, []).append((door.opened_at, door.closed_at or moment))
    found = []
    for resource, times in spans.items():
        lasted = covered(times)
        found.append(Exposure(resource, len(times), lasted.total_seconds() / 60, lasted / PERIOD))
    return sorted(found, key=lambda one: (-one.minutes, one.resource))


def covered(spans: Sequence[tuple[datetime, datetime]]) -> timedelta:
    """Return how much time lies in at least one of these spans."""
    total, reached = timedelta(0), None
    for begin, end in sorted(spans):
        begin = begin if reached is None else max(begin, reached)
        if end > begin:
            total += end - begin
            reached = end
    return total


def _rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
