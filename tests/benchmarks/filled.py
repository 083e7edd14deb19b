"""A trail of as many events as a measure needs, written by SQL in the shapes of a year's use. Measures nothing."""

import psycopg

from tests.benchmarks.setting import Setting

_AT_ONCE = 100_000
# Twice as many people as rights, a busy handful of each, and stories of eight events; a second and a half apart.
_FILL = """
    INSERT INTO audit_app_event (uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind,
        object_id, object_label, resource_label, story, source_address, correlation_id, why, data)
    SELECT gen_random_uuid(), now() - (%(left)s - n) * interval '1.5 seconds',
        (ARRAY['request.submitted', 'decision.approved', 'request.approved', 'code.issued', 'grant.activated',
            'grant.opened', 'grant.expired', 'grant.closed'])[1 + n %% 8],
        CASE WHEN n %% 97 = 0 THEN 'refused' WHEN n %% 501 = 0 THEN 'failure' ELSE 'success' END,
        't:' || (n / 8) * 7919 %% 500, 'Person ' || (n / 8) * 7919 %% 500,
        't:' || (n / 8) * 104729 %% 500, 'Person ' || (n / 8) * 104729 %% 500, 'grant', n::text,
        'SSH to host-' || (n / 8) %% 250, 'host-' || (n / 8) %% 250, 'fill-' || n / 8, '81.2.69.142', gen_random_uuid(),
        'Ticket INC-' || n / 8 || ': the disk is full', '{"seconds": 1800}'
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n ORDER BY n
"""


def fill(setting: Setting, events: int) -> int:
    """The trail holds at least so many events, its newest a moment old; returns how many it holds."""
    with setting.connect() as connection:
        held = _held(connection)
        left = events - held
        for first in range(1, left + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, left)
            connection.execute(_FILL.encode(), {"left": left, "first": first, "last": last})
        return _held(connection)


def _held(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT count(*) FROM audit_app_event").fetchone()
    return int(str(row[0])) if row else 0
