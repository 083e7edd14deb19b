"""Slow work that stands still keeps the trail from nothing: it is sealed, and its seals leave, all the same."""

import signal

import psycopg
import pytest

from latchportal.demo.stack import Stack
from latchportal.demo.story import until

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("journeys")]
SOON_SECONDS = 20
WRITE = """
    INSERT INTO audit_app_event
        (uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind, object_id,
         object_label, resource_label, story, correlation_id, why, data)
    VALUES (gen_random_uuid(), now(), 'session.ended', 'success', 'system:tests', 'The tests', '', '', '', '',
           'an event', '', '', 'c-1', '', '{}') RETURNING id
"""
LEFT = """
    SELECT 1 FROM audit_app_sealedevent p JOIN audit_app_seal s ON p.position BETWEEN s.first AND s.last
    JOIN audit_app_headcursor h ON h.sequence >= s.sequence WHERE p.event_id = %s
"""


def test_a_worker_busy_with_slow_work_delays_no_seal(stack: Stack) -> None:
    slow = stack.parts["slow"]
    # An export of a million rows, or Azure that does not answer: it takes no other task meanwhile.
    slow.signal_group(signal.SIGSTOP)
    try:
        with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
            ((event,),) = database.execute(WRITE).fetchall()
            until(lambda: database.execute(LEFT, (event,)).fetchone(), "its seal outside", SOON_SECONDS)
    finally:
        slow.signal_group(signal.SIGCONT)
