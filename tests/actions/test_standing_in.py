"""Standing in for somebody: who then decides, whose voice is heard, and what is refused."""

from typing import Any

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app import attention, deciders
from requests_app.actions import cover, decide
from requests_app.errors import Gone, Invalid, Refused
from requests_app.models import Decision, Delegation, Person, Stage
from tests.support.azure import active_stage, asked
from tests.support.refusals import refused
from tests.support.waits import HOUR, away, lends

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def test_a_stand_in_finds_it_in_their_inbox_and_decides_in_the_other_ones_place(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    stage = active_stage(access_request)
    assert stage in attention.inbox(people["director"])
    decide.decide(by=people["director"], stage_id=stage.pk, vote="approve")
    vote = Decision.objects.get()
    assert (vote.person, vote.in_place_of) == (people["director"], people["manager"])
    event = Event.objects.get(kind="decision.approved")
    assert event.data["in_place_of"] == people["manager"].identity


def test_a_voice_is_heard_once_whoever_speaks_with_it(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["security"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    security = active_stage(access_request)
    assert security.name == "security"
    # Sol could decide it as Sol; what Mo lent is used up, and does not count a second time.
    standing = deciders.standing(people["security"], security, access_request, now())
    assert standing
    assert standing.in_place_of is None
    lends(people["security2"], people["manager"])
    assert security not in attention.inbox(people["manager"])
    refused(
        Refused,
        "already decided once",
        "decision.refused",
        lambda: decide.decide(by=people["manager"], stage_id=security.pk, vote="approve"),
    )


def test_who_spoke_for_somebody_leaves_them_nothing_to_decide(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    decide.decide(by=people["director"], stage_id=active_stage(access_request).pk, vote="approve")
    stage = active_stage(access_request)
    Stage.objects.filter(pk=stage.pk).update(approver_kind="manager", approver_group=None)
    assert stage not in attention.inbox(people["manager"])
    refused(
        Refused,
        "in your place",
        "decision.refused",
        lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve"),
    )


def test_nobody_decides_their_own_request_through_somebody_elses_right(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["requester"])
    stage = active_stage(access_request)
    assert stage not in attention.inbox(people["requester"])
    refused(
        Refused,
        "own request",
        "decision.refused",
        lambda: decide.decide(by=people["requester"], stage_id=stage.pk, vote="approve"),
    )


def test_who_stands_in_for_the_requester_does_not_decide_the_requesters_request(people: Any) -> None:
    Person.objects.filter(pk=people["security"].pk).update(manager=people["manager"])
    access_request = asked(
        people["security"], key="prod-logs-01-search", reason="Follow the traces of an incident"
    )
    lends(people["security"], people["outsider"])
    stage = active_stage(access_request)
    Stage.objects.filter(pk=stage.pk).update(
        approver_kind="group",
        approver_group=people["security"].groups_read.get(name__icontains="security").oid,
    )
    stage.refresh_from_db()
    assert stage not in attention.inbox(people["outsider"])
    assert deciders.standing(people["outsider"], stage, access_request, now()) is None


@pytest.mark.parametrize(("hours", "starts"), [(-0.1, -1), (3, 2)], ids=["over", "not yet"])
def test_a_right_is_lent_for_its_time_alone(people: Any, hours: float, starts: float) -> None:
    access_request = asked(people["requester"])
    moment = now()
    Delegation.objects.create(
        giver=people["manager"],
        receiver=people["director"],
        starts_at=moment + starts * HOUR,
        ends_at=moment + hours * HOUR,
        made_at=moment,
    )
    stage = active_stage(access_request)
    assert stage not in attention.inbox(people["director"])
    assert deciders.standing(people["director"], stage, access_request, now()) is None


def test_a_delegation_called_off_lends_nothing_any_more(people: Any) -> None:
    access_request = asked(people["requester"])
    lent = lends(people["manager"], people["director"])
    cover.call_off_delegation(by=people["director"], delegation_id=lent.pk)
    assert active_stage(access_request) not in attention.inbox(people["director"])
    with pytest.raises(Gone, match="over already"):
        cover.call_off_delegation(by=people["director"], delegation_id=lent.pk)


def test_a_right_that_was_lent_is_not_passed_on(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    lends(people["director"], people["outsider"])
    assert active_stage(access_request) not in attention.inbox(people["outsider"])


def test_somebody_disabled_lends_nothing_and_is_lent_nothing(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    stage = active_stage(access_request)
    for one in ("manager", "director"):
        Person.objects.filter(pk=people[one].pk).update(enabled=False)
        assert stage not in attention.inbox(Person.objects.get(pk=people["director"].pk))
        Person.objects.filter(pk=people[one].pk).update(enabled=True)


@pytest.mark.parametrize(
    ("to", "error", "words"),
    [
        ("manager", Refused, "yourself already"),
        ("guest", Refused, "is a guest"),
        ("disabled", Refused, "not known to be enabled"),
    ],
)
def test_not_everybody_can_stand_in(people: Any, to: str, error: Any, words: str) -> None:
    refused(error, words, "delegation.refused", lambda: lends(people["manager"], people[to]))


def test_a_circle_of_delegations_is_refused_over_however_many_people(people: Any) -> None:
    lends(people["manager"], people["director"])
    lends(people["director"], people["security"])
    refused(Refused, "circle", "delegation.refused", lambda: lends(people["security"], people["manager"]))
    lends(people["security"], people["manager"], starts=25, hours=30)


@pytest.mark.parametrize(
    ("starts", "hours", "words"),
    [(2, 1, "end after it begins"), (-3, -1, "over already"), (0, 24 * 181, "At most 180 days")],
)
def test_times_that_make_no_sense_are_said(people: Any, starts: float, hours: float, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        away(people["manager"], starts=starts, hours=hours)
    with pytest.raises(Invalid, match=words):
        lends(people["manager"], people["director"], starts=starts, hours=hours)


def test_a_name_nobody_has_is_said(people: Any) -> None:
    with pytest.raises(Invalid, match="Nobody here signs in as"):
        cover.lend(by=people["manager"], to="no.one@example.com", starts_at=now(), ends_at=now() + HOUR)


def test_an_administrator_may_say_that_somebody_is_away_and_nobody_else_may(people: Any) -> None:
    span = {"starts_at": now(), "ends_at": now() + HOUR, "person": people["manager"]}
    cover.be_away(by=people["administrator"], **span)
    refused(Refused, "themself", "absence.refused", lambda: cover.be_away(by=people["outsider"], **span))
