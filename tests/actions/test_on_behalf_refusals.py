"""Who may not ask for whom, and that whoever may not learns nothing of anybody."""

from typing import Any

import pytest

from audit_app import origin
from audit_app.clock import now
from requests_app.actions import activate, decide
from requests_app.errors import Invalid, Refused, SignInNeeded
from requests_app.models import Grant, Person
from requests_app.policy.on_behalf import NOBODY
from tests.support.azure import active_stage
from tests.support.behalf import asked_for, asked_together_for, group, policy_says
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


@pytest.fixture(name="asker")
def _asker(people: Any) -> Person:
    """Ben is on call, so he may ask for engineers."""
    return people["ben"]


@pytest.mark.parametrize(
    ("named", "error", "words"),
    [
        ("", Invalid, "Say for whom"),
        ("ben@northwind-harbour.example", Invalid, "That is you"),
        ("nobody@elsewhere.example", Refused, NOBODY.reason),
        ("out@northwind-harbour.example", Refused, NOBODY.reason),
        ("gus@northwind-harbour.example", Refused, NOBODY.reason),
        ("%", Refused, NOBODY.reason),
        ("dis@northwind-harbour.example", Refused, "account is disabled"),
    ],
)
def test_for_whom_it_can_not_be_asked(named: str, error: Any, words: str, asker: Any) -> None:
    kind = "request.refused" if error is Refused else ""
    refused(error, words, kind, lambda: asked_for(asker, named))


def test_two_people_of_one_name_are_nobody(people: Any, asker: Any) -> None:
    Person.objects.filter(pk=people["priya"].pk).update(display_name="Ada Lindqvist")
    refused(Refused, "nobody of that name", "request.refused", lambda: asked_for(asker, "Ada Lindqvist"))


def test_a_guest_among_those_the_rule_is_for_is_refused_as_a_guest(people: Any, asker: Any) -> None:
    group("engineering").members.add(people["guest"])
    refused(
        Refused, "is a guest of this tenant", "request.refused", lambda: asked_for(asker, people["guest"])
    )


def test_who_left_meanwhile_is_refused(people: Any, asker: Any) -> None:
    Person.objects.filter(pk=people["requester"].pk).update(enabled=False)
    refused(
        Refused,
        "Ada Lindqvist’s account is disabled",
        "request.refused",
        lambda: asked_for(asker, people["requester"]),
    )


def test_whoever_may_not_ask_learns_nothing_of_anybody(people: Any) -> None:
    group("engineering").members.add(people["guest"])
    said = set()
    for whom in ("ben", "leila", "disabled", "guest", "outsider"):
        with pytest.raises(Refused) as no:
            asked_for(people["requester"], people[whom])
        said.add((no.value.reason, no.value.check, no.value.way_on, no.value.title))
    with pytest.raises(Refused) as no:
        asked_for(people["requester"], "nobody@elsewhere.example")
    said.add((no.value.reason, no.value.check, no.value.way_on, no.value.title))
    assert len(said) == 1


def test_a_right_that_went_meanwhile_is_no_right(people: Any, asker: Any) -> None:
    group("on-call").members.remove(asker)
    refused(Refused, NOBODY.reason, "request.refused", lambda: asked_for(asker, people["requester"]))


@pytest.mark.parametrize("enabled", [False, None])
def test_who_asks_is_known_to_be_enabled(enabled: Any, people: Any, asker: Any) -> None:
    Person.objects.filter(pk=asker.pk).update(enabled=enabled)
    gone = Person.objects.get(pk=asker.pk)
    refused(Refused, "your own account", "request.refused", lambda: asked_for(gone, people["requester"]))


def test_a_rule_that_does_not_say_so_protects_those_it_is_for(people: Any, asker: Any) -> None:
    """A second rule for engineers at the same machine would have to let others ask as well."""
    another = """rules:
  - name: web
    for: {groups: [engineering]}
    entitlements: {keys: [prod-web-01-ssh]}
    max_duration: 2h
    stages: [manager]
"""
    policy_says(people["administrator"], ("rules:\n", another))
    refused(
        Refused,
        NOBODY.reason,
        "request.refused",
        lambda: asked_for(asker, people["requester"]),
    )


def test_a_fresh_sign_in_is_asked_of_whoever_asks(people: Any, asker: Any) -> None:
    fresh = (
        "      - reason: {min_length: 10}\n",
        "      - sign_in: {within: 15m, at: [request, activation]}\n",
    )
    policy_says(people["administrator"], fresh)
    with pytest.raises(SignInNeeded):
        asked_for(asker, people["requester"])
    access_request = asked_for(asker, people["requester"], sign_in={"auth_time": now().isoformat()})
    assert access_request.sign_in
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(access_request).pk, vote="approve")
    grant = Grant.objects.get()
    with origin.origin(source_address=grant.source_address), pytest.raises(SignInNeeded):
        activate.activate(by=people["requester"], access_request_id=access_request.pk)


def test_of_several_the_refusal_names_what_it_is_about_and_no_person(people: Any, asker: Any) -> None:
    """Ben may ask for Ada at the server, not at the build machine; for nobody at all it reads the same."""
    keys = ("prod-web-01-ssh", "build-agent-01-ssh")
    said = set()
    for named in (people["outsider"], people["guest"], "nobody@elsewhere.example"):
        with pytest.raises(Refused, match="SSH to prod-web-01: There is nobody") as no:
            asked_together_for(asker, named, *keys)
        said.add((no.value.reason, no.value.check, no.value.way_on))
    assert len(said) == 1
    refused(
        Refused,
        "SSH to build-agent-01: There is nobody of that name",
        "request.refused",
        lambda: asked_together_for(asker, people["requester"], *keys),
    )
