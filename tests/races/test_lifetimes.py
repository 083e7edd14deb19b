"""Lifetimes changed by two at the same instant, on two real connections: one outcome, and never more than agreed."""
# ruff: noqa: B023 - the threads of a round are over before its variables change

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale
from requests_app.actions import activate, decide, end, extend, reopen, revoke, shorten
from requests_app.converge import converge
from requests_app.errors import Gone, Invalid, Refused
from requests_app.models import AccessRequest, Grant
from tests.support import invariants
from tests.support.azure import active_stage, address_of, approved, containers, opened
from tests.support.convergence import WEB, fresh, opening_of
from tests.support.races import at_once, from_home, won

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
TIMES = range(2)


def wish(grant: Grant, minutes: int = 50) -> AccessRequest:
    with origin.origin(source_address=address_of(grant.person)):
        return extend.ask(
            by=grant.person,
            grant_id=grant.pk,
            total=timedelta(minutes=minutes),
            reason="The import takes longer",
            submission_key=uuid4(),
        )


def nearly_agreed(people: Any, grant: Grant) -> Any:
    wanted = wish(grant)
    decide.decide(by=people["manager"], stage_id=active_stage(wanted).pk, vote="approve")
    stage = active_stage(wanted)
    return lambda: decide.decide(by=people["security"], stage_id=stage.pk, vote="approve")


def test_two_wishes_at_once_are_one(people: Any, policy: Any, azure: Any) -> None:
    for _ in TIMES:
        grant = opened(people)
        won(at_once(lambda: wish(grant), lambda: wish(grant, 45)), Stale)
        assert AccessRequest.objects.filter(extends=grant).count() == 1


@pytest.mark.parametrize("other", ["end", "revoke"])
def test_ended_while_the_extension_is_agreed_it_closes(
    people: Any, policy: Any, azure: Any, other: str
) -> None:
    for _ in TIMES:
        grant = opened(people)
        agree = nearly_agreed(people, grant)
        close = {
            "end": lambda: end.end_now(by=people["requester"], grant_id=grant.pk),
            "revoke": lambda: revoke.revoke(by=people["administrator"], grant_id=grant.pk, reason="News"),
        }[other]
        answers = at_once(agree, close)
        assert not isinstance(answers[1], Exception), answers
        assert fresh(grant).state == "closing"
        assert not grant.openings.filter(desired="present").exists()
    invariants.stories_are_legal()


def test_shortened_while_the_extension_is_agreed_one_of_them_counts(
    people: Any, policy: Any, azure: Any
) -> None:
    for _ in TIMES:
        grant = opened(people)
        end_at = now() + timedelta(minutes=5)
        answers = at_once(
            nearly_agreed(people, grant),
            lambda: shorten.shorten(by=grant.person, grant_id=grant.pk, end=end_at, reason="Done"),
        )
        wrong = [answer for answer in answers if isinstance(answer, Exception)]
        assert all(isinstance(answer, Stale | Refused | Invalid) for answer in wrong), answers
        for container in containers():
            converge(container.pk)
        assert fresh(grant).state == "open"
        assert fresh(grant).expires_at == fresh(grant).hard_end
    invariants.stories_are_legal()


def test_opened_again_twice_at_once_it_is_opened_again_once(people: Any, policy: Any, azure: Any) -> None:
    for _ in TIMES:
        grant = opened(people)
        azure.control("DELETE", f"rules/{WEB}/{opening_of(grant).name}")
        converge(containers()[0].pk, compare=True)

        def again() -> Grant:
            return from_home(grant.person, lambda: reopen.open_again(by=grant.person, grant_id=grant.pk))

        won(at_once(again, again), Stale, Gone)
        assert Grant.objects.filter(again_of=grant).count() == 1


@pytest.mark.parametrize("what", ["person", "resource", "request"])
def test_activating_while_it_is_revoked_together_leaves_nothing_open(
    people: Any, policy: Any, what: str
) -> None:
    person = people["requester"]
    for _ in TIMES:
        access_request = approved(people)
        grant = Grant.objects.select_related("entitlement").get(access_request=access_request)
        by, reason = people["administrator"], "Seen on the news"
        close = {
            "person": lambda: revoke.revoke_person(by=by, person_id=person.pk, reason=reason),
            "resource": lambda: revoke.revoke_resource(
                by=by, resource_id=grant.entitlement.resource_id, reason=reason
            ),
            "request": lambda: revoke.revoke_request(
                by=by, access_request_id=access_request.pk, reason=reason
            ),
        }[what]
        answers = at_once(
            lambda: from_home(
                person, lambda: activate.activate(by=person, access_request_id=access_request.pk)
            ),
            close,
        )
        assert not isinstance(answers[1], Exception), answers
        assert fresh(grant).state in ("closing", "closed"), "a grant slipped past"
        assert not grant.openings.filter(desired="present").exists()
