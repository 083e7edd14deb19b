"""While a request waits: who may decide, who is away, who stands in, and what time does to it."""

from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app import attention, tasks
from requests_app.actions import cover, decide
from requests_app.errors import Refused
from requests_app.models import Absence, Person
from tests.support.azure import active_stage, asked
from tests.support.fresh import proved
from tests.support.refusals import refused
from tests.support.waits import away, later, refreshed, stage_says, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


# Being away


def test_nobody_waits_on_somebody_who_is_away_without_saying_so(people: Any) -> None:
    away(people["manager"])
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    checks = access_request.items.get().verdict["checks"]
    said = next(check for check in checks if check["name"] == "stage_manager")
    assert (said["outcome"], "Mo" in said["reason"]) == ("warn", True)
    assert stage.nobody_since is not None
    event = Event.objects.get(kind="stage.nobody_there")
    assert "is away until" in event.why
    assert told("nobody_there", people["requester"]) == 1
    # Away is not gone: Mo may decide all the same.
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve")


def test_an_absence_that_begins_while_a_request_waits_is_seen_within_minutes(people: Any) -> None:
    access_request = asked(people["requester"])
    away(people["manager"])
    with later(now(), minutes=6):
        refreshed()
        tasks.deadlines()
        tasks.deadlines()
    assert active_stage(access_request).nobody_since is not None
    assert Event.objects.filter(kind="stage.nobody_there").count() == 1
    cover.call_off_absence(by=people["manager"], absence_id=Absence.objects.get().pk)
    with later(now(), minutes=12):
        refreshed()
        tasks.deadlines()
    assert active_stage(access_request).nobody_since is None


def test_alternates_join_at_once_where_everybody_is_away(people: Any, administrator: Person) -> None:
    stage_says(administrator, "manager", "escalate: {after: 30m, to: {group: security}}")
    away(people["manager"])
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    assert stage.escalated_at is not None
    assert stage.nobody_since is None
    assert stage in attention.inbox(people["security"])
    assert told("approval_needed", people["security"]) == 1
    assert "is away until" in Event.objects.get(kind="stage.escalated").why
    decide.decide(by=people["security"], stage_id=stage.pk, vote="approve")
    refused(
        Refused,
        "already decided once",
        "decision.refused",
        lambda: decide.decide(
            by=people["security"], stage_id=active_stage(access_request).pk, vote="approve"
        ),
    )


# Timers


def test_it_reminds_then_escalates_then_lapses(people: Any, administrator: Person) -> None:
    stage_says(
        administrator,
        "manager",
        "remind_every: 15m",
        "escalate: {after: 30m, to: {group: security}}",
        "lapse_after: 1h",
    )
    began = now()
    with time_machine.travel(began, tick=False):
        access_request = asked(people["requester"])
    stage = active_stage(access_request)
    told_of = lambda: told("approval_needed", people["manager"])  # noqa: E731
    assert (told_of(), stage.escalated_at) == (1, None)
    for minutes, mails, escalated in [
        (14, 1, False),
        (16, 2, False),
        (29, 2, False),
        (31, 3, True),
        (47, 4, True),
    ]:
        with later(began, minutes=minutes):
            refreshed()
            tasks.deadlines()
            tasks.deadlines()
            stage.refresh_from_db()
            assert (told_of(), stage.escalated_at is not None) == (mails, escalated), f"after {minutes} min"
    with later(began, minutes=61):
        tasks.deadlines()
    access_request.refresh_from_db()
    assert access_request.state == "lapsed"
    assert told("lapsed", people["requester"]) == 1
    kinds = list(Event.objects.filter(story=access_request.story).values_list("kind", flat=True))
    assert kinds.count("stage.escalated") == 1


def test_an_alternate_decides_nothing_before_the_stage_escalated(people: Any, administrator: Person) -> None:
    stage_says(administrator, "manager", "escalate: {after: 30m, to: {group: security}}")
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    assert stage not in attention.inbox(people["security"])
    refused(
        Refused,
        "not among those",
        "decision.refused",
        lambda: decide.decide(by=people["security"], stage_id=stage.pk, vote="approve"),
    )


# Together, all of them


def test_stages_of_one_step_wait_at_the_same_time_and_one_denial_ends_both(
    people: Any, administrator: Person
) -> None:
    stage_says(administrator, "security", "together_with: owner")
    access_request = asked(
        people["yuki"],
        key="prod-db-01-psql",
        sign_in=proved(),
        ticket="CHG-2214",
        reason="Repair the index of orders",
    )
    both = list(access_request.stages.filter(state="active").order_by("position"))
    assert [stage.name for stage in both] == ["owner", "security"]
    decide.decide(by=people["security"], stage_id=both[1].pk, vote="approve")
    access_request.refresh_from_db()
    assert access_request.state == "pending"
    decide.decide(by=people["owner"], stage_id=both[0].pk, vote="deny", reason="Not tonight")
    access_request.refresh_from_db()
    assert access_request.state == "denied"
    assert list(access_request.stages.values_list("state", flat=True)) == ["denied", "approved"]


def test_both_of_one_step_have_to_agree(people: Any, administrator: Person) -> None:
    stage_says(administrator, "security", "together_with: owner")
    access_request = asked(
        people["yuki"],
        key="prod-db-01-psql",
        sign_in=proved(),
        ticket="CHG-2214",
        reason="Repair the index of orders",
    )
    owner, security = access_request.stages.order_by("position")
    decide.decide(by=people["owner"], stage_id=owner.pk, vote="approve")
    decide.decide(by=people["security"], stage_id=security.pk, vote="approve")
    access_request.refresh_from_db()
    assert access_request.state == "approved"


def test_all_means_all_who_may_decide(people: Any, administrator: Person) -> None:
    stage_says(administrator, "security", "quorum: all", "escalate:")
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    stage = active_stage(access_request)
    for one in ("security", "security2"):
        access_request.refresh_from_db()
        assert access_request.state == "pending"
        decide.decide(by=people[one], stage_id=stage.pk, vote="approve")
    access_request.refresh_from_db()
    assert access_request.state == "approved"


def test_a_vote_in_a_stage_that_was_decided_meanwhile_is_stale(people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve")
    with pytest.raises(Stale, match="came too late"):
        decide.decide(by=people["director"], stage_id=stage.pk, vote="approve")
