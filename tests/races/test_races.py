"""Two at the same instant, on two real connections: one outcome, and the other is told so. Never both, never neither."""
# ruff: noqa: B023 - the threads of a round are over before its variables change

from collections import Counter

import pytest

from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app.actions import activate, codes, decide, lapse, revoke, submit
from requests_app.actions import policy as policy_actions
from requests_app.errors import Gone, Refused
from requests_app.models import AccessRequest, Decision, Grant, LatchCode, Opening, PolicyVersion, Stage
from tests.support import invariants
from tests.support.azure import active_stage, approved, asked
from tests.support.races import at_once, count, from_home, won

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
TIMES = range(3)  # a machine under load needs seconds for each; raise it to hunt


@pytest.mark.parametrize("votes", [("approve", "approve"), ("approve", "deny"), ("deny", "deny")])
def test_two_approvers_at_once_give_one_outcome(people, policy, votes):
    for _ in TIMES:
        access_request = asked(people["requester"])
        decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
        stage = active_stage(access_request)
        answers = at_once(
            *(
                lambda who=who, vote=vote: decide.decide(
                    by=people[who], stage_id=stage.pk, vote=vote, reason="As agreed"
                )
                for who, vote in zip(("security", "security2"), votes, strict=True)
            )
        )
        won(answers, Stale)
        winner = votes[0] if isinstance(answers[1], Exception) else votes[1]
        access_request.refresh_from_db()
        assert access_request.state == ("approved" if winner == "approve" else "denied")
        assert Decision.objects.filter(stage=stage).count() == 1
        assert Grant.objects.filter(access_request=access_request).count() == (winner == "approve")
    invariants.stories_are_legal()


def test_with_a_quorum_of_two_both_votes_count(people, policy):
    for _ in TIMES:
        access_request = asked(people["requester"])
        decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
        stage = active_stage(access_request)
        Stage.objects.filter(pk=stage.pk).update(quorum=2)
        answers = at_once(
            *(
                lambda who=who: decide.decide(by=people[who], stage_id=stage.pk, vote="approve")
                for who in ("security", "security2")
            )
        )
        assert not [answer for answer in answers if isinstance(answer, Exception)], answers
        access_request.refresh_from_db()
        assert access_request.state == "approved"
        assert Grant.objects.filter(access_request=access_request).count() == 1


def test_one_person_voting_twice_at_once_votes_once(people, policy):
    for _ in TIMES:
        access_request = asked(people["requester"])
        stage = active_stage(access_request)
        Stage.objects.filter(pk=stage.pk).update(quorum=2)
        act = lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve")  # noqa: E731
        won(at_once(act, act), Refused, Stale)
        assert access_request.decisions.count() == 1


def test_deciding_and_withdrawing_at_once_gives_one_of_them(people, policy):
    for _ in TIMES:
        access_request = asked(people["requester"], key="prod-app-01-admin")
        stage = active_stage(access_request)
        answers = at_once(
            lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve"),
            lambda: submit.withdraw(by=people["requester"], access_request_id=access_request.pk),
        )
        won(answers, Stale)
        access_request.refresh_from_db()
        assert access_request.state == ("withdrawn" if isinstance(answers[0], Exception) else "approved")
        assert Grant.objects.filter(access_request=access_request).exists() == (
            access_request.state == "approved"
        )
        assert not access_request.stages.filter(state__in=["waiting", "active"]).exists()


def test_activating_twice_at_once_opens_once(people, policy):
    person = people["requester"]
    for _ in TIMES:
        access_request = approved(people)
        act = lambda: from_home(  # noqa: E731
            person, lambda: activate.activate(by=person, access_request_id=access_request.pk)
        )
        won(at_once(act, act), Stale)
        assert Opening.objects.filter(grant__access_request=access_request).count() == 1
        assert LatchCode.objects.filter(access_request=access_request, spent_at__isnull=False).count() == 1
        assert count("grant.activated", story=access_request.story) == 1


def test_one_code_spent_twice_at_once_opens_once(people, policy):
    person = people["requester"]
    for _ in TIMES:
        access_request = approved(people)
        text = codes.get_code(by=person, access_request_id=access_request.pk)
        act = lambda: from_home(person, lambda: activate.activate_with_code(by=person, text=text))  # noqa: E731
        won(at_once(act, act), Gone, Stale)
        assert count("grant.activated", story=access_request.story) == 1


