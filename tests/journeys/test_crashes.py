"""Whatever dies, a door closes on time: the database is the schedule."""

from datetime import UTC, datetime

import psycopg
import pytest

from latchportal.demo.stack import Stack
from latchportal.demo.story import Story, until
from tests.journeys.test_story import asked_and_approved
from tests.support.stacks import WRITE_SECONDS, calls, control

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("journeys")]
LATEST_SECONDS = 5


def opening(stack: Stack, *, seconds: int) -> Story:
    story = asked_and_approved(stack, seconds=seconds)
    story.activate(story.get_code())
    return story


def held_until(stack: Stack) -> datetime:
    """When the last hold on any container runs out, now where there is none: who was killed gives nothing back."""
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        query = "SELECT greatest(now(), max(lease_until)) FROM requests_app_container"
        row = connection.execute(query).fetchone()
    assert row
    return row[0]


def removed_late_by(stack: Stack, story: Story, held: datetime | None = None) -> float:
    """How many seconds after its end, or after `held`, the rule was asked to go, by Azure's own log."""
    removals = calls(stack, "DELETE", f"/securityRules/{story.rule_name}")
    assert removals, "nobody ever asked Azure to remove the rule"
    end = datetime.fromisoformat(story.summary()["expires_at"])
    return (datetime.fromisoformat(removals[0]["at"]) - max(end, held or end)).total_seconds()


def test_worker_killed_between_write_and_confirmation_closes_within_its_lease(stack: Stack) -> None:
    control(stack, "POST", "settings", {"write_seconds": 4})
    try:
        before = len(calls(stack, "PUT", "/securityRules/latch-"))
        story = opening(stack, seconds=15)
        until(lambda: len(calls(stack, "PUT", "/securityRules/latch-")) > before, "the write", 30)
        stack.kill("converge")
        held = held_until(stack)
    finally:
        control(stack, "POST", "settings", {"write_seconds": WRITE_SECONDS})
    stack.start("converge")
    story.wait_open()
    story.wait_gone()
    story.wait_state("Closed", seconds=150)
    story.prove()
    assert removed_late_by(stack, story, held) < LATEST_SECONDS


def test_worker_told_to_stop_finishes_what_it_sends_before_it_goes(stack: Stack) -> None:
    control(stack, "POST", "settings", {"write_seconds": 3})
    try:
        before = len(calls(stack, "PUT", "/securityRules/latch-"))
        story = opening(stack, seconds=20)
        until(lambda: len(calls(stack, "PUT", "/securityRules/latch-")) > before, "the write", 30)
        stack.parts["converge"].ask_to_stop()
        assert stack.parts["converge"].wait(20) == 0, "it did not go by itself"
    finally:
        control(stack, "POST", "settings", {"write_seconds": WRITE_SECONDS})
    # Nobody is left who could have read it back since.
    story.wait_open()
    stack.start("converge")
    story.wait_closed()
    story.prove()
    assert removed_late_by(stack, story) < LATEST_SECONDS


def test_redis_that_forgot_everything_in_the_window_delays_no_closing(stack: Stack) -> None:
    story = opening(stack, seconds=15)
    story.wait_open()
    stack.flush_redis()
    story.wait_closed()
    story.prove()
    assert story.summary()["close_lag_s"] < LATEST_SECONDS


def test_all_workers_killed_in_the_window_close_within_a_lease_of_being_back(stack: Stack) -> None:
    story = opening(stack, seconds=12)
    story.wait_open()
    for name in ("tick", "converge", "beat"):
        stack.kill(name)
    held = held_until(stack)
    for name in ("tick", "converge", "beat"):
        stack.start(name)
    back = datetime.now(UTC)
    story.wait_closed()
    story.prove()
    due = max(back, held, datetime.fromisoformat(story.summary()["expires_at"]))
    assert (story.moment("grant.closed") - due).total_seconds() < LATEST_SECONDS
