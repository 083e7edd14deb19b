"""Asking for somebody else: whose it is then, who hears of it, and that neither of the two decides it."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from audit_app import origin
from audit_app.clock import now
from audit_app.models import Event
from requests_app import attention, deciders, rotas
from requests_app.actions import activate, add_stage, codes, decide, end, extend, lapse, submit, talk
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, Message, Person, Stage
from requests_app.policy.windows import Plan
from tests.support.azure import active_stage, address_of
from tests.support.behalf import asked_for, asked_together_for, group, policy_says
from tests.support.refusals import refused
from tests.support.waits import HOUR, later, lends, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


@pytest.fixture(name="asker")
def _asker(people: Any) -> Person:
    """Ben is on call, so he may ask for engineers."""
    return people["ben"]


def approved_for(people: Any, asker: Person) -> AccessRequest:
    access_request = asked_for(asker, people["requester"])
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(access_request).pk, vote="approve")
    access_request.refresh_from_db()
    return access_request


# Whose it is


def test_who_is_asked_for_is_the_requester_and_who_typed_is_kept(people: Any, asker: Any) -> None:
    made = asked_for(asker, people["requester"])
    assert (made.requester, made.asked_by) == (people["requester"], asker)
    assert (made.source_address, made.observed_address) == (address_of(people["requester"]), None)
    event = Event.objects.get(kind="request.submitted")
    assert (event.actor_id, event.subject_id) == (asker.identity, people["requester"].identity)
    assert event.source_address == address_of(asker)
    for person in (asker, people["requester"]):
        assert AccessRequest.objects.visible_to(person).get() == made
    assert told("asked_for_you", people["requester"]) == 1
    assert told("approval_needed", people["manager"]) == 1


@pytest.mark.parametrize(
    "named", ["ada@northwind-harbour.example", " ADA@northwind-harbour.example ", "ada lindqvist"]
)
def test_people_are_found_by_their_names(named: str, people: Any, asker: Any) -> None:
    assert asked_for(asker, named).requester == people["requester"]


def test_what_comes_of_it_is_the_other_ones_alone(people: Any, asker: Any) -> None:
    access_request = approved_for(people, asker)
    grant = Grant.objects.get()
    assert grant.person == people["requester"]
    refused(
        Refused,
        "for nobody else",
        "code.refused",
        lambda: codes.get_code(by=asker, access_request_id=access_request.pk),
    )
    with origin.origin(source_address=grant.source_address):
        refused(
            Refused,
            "for nobody else",
            "code.refused",
            lambda: activate.activate(by=asker, access_request_id=access_request.pk, from_elsewhere=True),
        )
    refused(
        Refused,
        "",
        "grant.cancel_refused",
        lambda: codes.cancel(by=asker, access_request_id=access_request.pk),
    )
    with origin.origin(source_address=address_of(people["requester"])):
        activate.activate(by=people["requester"], access_request_id=access_request.pk)
    refused(Refused, "", "grant.end_refused", lambda: end.end_now(by=asker, grant_id=grant.pk))


def test_more_time_is_asked_for_by_its_holder_alone(people: Any, asker: Any) -> None:
    approved_for(people, asker)
    grant = Grant.objects.get()
    refused(
        Refused,
        "Only its holder",
        "grant.extend_refused",
        lambda: extend.ask(
            by=asker, grant_id=grant.pk, total=HOUR, reason="It takes longer", submission_key=uuid4()
        ),
    )


@pytest.mark.parametrize(("who", "other"), [("ben", "requester"), ("requester", "ben")])
def test_both_may_withdraw_it_and_the_other_one_is_told(
    who: str, other: str, people: Any, asker: Any
) -> None:
    access_request = asked_for(asker, people["requester"])
    submit.withdraw(by=people[who], access_request_id=access_request.pk)
    assert AccessRequest.objects.get().state == "withdrawn"
    assert (told("withdrawn", people[other]), told("withdrawn", people[who])) == (1, 0)
    assert Message.objects.filter(kind="settled").first().context["by"] == str(people[who])


@pytest.mark.parametrize("who", ["ben", "requester"])
def test_a_question_is_put_to_both_and_either_answers(who: str, people: Any, asker: Any) -> None:
    access_request = asked_for(asker, people["requester"])
    talk.ask(by=people["manager"], stage_id=active_stage(access_request).pk, text="Which journal?")
    assert [told("question", people[one]) for one in ("ben", "requester")] == [1, 1]
    talk.answer(by=people[who], access_request_id=access_request.pk, text="The one of nginx")
    assert AccessRequest.objects.get().state == "pending"
    talk.remark(by=people["manager"], access_request=access_request, text="Thank you")
    assert [told("remark", people[one]) for one in ("ben", "requester")] == [1, 1]


def test_several_things_are_asked_for_somebody_else_together(people: Any, asker: Any) -> None:
    made = asked_together_for(asker, people["requester"], "prod-web-01-ssh", "prod-web-02-ssh")
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(made).pk, vote="approve")
    assert {grant.person for grant in Grant.objects.all()} == {people["requester"]}
    assert Grant.objects.count() == 2


def test_what_begins_later_is_the_other_ones_as_well(people: Any, asker: Any) -> None:
    starts = (now() + HOUR).replace(second=0, microsecond=0)
    made = asked_for(asker, people["requester"], plan=Plan((starts,), "UTC", ""))
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(made).pk, vote="approve")
    grant = Grant.objects.get()
    assert (grant.person, grant.activate_from) == (people["requester"], starts)


def test_the_outcome_is_told_to_both_and_what_is_open_to_its_holder(
    people: Any, asker: Any, azure: Any
) -> None:
    approved_for(people, asker)
    assert [told("decided", people[one]) for one in ("ben", "requester")] == [1, 1]
    his = Message.objects.get(kind="decided", recipient=asker)
    assert his.context["for_whom"] == str(people["requester"])


def test_lapsing_is_told_to_both(people: Any, asker: Any) -> None:
    access_request = asked_for(asker, people["requester"])
    with later(now(), days=3):
        assert lapse.lapse_undecided() == 1
    assert [told("lapsed", people[one]) for one in ("ben", "requester")] == [1, 1]
    assert AccessRequest.objects.get(pk=access_request.pk).state == "lapsed"


# Nobody decides what they asked for


def decides_nothing(person: Person, access_request: AccessRequest) -> None:
    stage = active_stage(access_request)
    assert stage not in attention.inbox(person)
    assert deciders.standing(person, stage, access_request, now()) is None
    assert person not in [one.person for one in deciders.of_stage(stage, access_request, now())]
    words = "what they asked for" if person == access_request.asked_by else "not among those"
    refused(
        Refused,
        words,
        "decision.refused",
        lambda: decide.decide(by=person, stage_id=stage.pk, vote="approve"),
    )


@pytest.fixture(name="at_security")
def _at_security(people: Any, asker: Any) -> AccessRequest:
    """Ben, who is of security too by now, asked for Ada, and it waits for security."""
    group("security").members.add(asker)
    access_request = asked_for(asker, people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    return access_request


def test_not_through_a_group(asker: Any, at_security: Any) -> None:
    decides_nothing(asker, at_security)


def test_not_in_place_of_somebody(people: Any, asker: Any, at_security: Any) -> None:
    group("security").members.remove(asker)
    lends(people["security"], asker)
    decides_nothing(asker, at_security)


def test_nobody_decides_in_the_askers_place(people: Any, asker: Any, at_security: Any) -> None:
    lends(asker, people["outsider"])
    decides_nothing(people["outsider"], at_security)


def test_not_as_the_manager_of_whom_they_asked_for(people: Any, asker: Any) -> None:
    Person.objects.filter(pk=people["requester"].pk).update(manager=asker)
    rotas.refresh()
    access_request = asked_for(asker, people["requester"])
    item = access_request.items.get()
    check = next(one for one in item.verdict["checks"] if one["name"] == "stage_manager")
    assert (check["outcome"], check["way_on"]) == (
        "warn",
        "The people on call for duty-managers join at once instead.",
    )
    stage = active_stage(access_request)
    assert stage.escalated_at, "those who join did not join at once"
    decides_nothing(asker, access_request)
    assert [one.person for one in deciders.of_stage(stage, access_request, now())] == [people["director"]]


def test_not_as_one_who_joins(people: Any, asker: Any) -> None:
    duty = ("people: [a1f0c0de-0000-4000-8000-000000000011]", f"people: [{asker.oid}]")
    policy_says(people["administrator"], duty, file="stages.yaml")
    rotas.refresh()
    access_request = asked_for(asker, people["requester"])
    Stage.objects.filter(access_request=access_request, name="manager").update(escalated_at=now())
    decides_nothing(asker, access_request)


@pytest.mark.parametrize(("who", "words"), [("ben", "what they asked for"), ("requester", "own request")])
def test_neither_is_asked_as_well(who: str, words: str, people: Any, asker: Any) -> None:
    access_request = asked_for(asker, people["requester"])
    name = people[who].user_principal_name
    refused(
        Refused,
        words,
        "decision.refused",
        lambda: add_stage.add_stage(
            by=people["manager"], stage_id=active_stage(access_request).pk, person=name, why="Look"
        ),
    )


def test_who_gets_it_decides_nothing_either(people: Any, asker: Any, at_security: Any) -> None:
    group("security").members.add(people["requester"])
    stage = active_stage(at_security)
    assert stage not in attention.inbox(people["requester"])
    refused(
        Refused,
        "own request",
        "decision.refused",
        lambda: decide.decide(by=people["requester"], stage_id=stage.pk, vote="approve"),
    )


def test_the_last_of_a_group_can_not_ask_past_themself(people: Any, asker: Any) -> None:
    group("security").members.set([asker])
    policy_says(
        people["administrator"],
        ("    escalate: {after: 4h, to: {role: Latch.Admin}}\n", ""),
        file="stages.yaml",
    )
    refused(
        Refused,
        "nobody decides what they asked for",
        "request.refused",
        lambda: asked_for(asker, people["requester"]),
    )


# Once


def test_the_same_form_twice_is_one_request(people: Any, asker: Any) -> None:
    key = uuid4()
    first = asked_for(asker, people["requester"], submission_key=key)
    assert asked_for(asker, people["requester"], submission_key=key) == first
    assert told("asked_for_you", people["requester"]) == 1


def test_a_form_for_one_is_another_request_for_the_next(people: Any, asker: Any) -> None:
    key = uuid4()
    made = {asked_for(asker, people[who], submission_key=key).requester for who in ("requester", "priya")}
    assert made == {people["requester"], people["priya"]}


def test_the_database_knows_nobody_who_asked_for_themself(people: Any, asker: Any) -> None:
    made = asked_for(asker, people["requester"])
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessRequest.objects.filter(pk=made.pk).update(asked_by=people["requester"])
