"""Slow work that stands still keeps no mail back, and mail that stands still keeps no seal back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from latchportal.demo.stack import Stack
from latchportal.demo.story import Story, until
from tests.journeys.test_sealing import LEFT, SOON_SECONDS, WRITE

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("journeys")]
TOLD = """
    SELECT 1 FROM requests_app_message
    WHERE story = %s AND kind = 'approval_needed' AND sent_at IS NOT NULL
"""


@contextmanager
def stands_still(stack: Stack, name: str) -> Iterator[None]:
    """The worker takes no task, as in a long export or at a mail server that does not answer."""
    part = stack.parts[name]
    part.signal_group(signal.SIGSTOP)
    try:
        yield
    finally:
        part.signal_group(signal.SIGCONT)


def asked(stack: Stack) -> Story:
    story = Story(stack)
    story.ask(story.find())
    return story


def test_a_worker_busy_with_slow_work_delays_no_mail(stack: Stack) -> None:
    with stands_still(stack, "slow"), psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        database.autocommit = True
        name = f"request-{asked(stack).number}"
        until(lambda: database.execute(TOLD, (name,)).fetchone(), "the approver's mail", SOON_SECONDS)


def test_a_mail_server_that_hangs_delays_no_seal(stack: Stack) -> None:
    with stands_still(stack, "mail"), psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        database.autocommit = True
        ((event,),) = database.execute(WRITE).fetchall()
        until(lambda: database.execute(LEFT, (event,)).fetchone(), "its seal outside", SOON_SECONDS)


def test_what_was_not_sent_while_the_worker_was_away_goes_when_it_is_back(stack: Stack) -> None:
    stack.kill("mail")
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
        name = f"request-{asked(stack).number}"
        assert database.execute(TOLD, (name,)).fetchone() is None
        stack.start("mail")
        until(lambda: database.execute(TOLD, (name,)).fetchone(), "the mail that waited", 2 * SOON_SECONDS)
