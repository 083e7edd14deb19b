"""Closings go first: a group that has much to open still closes on time."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from requests_app.converge import converge
from requests_app.models import Grant
from tests.support.azure import activated, containers

pytestmark = pytest.mark.django_db


def test_a_closing_that_comes_due_does_not_wait_for_the_openings_before_it(
    people: Any, policy: Any, azure: Any
) -> None:
    short = activated(people, minutes=0.05)
    (container,) = containers()
    converge(container.pk)
    azure.control("POST", "settings", {"write_seconds": 1.0})
    for _ in range(5):
        activated(people)

    converge(container.pk)

    short.refresh_from_db()
    assert short.state == "closed"
    due = short.ending_at.isoformat()
    since = [call for call in azure.calls() if "/securityRules/" in call["path"] and call["at"] > due]
    behind = next(number for number, call in enumerate(since) if call["method"] == "DELETE")
    puts = [call for call in since[:behind] if call["method"] == "PUT"]
    assert len(puts) <= 1, f"closed behind {len(puts)} openings of others that began when its time was up"
    # One write that had begun, and its own removal: two writes of Azure's, not the five of all openings. How long one
    # takes on this machine is told by the quickest of the five.
    begun = [datetime.fromisoformat(call["at"]) for call in azure.calls() if call["method"] == "PUT"]
    quickest = min(later - earlier for earlier, later in pairwise(begun[-5:]))
    lag = short.closed_at - short.ending_at
    assert lag < 3.5 * quickest, f"closed {lag} late behind the openings of others"
    assert list(Grant.objects.exclude(pk=short.pk).values_list("state", flat=True)) == ["open"] * 5
