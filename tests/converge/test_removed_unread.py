"""What Azure called removed is read, not removed again: each needless removal takes one from another closing's budget."""

from typing import Any

import pytest

from requests_app.actions import end
from requests_app.converge import write
from requests_app.models import Attempt
from requests_app.targets.mark import describe
from tests.support.azure import opened
from tests.support.convergence import WEB, fresh, later, opening_of, ours, run

pytestmark = pytest.mark.django_db


def removals(azure: Any) -> int:
    return sum(call["method"] == "DELETE" for call in azure.calls())


def removed_and_unread(people: Any, azure: Any) -> Any:
    """Return a grant whose rule Azure removed, and whose group could not be read since."""
    grant = opened(people)
    azure.fault("throttle", match={"method": "GET"}, times=None)
    end.end_now(by=grant.person, grant_id=grant.pk)
    run()
    assert (fresh(grant).state, removals(azure), ours(azure)) == ("closing", 1, {})
    return grant


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def test_the_next_round_reads_and_removes_nothing_again(people: Any, azure: Any) -> None:
    grant = removed_and_unread(people, azure)
    with later(5):
        run()
    azure.control("DELETE", "faults")
    with later(12):
        run()
    assert fresh(grant).state == "closed"
    assert removals(azure) == 1


def test_unread_for_too_long_it_is_removed_once_more(people: Any, azure: Any) -> None:
    removed_and_unread(people, azure)
    with later(write._TOLD_HOLDS.total_seconds() + 5):
        run()
    assert removals(azure) == 2


def test_a_reading_that_still_sees_it_has_it_removed_at_once(people: Any, azure: Any) -> None:
    grant = removed_and_unread(people, azure)
    opening = opening_of(grant)
    there = {
        "priority": opening.priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "9.9.9.9",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.20.1.4",
        "destinationPortRange": "22",
        "description": describe(str(grant.uid)[:12], 1, grant.hard_end),
    }
    azure.control("PUT", f"rules/{WEB}/{opening.name}", there)
    azure.control("DELETE", "faults")
    with later(8):
        run()
    assert not ours(azure)
    assert fresh(grant).state == "closed"


def test_a_removal_without_a_sure_answer_is_sent_again(people: Any, azure: Any) -> None:
    grant = opened(people)
    azure.fault("server_error", match={"method": "DELETE"})
    azure.fault("throttle", match={"method": "GET"}, times=1)
    end.end_now(by=grant.person, grant_id=grant.pk)
    run()
    with later(8):
        run()
    assert fresh(grant).state == "closed"
    assert [one.outcome for one in Attempt.objects.filter(kind="remove").order_by("pk")][-1] == "done"
