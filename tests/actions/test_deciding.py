"""What an approver may do beside a yes or a no: agree to less, ask first, bring in somebody else. Never more."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app import attention, tasks
from requests_app.actions import add_stage, decide, submit, talk
from requests_app.actions.narrow import Narrower
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, Comment, Decision, Grant, Message, Stage
from requests_app.seen import fingerprint
from tests.support.azure import active_stage, asked, opened
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def approve(person: Any, access_request: AccessRequest, **more: Any) -> None:
    decide.decide(by=person, stage_id=active_stage(access_request).pk, vote="approve", **more)


def fresh(access_request: AccessRequest) -> AccessRequest:
    return AccessRequest.objects.get(pk=access_request.pk)


# Less, never more


def test_the_grant_lasts_as_short_as_the_last_approver_made_it(people: Any) -> None:
    access_request = asked(people["requester"], minutes=60)
    approve(people["manager"], access_request, narrower=Narrower(timedelta(minutes=30)))
    approve(people["security"], access_request, narrower=Narrower(timedelta(minutes=10)))
    assert Grant.objects.get().duration == timedelta(minutes=10)
    votes = Decision.objects.order_by("pk")
    assert [vote.changed for vote in votes] == [
        {"duration_seconds": [3600, 1800]},
        {"duration_seconds": [1800, 600]},
    ]
    assert Event.objects.filter(kind="request.narrowed").count() == 2


@pytest.mark.parametrize(
    ("narrower", "error", "words"),
    [
        (Narrower(timedelta(minutes=61)), Refused, "longer than"),
        (Narrower(timedelta(0)), Invalid, "more than nothing"),
        (Narrower(timedelta(minutes=-5)), Invalid, "more than nothing"),
        (Narrower(source="0.0.0.0/0"), Refused, "not within"),
        (Narrower(source="198.51.100.7"), Refused, "not within"),
        (Narrower(source="2001:db8::1"), Refused, "not within"),
        (Narrower(source="here"), Invalid, "neither an address"),
    ],
)
def test_an_approver_gives_no_more_than_was_asked_for(
    people: Any, narrower: Narrower, error: Any, words: str
) -> None:
    access_request = asked(people["requester"], minutes=60)
    before = fresh(access_request)
    with pytest.raises(error, match=words):
        approve(people["manager"], access_request, narrower=narrower)
    assert (fresh(access_request).duration, fresh(access_request).source_address) == (
        before.duration,
        before.source_address,
    )
    assert not Decision.objects.exists(), "a decision that was refused counts for nothing"


def test_a_network_can_be_narrowed_to_an_address_of_it(people: Any) -> None:
    access_request = asked(people["requester"])
    AccessRequest.objects.filter(pk=access_request.pk).update(source_address="10.99.0.0/24")
    approve(people["manager"], access_request, narrower=Narrower(source="10.99.0.17"))
    assert fresh(access_request).source_address == "10.99.0.17"


def test_more_time_is_not_made_less_than_there_is(people: Any, azure: Any) -> None:
    grant = opened(people, key="prod-web-03-ssh", minutes=30)
    more = asked(people["requester"], key="prod-web-03-ssh", minutes=60)
    AccessRequest.objects.filter(pk=more.pk).update(extends=grant)
    with pytest.raises(Invalid, match="no more time than they have"):
        approve(people["manager"], more, narrower=Narrower(timedelta(minutes=20)))


def test_a_denial_changes_nothing_of_what_was_asked(people: Any) -> None:
    access_request = asked(people["requester"], minutes=60)
    stage = active_stage(access_request)
    less = Narrower(timedelta(minutes=5))
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="deny", reason="No", narrower=less)
    assert fresh(access_request).duration == timedelta(minutes=60)


# What was seen


def test_a_vote_keeps_what_the_approver_had_before_them(people: Any) -> None:
    access_request = asked(people["requester"], minutes=60)
    approve(people["manager"], access_request)
    saw = Decision.objects.get().saw
    assert (saw["duration_seconds"], saw["source"]) == (3600, access_request.source_address)
    (item,) = saw["items"]
    assert (item["entitlement"], item["outcome"]) == ("prod-web-01-ssh", "allowed")
    assert item["history"]["asked"] == 0
    assert item["rules"]


def test_a_vote_on_what_has_changed_since_is_not_counted(people: Any) -> None:
    access_request = asked(people["requester"], minutes=60)
    seen = fingerprint(fresh(access_request))
    talk.remark(by=people["requester"], access_request=access_request, text="It is for prod-web-02, sorry")
    with pytest.raises(Stale, match="since you looked"):
        approve(people["manager"], access_request, seen=seen)
    approve(people["manager"], access_request, seen=fingerprint(fresh(access_request)))


# Questions


def test_a_question_stops_the_request_until_it_is_answered_and_it_returns_to_its_place(people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    talk.ask(by=people["manager"], stage_id=stage.pk, text="Which journal?")
    assert fresh(access_request).state == "returned"
    assert stage not in attention.inbox(people["manager"])
    assert Message.objects.filter(kind="question", recipient=people["requester"]).count() == 1
    with pytest.raises(Stale, match="question to the requester is open"):
        approve(people["manager"], access_request)
    talk.answer(by=people["requester"], access_request_id=access_request.pk, text="The one of nginx")
    assert fresh(access_request).state == "pending"
    assert stage in attention.inbox(people["manager"])
    assert [comment.kind for comment in Comment.objects.all()] == ["question", "answer"]
    approve(people["manager"], access_request)
    kinds = Event.objects.filter(story=access_request.story).values_list("kind", flat=True)
    assert {"request.returned", "request.answered"} <= set(kinds)


def test_the_time_of_a_stage_begins_anew_once_it_was_answered(people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    first = stage.lapses_at
    assert first is not None
    talk.ask(by=people["manager"], stage_id=stage.pk, text="Which journal?")
    with time_machine.travel(stage.activated_at + timedelta(hours=20), tick=False):
        tasks.deadlines()
        talk.answer(by=people["requester"], access_request_id=access_request.pk, text="nginx")
    stage.refresh_from_db()
    assert stage.lapses_at == first + timedelta(hours=20)
    assert fresh(access_request).lapses_at == stage.lapses_at


def test_a_question_nobody_answers_lapses_the_request(people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    talk.ask(by=people["manager"], stage_id=stage.pk, text="Which journal?")
    with time_machine.travel(fresh(access_request).lapses_at + timedelta(seconds=1), tick=False):
        tasks.deadlines()
    assert fresh(access_request).state == "lapsed"
    assert "not answered" in Event.objects.get(kind="request.lapsed").why


def test_only_the_requester_answers_and_only_the_one_who_asked_takes_it_back(people: Any) -> None:
    access_request = asked(people["requester"])
    talk.ask(by=people["manager"], stage_id=active_stage(access_request).pk, text="Which journal?")
    pk = access_request.pk
    refused(
        Refused,
        "Only the person who asked can answer",
        "request.answer_refused",
        lambda: talk.answer(by=people["manager"], access_request_id=pk, text="nginx"),
    )
    refused(
        Refused,
        "can take it back",
        "request.answer_refused",
        lambda: talk.take_back(by=people["security"], access_request_id=pk),
    )
    talk.take_back(by=people["manager"], access_request_id=pk)
    assert fresh(access_request).state == "pending"
    with pytest.raises(Stale):
        talk.answer(by=people["requester"], access_request_id=pk, text="nginx")


def test_a_request_that_was_returned_can_be_withdrawn(people: Any) -> None:
    access_request = asked(people["requester"])
    talk.ask(by=people["manager"], stage_id=active_stage(access_request).pk, text="Why?")
    submit.withdraw(by=people["requester"], access_request_id=access_request.pk)
    assert fresh(access_request).state == "withdrawn"


@pytest.mark.parametrize("who", ["requester", "security", "outsider"])
def test_who_may_not_decide_may_not_ask_either(people: Any, who: str) -> None:
    stage = active_stage(asked(people["requester"]))
    refused(
        Refused,
        "",
        "decision.refused",
        lambda: talk.ask(by=people[who], stage_id=stage.pk, text="Which journal?"),
    )


# Remarks


@pytest.mark.parametrize("who", ["outsider", "auditor"])
def test_who_is_not_concerned_says_nothing(people: Any, who: str) -> None:
    access_request = asked(people["requester"])
    refused(
        Refused,
        "Only who asked",
        "request.comment_refused",
        lambda: talk.remark(by=people[who], access_request=access_request, text="Hello"),
    )


def test_a_remark_is_kept_and_told_to_the_others(people: Any) -> None:
    access_request = asked(people["requester"])
    talk.remark(by=people["requester"], access_request=access_request, text="It is urgent")
    assert Event.objects.get(kind="request.commented").why == "It is urgent"
    told = Message.objects.filter(kind="remark").values_list("recipient", flat=True)
    assert list(told) == [people["manager"].pk]


@pytest.mark.parametrize("text", ["", "   \n"])
def test_a_remark_without_words_is_none(people: Any, text: str) -> None:
    with pytest.raises(Invalid):
        talk.remark(by=people["requester"], access_request=asked(people["requester"]), text=text)


# One more stage


def test_an_approver_brings_in_one_more_person_right_behind_their_stage(people: Any) -> None:
    access_request = asked(people["requester"])
    name = people["director"].user_principal_name.upper()
    add_stage.add_stage(
        by=people["manager"], stage_id=active_stage(access_request).pk, person=name, why="Her budget"
    )
    approve(people["manager"], access_request)
    stage = active_stage(access_request)
    assert (stage.approver_person, stage.added_by) == (people["director"], people["manager"])
    assert stage in attention.inbox(people["director"])
    approve(people["director"], access_request)
    approve(people["security"], access_request)
    assert fresh(access_request).state == "approved"
    assert Event.objects.get(kind="stage.added").why == "Her budget"


def test_an_approver_brings_in_a_stage_that_policy_knows(people: Any) -> None:
    access_request = asked(people["requester"])
    add_stage.add_stage(
        by=people["manager"], stage_id=active_stage(access_request).pk, name="owner", why="His machine"
    )
    titles = [(stage.name, stage.step) for stage in access_request.stages.all()]
    assert titles == [("manager", 1), ("owner", 2), ("security", 3)]


@pytest.mark.parametrize(
    ("asked_for", "error", "words"),
    [
        ({"name": "security", "why": "x"}, Invalid, "Choose a stage"),
        ({"name": "", "why": "x"}, Invalid, "Choose a stage"),
        ({"name": "owner", "why": " "}, Invalid, "say why"),
        ({"person": "no.one@example.com", "why": "x"}, Invalid, "Nobody here signs in as"),
        ({"person": "requester", "why": "x"}, Refused, "own request"),
        ({"person": "disabled", "why": "x"}, Invalid, "Nobody here signs in as"),
        ({"person": "manager", "why": "x"}, Refused, "decides on this request already"),
    ],
)
def test_a_stage_nobody_could_decide_is_not_added(
    people: Any, asked_for: dict[str, str], error: Any, words: str
) -> None:
    access_request = asked(people["requester"])
    who = asked_for.get("person", "")
    name = people[who].user_principal_name if who and "@" not in who else who
    act = lambda: add_stage.add_stage(  # noqa: E731
        by=people["manager"],
        stage_id=active_stage(access_request).pk,
        **{**asked_for, **({"person": name} if who else {})},
    )
    before = Stage.objects.count()
    with pytest.raises(error, match=words):
        act()
    assert Stage.objects.count() == before