def test_getting_a_code_twice_at_once_leaves_one_that_works(people, policy):
    person = people["requester"]
    for _ in TIMES:
        access_request = approved(people)
        answers = at_once(*[lambda: codes.get_code(by=person, access_request_id=access_request.pk)] * 2)
        assert all(isinstance(answer, str) for answer in answers), answers
        assert access_request.codes.filter(revoked_at__isnull=True).count() == 1


def test_getting_a_new_code_while_the_old_one_is_spent_opens_once_or_not_at_all(people, policy):
    person = people["requester"]
    for _ in TIMES:
        access_request = approved(people)
        text = codes.get_code(by=person, access_request_id=access_request.pk)
        answers = at_once(
            lambda: codes.get_code(by=person, access_request_id=access_request.pk),
            lambda: from_home(person, lambda: activate.activate_with_code(by=person, text=text)),
        )
        won(answers, Stale, Gone)


def test_activating_while_everything_is_closed_leaves_nothing_open(people, policy):
    person = people["requester"]
    for _ in TIMES:
        access_request = approved(people)
        answers = at_once(
            lambda: from_home(
                person, lambda: activate.activate(by=person, access_request_id=access_request.pk)
            ),
            lambda: revoke.revoke_everything(by=people["administrator"], reason="Seen on the news"),
        )
        assert not isinstance(answers[1], Exception), answers
        grant = Grant.objects.get(access_request=access_request)
        assert grant.state in ("closing", "closed"), "a grant slipped past closing everything"
        assert not grant.openings.filter(desired="present").exists()


def test_one_form_sent_twice_at_once_is_one_request(people, policy):
    from uuid import uuid4

    for _ in TIMES:
        key = uuid4()
        answers = at_once(*[lambda: asked(people["requester"], submission_key=key)] * 2)
        assert not [answer for answer in answers if isinstance(answer, Exception)], answers
        assert answers[0].pk == answers[1].pk
        assert AccessRequest.objects.filter(submission_key=key).count() == 1
        assert count("request.submitted", story=answers[0].story) == 1


def test_one_policy_loaded_twice_at_once_is_in_force_once(people, policy):
    documents = dict(policy.documents)
    for number in TIMES:
        documents["rules.yaml"] += f"\n# {number}\n"
        act = lambda: policy_actions.load(by=people["administrator"].party, documents=documents)  # noqa: E731
        answers = at_once(act, act)
        assert not [answer for answer in answers if isinstance(answer, Exception)], answers
        assert PolicyVersion.objects.filter(active=True).count() == 1
        assert answers[0].hash == answers[1].hash
    loaded = Counter(Event.objects.filter(kind="policy.loaded").values_list("data__after", flat=True))
    assert set(loaded.values()) == {1}, "a policy was put in force twice"


def test_the_first_policy_ever_loaded_twice_at_once_is_in_force_once(people, policy):
    documents = dict(policy.documents)
    for _ in TIMES:
        PolicyVersion.objects.all().delete()
        act = lambda: policy_actions.load(by=people["administrator"].party, documents=documents)  # noqa: E731
        answers = at_once(act, act)
        assert not [answer for answer in answers if isinstance(answer, Exception)], answers
        assert PolicyVersion.objects.filter(active=True).count() == 1


def test_deciding_while_time_runs_out_gives_one_of_them(people, policy):
    for _ in TIMES:
        access_request = asked(people["requester"], key="prod-app-01-admin")
        stage = active_stage(access_request)
        people["manager"].refresh_from_db()
        AccessRequest.objects.filter(pk=access_request.pk).update(lapses_at=access_request.submitted_at)
        answers = at_once(
            lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve"),
            lapse.lapse_undecided,
        )
        access_request.refresh_from_db()
        assert access_request.state in ("approved", "lapsed")
        assert isinstance(answers[0], Stale) == (access_request.state == "lapsed")
        assert Grant.objects.filter(access_request=access_request).exists() == (
            access_request.state == "approved"
        )
    invariants.stories_are_legal()


def test_activating_while_the_time_to_activate_runs_out_gives_one_of_them(people, policy):
    person = people["requester"]
    for _ in TIMES:
        access_request = approved(people)
        grant = Grant.objects.get(access_request=access_request)
        at_once(
            lambda: from_home(
                person, lambda: activate.activate(by=person, access_request_id=access_request.pk)
            ),
            lambda: lapse._close_unused(grant.pk),
        )
        grant.refresh_from_db()
        assert grant.state in ("opening", "closed")
        assert grant.openings.exists() == (grant.state == "opening")
    invariants.stories_are_legal()
