"""Figures of the last weeks, counted from the trail: what was open when, asked, refused, how quickly decided.

The kinds that are counted have an index of their own, `event_counted`, which holds all that is read of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from django.conf import settings
from django.db import connection

from audit_app.alerts.rules import BREAK_GLASS
from audit_app.pictures.doors import Door, doors

PERIOD: Final = timedelta(days=30)
TOP = 10
# An approval took less than each of these, or longer than all.
STEPS: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 1440))
# All openings in one pass: each ends with the first closing of its grant after it.
# Time in which several doors of one resource were open counts once: what lies before the furthest end so far was counted.
_EXPOSURE: Final = """
    WITH doors AS (
        SELECT kind, resource_label, at AS opened_at, min(at) FILTER (WHERE kind = 'grant.closed') OVER (
            PARTITION BY story, object_id ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS closed_at
        FROM audit_app_event WHERE kind IN ('grant.opened', 'grant.closed') AND at > %s
    ), spans AS (
        SELECT resource_label, opened_at, closed_at, coalesce(closed_at, %s) AS ended
        FROM doors WHERE kind = 'grant.opened'
    ), in_order AS (
        SELECT *, max(ended) OVER (
            PARTITION BY resource_label ORDER BY opened_at, ended ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached
        FROM spans
    )
    SELECT resource_label, count(*), count(*) FILTER (WHERE closed_at IS NULL),
        sum(greatest(ended - greatest(opened_at, reached), interval '0'))
    FROM in_order GROUP BY 1
"""
# A request for several resources names them all. Counted by person first: names are taken apart for few rows, not for all.
_ASKED: Final = """
    WITH people AS (
        SELECT resource_label, subject_id, count(*) FILTER (WHERE kind = 'request.submitted') AS asked,
            count(*) FILTER (WHERE kind = 'grant.opened') AS opened
        FROM audit_app_event WHERE kind IN ('request.submitted', 'grant.opened') AND at > %s GROUP BY 1, 2
    )
    SELECT resource, sum(asked)::bigint, sum(opened)::bigint, count(DISTINCT subject_id)
    FROM people, unnest(string_to_array(resource_label, ', ')) AS resource
    GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1 LIMIT %s
"""
# Every zone is a number of quarters of an hour away from UTC: hours of the day are told for those, not for each event.
_HOURS: Final = """
    WITH quarters AS (
        SELECT date_bin('15 minutes', at, 'epoch'::timestamptz) AS at, count(*) AS times
        FROM audit_app_event WHERE kind = 'request.submitted' AND at > %s GROUP BY 1
    )
    SELECT extract(isodow FROM at AT TIME ZONE %s)::int, extract(hour FROM at AT TIME ZONE %s)::int, sum(times)::bigint
    FROM quarters GROUP BY 1, 2
"""
_DECIDED: Final = f"""
    SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took), percentile_cont(0.9) WITHIN GROUP (ORDER BY took),
        {", ".join(["count(*) FILTER (WHERE took < %s)"] * len(STEPS))}
    FROM (
        SELECT approved.at - asked.at AS took FROM audit_app_event approved
        JOIN audit_app_event asked ON asked.story = approved.story AND asked.kind = 'request.submitted'
        WHERE approved.kind = 'request.approved' AND approved.at > %s
    ) decided
"""  # noqa: S608 - our own words alone
_REFUSED: Final = """
    SELECT coalesce(nullif(data ->> 'check', ''), kind), count(*) FROM audit_app_event
    WHERE outcome = 'refused' AND kind NOT LIKE 'stage.%%' AND at > %s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s
"""
_BROKEN: Final = "SELECT count(*) FROM audit_app_event WHERE kind = %s AND at > %s"


@dataclass(frozen=True)
class Exposure:
    """How long one resource was open in the period, by any of its ways, against always."""

    resource: str
    openings: int
    open_now: int
    minutes: float
    share: float

    @property
    def reduced(self) -> float:
        """Percent of the period in which it was shut."""
        return 100 * (1 - self.share)


@dataclass(frozen=True)
class Wanted:
    """How often one resource was asked for and opened in the period, and by how many people."""

    resource: str
    asked: int
    opened: int
    people: int


@dataclass(frozen=True)
class Figures:
    """Everything the overview tells, as of one moment."""

    moment: datetime
    doors: Sequence[Door]
    hours: dict[tuple[int, int], int]
    exposure: Sequence[Exposure]
    wanted: Sequence[Wanted]
    decided: int
    took: Sequence[int]
    median: timedelta | None
    ninth: timedelta | None
    refusals: Sequence[tuple[str, int]]
    broken_glass: int

    @property
    def open_now(self) -> int:
        """How many doors are open."""
        return sum(one.open_now for one in self.exposure)

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
    """Return the figures of the thirty days before this moment, and the latest doors of its last day."""
    since = moment - PERIOD
    zone = settings.TIME_ZONE
    ((count, median, ninth, *sooner),) = _rows(_DECIDED, *STEPS, since)
    return Figures(
        moment=moment,
        doors=doors(since, moment),
        hours={(day, hour): times for day, hour, times in _rows(_HOURS, since, zone, zone)},
        exposure=_exposure(since, moment),
        wanted=[Wanted(*row) for row in _rows(_ASKED, since, TOP)],
        decided=count,
        took=[upto - before for before, upto in pairwise((0, *sooner, count))],
        median=median,
        ninth=ninth,
        refusals=_rows(_REFUSED, since, TOP),
        broken_glass=_rows(_BROKEN, BREAK_GLASS, since)[0][0],
    )


def _exposure(since: datetime, moment: datetime) -> list[Exposure]:
    """By resource, the longest first."""
    found = [
        Exposure(resource, openings, open_now, lasted.total_seconds() / 60, lasted / PERIOD)
        for resource, openings, open_now, lasted in _rows(_EXPOSURE, since, moment)
    ]
    return sorted(found, key=lambda one: (-one.minutes, one.resource))


def _rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
