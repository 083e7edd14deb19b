"""Asked for later: agreed to beforehand, activated in its window, and closed with it, however late it was activated."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app import tasks
from requests_app.actions import codes, decide, extend, revoke
from requests_app.actions.narrow import Narrower
from requests_app.errors import Gone, Invalid, Refused
from requests_app.models import AccessRequest, DirectoryMembership, Grant, Message, Person
from requests_app.policy.windows import Plan
from requests_app.targets.mark import read_end
from tests.support.azure import REASON, active_stage
from tests.support.convergence import ours
from tests.support.refusals import refused
from tests.support.waits import told
from tests.support.windows import (
    HOUR,
    MINUTE,
    NSG,
    activates,
    agreed,
    asked_for,
    grants_of,
    in_hours,
    settle,
)

pytestmark = pytest.mark.django_db
BY_TWO_OF_ON_CALL = "build-registry-01-registry"


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


# Asking and agreeing


def approves(by: Person, access_request: AccessRequest, narrower: Narrower = decide.AS_ASKED) -> None:
    stage = active_stage(access_request)
    decide.decide(by=by, stage_id=stage.pk, vote="approve", narrower=narrower)


def test_what_is_agreed_to_for_later_waits_for_its_window(people: Any, clock: Any) -> None:
    begin = now().replace(minute=0, second=0, microsecond=0) + 9 * HOUR
    grant = agreed(people, in_hours(9)).grants.get()
    assert (grant.activate_from, grant.closes_by) == (begin, begin + HOUR)
    assert grant.activate_by == begin + HOUR - 2 * MINUTE
    event = Event.objects.get(kind="request.submitted")
    assert event.data["starts"] == [begin.isoformat()]


def test_of_several_windows_each_has_its_grant(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="week", times=3))
    begins = [grant.activate_from for grant in grants_of(access_request)]
    assert begins == access_request.starts
    assert [late - early for early, late in pairwise(begins)] == [7 * 24 * HOUR] * 2


def test_a_window_that_is_over_before_it_is_agreed_to_gets_no_grant(people: Any, clock: Any) -> None:
    access_request = asked_for(people, in_hours(1, every="day", times=3))
    clock(now() + 5 * HOUR)
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    assert [grant.activate_from for grant in grants_of(access_request)] == access_request.starts[1:]


def test_it_lapses_once_its_last_window_is_of_no_use(people: Any, clock: Any) -> None:
    access_request = asked_for(people, in_hours(1))
    assert access_request.lapses_at == access_request.starts[0] + HOUR - 2 * MINUTE
    clock(access_request.lapses_at)
    tasks.deadlines()
    access_request.refresh_from_db()
    assert access_request.state == "lapsed"


def test_nobody_agrees_to_a_time_that_is_over(people: Any, clock: Any) -> None:
    access_request = asked_for(people, in_hours(1))
    stage = active_stage(access_request)
    # The worker that lets it lapse is late.
    clock(access_request.starts[0] + HOUR - MINUTE)
    refused(
        Refused,
        "The time it was asked for is over",
        "decision.refused",
        lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve"),
    )


def test_who_agrees_to_a_shorter_time_agrees_to_shorter_windows(people: Any, clock: Any) -> None:
    access_request = asked_for(people, in_hours(1, every="day", times=2))
    approves(people["manager"], access_request, Narrower(duration=30 * MINUTE))
    assert [grant.closes_by - grant.activate_from for grant in grants_of(access_request)] == [30 * MINUTE] * 2


def test_who_agrees_to_shorter_windows_leaves_the_others_no_time_past_them(people: Any, clock: Any) -> None:
    access_request = asked_for(people, in_hours(1), key=BY_TWO_OF_ON_CALL)
    approves(people["manager"], access_request)
    approves(people["ben"], access_request, Narrower(duration=30 * MINUTE))
    access_request.refresh_from_db()
    last = access_request.starts[-1] + 30 * MINUTE - 2 * MINUTE
    assert access_request.lapses_at == active_stage(access_request).lapses_at == last


def test_nobody_shortens_what_is_running_to_a_time_that_is_over(people: Any, clock: Any) -> None:
    access_request = asked_for(people, in_hours(1))
    clock(access_request.starts[0] + 40 * MINUTE)
    refused(
        Invalid,
        "would be over already",
        None,
        lambda: approves(people["manager"], access_request, Narrower(duration=30 * MINUTE)),
    )
    assert active_stage(access_request).state == "active"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Plan((datetime.fromisoformat("2020-01-01 12:00Z"),), "UTC"), "in the past"),
        (Plan((datetime.fromisoformat("2099-01-01 12:00Z"),), "UTC"), "ahead"),
    ],
)
def test_a_beginning_that_cannot_be_is_refused_and_nothing_is_asked(
    people: Any, wanted: Plan, words: str
) -> None:
    refused(Refused, words, "request.refused", lambda: asked_for(people, wanted))
    assert not AccessRequest.objects.exists()


# Activating


def test_before_its_window_nothing_opens(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9))
    clock(access_request.starts[0] - timedelta(seconds=1))
    refused(Refused, "and not before", "code.refused", lambda: activates(people, access_request))
    clock(access_request.starts[0])
    activates(people, access_request)
    assert access_request.grants.get().state == "opening"


def test_however_late_it_is_activated_it_closes_with_its_window(people: Any, azure: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9))
    end = access_request.starts[0] + HOUR
    clock(end - 10 * MINUTE)
    activates(people, access_request)
    settle()
    grant = access_request.grants.get()
    assert (grant.state, grant.expires_at, grant.hard_end) == ("open", end, end)
    assert [read_end(rule["description"]) for rule in ours(azure, NSG).values()] == [end]
    clock(end)
    settle()
    grant.refresh_from_db()
    assert (grant.state, grant.ended_why, ours(azure, NSG)) == ("closed", "expired", {})


def test_in_its_last_two_minutes_it_can_not_be_activated(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9))
    clock(access_request.starts[0] + HOUR - 2 * MINUTE)
    refused(Gone, "is over", "code.refused", lambda: activates(people, access_request))


def test_policy_is_asked_again_in_each_window(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    clock(access_request.starts[0])
    activates(people, access_request)
    DirectoryMembership.objects.filter(person=people["requester"]).delete()
    clock(access_request.starts[1])
    refused(Refused, "No rule lets you", "code.refused", lambda: activates(people, access_request))


def test_activating_opens_one_window_and_leaves_the_next(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    clock(access_request.starts[0] + MINUTE)
    activates(people, access_request)
    assert [grant.state for grant in grants_of(access_request)] == ["opening", "issued"]
    refused(Refused, "and not before", "code.refused", lambda: activates(people, access_request))


def test_a_window_that_nobody_used_closes_and_the_next_stays(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    clock(access_request.starts[0] + HOUR)
    tasks.deadlines()
    assert [(grant.state, grant.ended_why) for grant in grants_of(access_request)] == [
        ("closed", "unused"),
        ("issued", ""),
    ]
    clock(access_request.starts[1])
    activates(people, access_request)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hard_end": 61 * MINUTE},
        {"activated_at": -timedelta(seconds=1), "hard_end": HOUR},
    ],
    ids=["past the window's end", "before the window"],
)
def test_the_database_itself_keeps_a_grant_in_its_window(
    people: Any, clock: Any, wrong: dict[str, Any]
) -> None:
    grant = agreed(people, in_hours(9)).grants.get()
    times = {name: grant.activate_from + past for name, past in wrong.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=grant.pk).update(**times)


def test_there_is_no_more_time_for_what_closes_with_its_window(people: Any, azure: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9))
    clock(access_request.starts[0])
    activates(people, access_request)
    settle()
    grant = access_request.grants.get()

    def more() -> None:
        extend.ask(
            by=people["requester"], grant_id=grant.pk, total=2 * HOUR, reason=REASON, submission_key=uuid4()
        )

    refused(Refused, "closes with its window", "grant.extend_refused", more)


# Ending


def test_cancelling_gives_back_every_window_to_come(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=3))
    clock(access_request.starts[0])
    activates(people, access_request)
    codes.cancel(by=people["requester"], access_request_id=access_request.pk)
    assert [grant.state for grant in grants_of(access_request)] == ["opening", "closed", "closed"]
    clock(access_request.starts[1])
    with pytest.raises(Stale):
        activates(people, access_request)


def test_revoking_a_request_takes_the_open_window_and_those_to_come(
    people: Any, azure: Any, clock: Any
) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=3))
    clock(access_request.starts[0])
    activates(people, access_request)
    settle()
    revoke.revoke_request(
        by=people["administrator"], access_request_id=access_request.pk, reason="The work is done"
    )
    settle()
    assert {grant.state for grant in grants_of(access_request)} == {"closed"}
    assert ours(azure, NSG) == {}


# Being told


def test_its_holder_is_told_once_when_the_window_begins(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    tasks.deadlines()
    assert told("beginning", people["requester"]) == 0
    for number, start in enumerate(access_request.starts, start=1):
        clock(start)
        tasks.deadlines()
        tasks.deadlines()
        assert told("beginning", people["requester"]) == number


def test_who_activated_it_at_once_is_not_told_that_it_begins(people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9))
    clock(access_request.starts[0])
    activates(people, access_request)
    tasks.deadlines()
    assert told("beginning", people["requester"]) == 0


def test_near_its_end_nobody_is_led_to_more_time_that_is_not_to_be_had(
    people: Any, azure: Any, clock: Any
) -> None:
    access_request = agreed(people, in_hours(9))
    clock(access_request.starts[0])
    activates(people, access_request)
    settle()
    clock(access_request.starts[0] + HOUR - 9 * MINUTE)
    tasks.deadlines()
    message = Message.objects.get(kind="ending")
    assert (message.context["ask_by"], "extend" in message.context["page"]) == ("", False)
