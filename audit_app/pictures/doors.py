"""The latest doors of the last day: what was open at any time in it, and from when until when. Counted from the trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

DAY: Final = timedelta(hours=24)
MOST_DOORS: Final = 40
# Openings worth a look by their times alone, and of those the ones that were open in the last day: each with the first
# closing of its grant after it; what is not closed is open until now. Labels are read for the few that are shown.
_SHOWN: Final = """
    , latest AS (
        SELECT found.id, closed.at AS closed_at FROM found
        LEFT JOIN LATERAL (
            SELECT at FROM audit_app_event e WHERE e.story = found.story AND e.kind = 'grant.closed'
                AND e.object_id = found.object_id AND e.id > found.id
            ORDER BY e.id LIMIT 1
        ) closed ON true
        WHERE coalesce(closed.at, %(moment)s) > %(day)s
        ORDER BY found.at DESC LIMIT %(most)s
    )
    SELECT opened.object_id, opened.object_label, opened.resource_label, opened.subject_label, opened.story,
        opened.at, latest.closed_at
    FROM latest JOIN audit_app_event opened USING (id) ORDER BY opened.at DESC
"""
_OF_TODAY: Final = """
        SELECT id, at, story, object_id FROM audit_app_event WHERE kind = 'grant.opened' AND at > %(day)s
"""
# Asked whether each of them was closed in time, all openings of the period are read one by one; asked for what was closed
# today or not at all, only those two few are.
_OLDER: Final = """
        SELECT opened.id, opened.at, opened.story, opened.object_id
        FROM audit_app_event closed JOIN audit_app_event opened
            ON opened.story = closed.story AND opened.object_id = closed.object_id AND opened.id < closed.id
        WHERE closed.kind = 'grant.closed' AND closed.at > %(day)s
            AND opened.kind = 'grant.opened' AND opened.at > %(since)s
        UNION
        SELECT id, at, story, object_id FROM audit_app_event opened
        WHERE kind = 'grant.opened' AND at > %(since)s AND NOT EXISTS (
            SELECT FROM audit_app_event closed WHERE closed.kind = 'grant.closed' AND closed.at > %(since)s
                AND closed.story = opened.story AND closed.object_id = opened.object_id AND closed.id > opened.id
        )
"""
_TODAY_ALONE: Final = f"WITH found AS ({_OF_TODAY}) {_SHOWN}"
_ALL: Final = f"WITH found AS ({_OF_TODAY} UNION {_OLDER}) {_SHOWN}"


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


def doors(since: datetime, moment: datetime) -> Sequence[Door]:
    """Return the latest doors, opened since then, that were open at any time of the day before this moment."""
    asked: dict[str, Any] = {"since": since, "day": moment - DAY, "moment": moment, "most": MOST_DOORS}
    with connection.cursor() as cursor:
        cursor.execute(_TODAY_ALONE, asked)
        found = cursor.fetchall()
        # Whatever was opened earlier stands behind what was opened today.
        if len(found) < MOST_DOORS:
            cursor.execute(_ALL, asked)
            found = cursor.fetchall()
    return [Door(*row) for row in found]
