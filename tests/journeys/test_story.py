"""The main story through HTTP, on real processes."""

import pytest

from latchportal.demo.stack import Stack
from latchportal.demo.story import Story

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("journeys")]
LATEST_SECONDS = 5


def asked_and_approved(stack: Stack, *, seconds: int) -> Story:
    story = Story(stack, seconds=seconds)
    story.ask(story.preview(story.find()))
    story.approve("mo")
    story.approve("sol")
    return story


def test_story_runs_from_asking_to_proof(stack: Stack) -> None:
    story = asked_and_approved(stack, seconds=15)
    story.activate(story.get_code())
    story.wait_open()
    story.wait_closed()
    story.prove()
    summary = story.summary()
    assert summary["requested_at"] < summary["approved_at"] < summary["opened_at"] < summary["expires_at"]
    assert 0 <= summary["close_lag_s"] < LATEST_SECONDS, summary


def test_everybody_concerned_gets_a_mail(stack: Stack) -> None:
    story = asked_and_approved(stack, seconds=15)
    recipients = {
        "mo@northwind-harbour.example",
        "sol@northwind-harbour.example",
        "ada@northwind-harbour.example",
    }
    assert story.mailed(recipients), f"not all of {recipients} got a mail about request {story.number}"
