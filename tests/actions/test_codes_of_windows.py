"""Latch codes of what was asked for later: one for each window, good in that window alone, and to be had ahead."""

from typing import Any

import pytest

from audit_app.clock import now
from requests_app import tasks
from requests_app.actions import codes, standing, status_lists
from requests_app.errors import Refused
from tests.support.refusals import refused
from tests.support.windows import HOUR, MINUTE, activates, agreed, grants_of, in_hours, settle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def test_a_code_got_ahead_is_good_from_the_beginning_of_its_window_on(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)

    def spend() -> None:
        activates(people, access_request, text)

    refused(Refused, "valid from", "code.refused", spend)
    clock(access_request.starts[0])
    spend()
    assert [grant.state for grant in grants_of(access_request)] == ["opening", "issued"]


def test_each_window_has_a_code_of_its_own(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    clock(access_request.starts[0])
    first = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    activates(people, access_request, first)
    # Fetched while the first window is open, for the next.
    second = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    windows = [{grant.activate_from for grant in standing.find(text).grants} for text in (first, second)]
    assert windows == [{access_request.starts[0]}, {access_request.starts[1]}]


def test_the_code_of_a_window_is_good_for_nothing_while_another_is_open(
    people: Any, azure: Any, clock: Any
) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    for start in access_request.starts:
        clock(start)
        activates(people, access_request)
        settle()
        if start == access_request.starts[0]:
            clock(start + HOUR)
            settle()
    first, second = access_request.codes.order_by("pk")
    assert status_lists.invalid(first.status_list, now()) == [first.status_index]
    assert second.spent_at is not None


def test_a_code_got_ahead_outlives_the_window_before_it(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    clock(access_request.starts[0] + HOUR - MINUTE)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    tasks.deadlines()
    clock(access_request.starts[1])
    activates(people, access_request, text)
