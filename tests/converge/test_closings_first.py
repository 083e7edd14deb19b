"""Closings go first: a group that has much to open still closes on time."""

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
    lag = (short.closed_at - short.ending_at).total_seconds()
    # One write that had begun, and its own removal: two seconds of Azure's, not the five of all openings.
    assert lag < 3.5, f"closed {lag:.1f} s late behind the openings of others"
    assert list(Grant.objects.exclude(pk=short.pk).values_list("state", flat=True)) == ["open"] * 5
