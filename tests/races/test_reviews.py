"""Rows of a review decided, undone and carried out at the same instant, on two real connections: one outcome."""
# ruff: noqa: B023 - the threads of a round are over before its variables change

from datetime import timedelta

import pytest

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import AccessReview, ReviewItem
from audit_app.reviews import campaign, decide
from requests_app.actions import take_away
from requests_app.models import TakenAway
from tests.support.races import at_once, count, won

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
TIMES = 3
WHY = "Not needed any more"


@pytest.fixture
def review(people, policy):
    """A campaign about prod-web-01 that asks Mo and Sol by name."""
    moment = now()
    return campaign.plan(
        by=people["administrator"].party,
        title="Web servers",
        source="eligibility",
        scope={"resources": ["prod-web-01"]},
        reviewers="named",
        named=[[people[who].identity, str(people[who])] for who in ("manager", "security")],
        starts_at=moment,
        due_at=moment + timedelta(days=7),
        recurrence="weekly",
    )


def row_of(review, people):
    both = [people["manager"].identity, people["security"].identity]
    return review.items.filter(state="undecided", reviewer_ids__contains=both).first()


def test_a_row_decided_by_two_at_once_gives_one_outcome(people, review):
    campaign.begin(review.pk)
    for _ in range(TIMES):
        row = row_of(review, people)
        choices = {"manager": "keep", "security": "remove"}
        answers = at_once(
            *(
                lambda who=who: decide.decide(
                    by=people[who].party, item_ids=[row.pk], choice=choices[who], why=WHY
                )
                for who in choices
            )
        )
        won(answers, Stale)
        winner = "security" if isinstance(answers[0], Exception) else "manager"
        row.refresh_from_db()
        assert (row.decision, row.decided_by_id) == (choices[winner], people[winner].identity)
    assert count("review.kept") + count("review.removed") == TIMES


def test_undoing_while_it_is_carried_out_gives_one_of_them(people, review):
    campaign.begin(review.pk)
    for _ in range(TIMES):
        row = row_of(review, people)
        decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=WHY)
        undone, carried = at_once(
            lambda: decide.undo(by=people["manager"].party, item_id=row.pk),
            lambda: take_away.carry_out(row.pk),
        )
        row.refresh_from_db()
        taken = TakenAway.objects.filter(person__key=row.person_id, entitlement__key=row.right_key).exists()
        assert row.state == ("applied" if carried is True else "undecided")
        assert taken is (carried is True)
        assert isinstance(undone, Stale) is (carried is True)


def test_carried_out_twice_at_once_it_is_taken_away_once(people, review):
    campaign.begin(review.pk)
    row = row_of(review, people)
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=WHY)
    answers = at_once(lambda: take_away.carry_out(row.pk), lambda: take_away.carry_out(row.pk))
    assert sorted(answers) == [False, True]
    assert TakenAway.objects.count() == count("right.taken_away") == count("review.applied") == 1


def test_begun_twice_at_once_it_begins_once_and_plans_one_to_follow(people, review):
    answers = at_once(lambda: campaign.begin(review.pk), lambda: campaign.begin(review.pk))
    assert sorted(answers)[0] == 0
    assert review.items.count() == max(answers)
    assert AccessReview.objects.filter(follows=review).count() == count("review.opened") == 1


def test_signed_off_while_its_last_row_is_undone_nothing_is_closed_undecided(people, review):
    campaign.begin(review.pk)
    rows = list(review.items.values_list("pk", flat=True))
    for who in ("manager", "security"):
        mine = ReviewItem.objects.filter(pk__in=rows, state="undecided").asked_of(people[who].identity)
        if mine:
            decide.decide(by=people[who].party, item_ids=mine.values_list("pk", flat=True), choice="keep")
    row = review.items.filter(decided_by_id=people["manager"].identity).first()
    review.refresh_from_db()
    signed, undone = at_once(
        lambda: campaign.sign_off(by=people["administrator"].party, review=review),
        lambda: decide.undo(by=people["manager"].party, item_id=row.pk),
    )
    review.refresh_from_db()
    row.refresh_from_db()
    assert not (review.state == "closed" and row.state == "undecided"), (signed, undone)
