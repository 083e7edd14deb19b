"""Rows decided: once, by those who are asked, with a reason for a removal; undone until carried out; then it is real."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import AccessReview, Event, ReviewItem
from audit_app.reviews import decide
from requests_app import tasks
from requests_app.actions import take_away
from requests_app.errors import Refused
from requests_app.models import Grant, Person, TakenAway
from tests.audit_app.reviews.conftest import Planned
from tests.support.azure import SSH, asked, opened
from tests.support.convergence import run

pytestmark = pytest.mark.django_db
WHY = "Not on call any more"


@pytest.fixture
def row(people: Any, running: Planned) -> ReviewItem:
    """Ada's right to prod-web-01, in a campaign that asks her manager."""
    found: ReviewItem = running().items.get(person_id=people["requester"].identity, right_key=SSH)
    return found


def state(row: ReviewItem) -> str:
    row.refresh_from_db()
    return row.state


def test_a_decision_stands_with_who_when_why_and_what_was_seen(people: Any, row: ReviewItem) -> None:
    decided = decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=f" {WHY} ")
    assert (decided.done, decided.left) == (1, 0)
    assert state(row) == "remove"
    assert (row.decided_by_id, row.reason) == (people["manager"].identity, WHY)
    event = Event.objects.get(kind="review.removed")
    assert event.subject_id == people["requester"].identity
    assert event.data["facts"] == row.facts
    assert event.why == WHY


@pytest.mark.parametrize("role", ["requester", "administrator", "auditor", "security"])
def test_nobody_but_its_reviewers_decides_a_row_and_the_try_stands_in_the_trail(
    people: Any, row: ReviewItem, role: str
) -> None:
    with pytest.raises(decide.NotAsked):
        decide.decide(by=people[role].party, item_ids=[row.pk], choice="keep")
    assert state(row) == "undecided"
    assert Event.objects.filter(kind="review.refused", actor_id=people[role].identity).count() == 1


def test_nobody_decides_about_themself_even_where_they_are_named(people: Any, running: Planned) -> None:
    ada, sol = people["requester"].party, people["security"].party
    review = running(reviewers="named", named=[[ada.id, ada.label], [sol.id, sol.label]])
    mine = review.items.filter(person_id=ada.id).first()
    assert ada.id not in mine.reviewer_ids
    ReviewItem.objects.filter(pk=mine.pk).update(reviewer_ids=[ada.id])
    with pytest.raises(decide.NotAsked):
        decide.decide(by=ada, item_ids=[mine.pk], choice="keep")


def test_a_removal_needs_a_reason(people: Any, row: ReviewItem) -> None:
    with pytest.raises(decide.NeedsReason):
        decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=" \n")
    assert state(row) == "undecided"


def test_a_row_decided_a_second_time_stays_as_it_was(people: Any, row: ReviewItem) -> None:
    by = people["manager"].party
    decide.decide(by=by, item_ids=[row.pk], choice="keep")
    with pytest.raises(Stale):
        decide.decide(by=by, item_ids=[row.pk], choice="remove", why=WHY)
    assert state(row) == "keep"


def test_of_several_rows_those_that_are_left_are_decided_and_the_others_counted(
    people: Any, row: ReviewItem
) -> None:
    by = people["manager"].party
    rows = list(row.review.items.asked_of(by.id).values_list("pk", flat=True))
    assert len(rows) > 1
    decide.decide(by=by, item_ids=[row.pk], choice="keep")
    decided = decide.decide(by=by, item_ids=rows, choice="remove", why=WHY)
    assert (decided.done, decided.left) == (len(rows) - 1, 1)
    assert state(row) == "keep"


def test_one_row_of_another_reviewer_among_several_changes_none(people: Any, row: ReviewItem) -> None:
    by = people["manager"].party
    theirs = row.review.items.exclude(reviewer_ids__contains=[by.id]).first()
    with pytest.raises(decide.NotAsked):
        decide.decide(by=by, item_ids=[row.pk, theirs.pk], choice="keep")
    assert state(row) == "undecided"


def test_a_decision_can_be_undone_until_it_is_carried_out(people: Any, row: ReviewItem) -> None:
    by = people["manager"].party
    decide.decide(by=by, item_ids=[row.pk], choice="remove", why=WHY)
    decide.undo(by=by, item_id=row.pk)
    assert state(row) == "undecided"
    tasks.reviews()
    assert not TakenAway.objects.exists()
    decide.decide(by=by, item_ids=[row.pk], choice="remove", why=WHY)
    with time_machine.travel(now() + decide.UNDO):
        tasks.reviews()
    assert state(row) == "applied"
    with pytest.raises(Stale):
        decide.undo(by=by, item_id=row.pk)


def test_within_five_minutes_a_removal_closes_what_is_open_and_says_when(
    people: Any, row: ReviewItem, azure: Any
) -> None:
    grant = opened(people)
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=WHY)
    with time_machine.travel(now() + timedelta(minutes=3)):
        tasks.reviews()
        tasks.reviews()
        assert state(row) == "applied"
        assert row.applied_at
        assert "1 grant revoked" in row.applied_note
        run()
    grant.refresh_from_db()
    assert (grant.state, grant.ended_why) == (Grant.State.CLOSED, Grant.Why.REVOKED)
    assert not [name for name in azure.rules("nsg-prod-web") if name.startswith("latch-")]
    assert Event.objects.filter(kind="right.taken_away").count() == 1


def test_what_was_taken_away_can_not_be_asked_for_and_the_verdict_says_by_whom_and_why(
    people: Any, row: ReviewItem, client_for: Any
) -> None:
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=WHY)
    with time_machine.travel(now() + decide.UNDO):
        tasks.reviews()
    with pytest.raises(Refused, match=f"Mo Adeyemi took it away on .*{WHY}"):
        asked(people["requester"])
    page = client_for(people["requester"]).get("/catalogue/").content.decode()
    assert "requests/new?entitlement=prod-web-01-ssh" not in page
    assert WHY in page


def test_an_administrator_gives_it_back_with_a_reason_and_nobody_else_does(
    people: Any, row: ReviewItem
) -> None:
    ada = people["requester"]
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=WHY)
    with time_machine.travel(now() + decide.UNDO):
        tasks.reviews()
    taken = TakenAway.objects.get(person=ada)
    for role in ("requester", "manager", "auditor"):
        with pytest.raises(Refused):
            take_away.give_back(by=people[role], taken_id=taken.pk, reason="Please")
    take_away.give_back(by=people["administrator"], taken_id=taken.pk, reason="Back on call")
    assert asked(ada).pk
    with pytest.raises(Stale):
        take_away.give_back(by=people["administrator"], taken_id=taken.pk, reason="Twice")


def test_a_removal_of_what_is_gone_meanwhile_is_said_to_be_nothing(people: Any, row: ReviewItem) -> None:
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=WHY)
    ReviewItem.objects.filter(pk=row.pk).update(right_key="gone-by-now")
    with time_machine.travel(now() + decide.UNDO):
        tasks.reviews()
    assert state(row) == "applied"
    assert "nothing left" in row.applied_note


def test_a_decision_in_a_closed_campaign_is_refused(people: Any, row: ReviewItem) -> None:
    AccessReview.objects.filter(pk=row.review_id).update(state="closed", closed_at=now())
    with pytest.raises(Stale):
        decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="keep")


def test_never_used_is_recommended_for_removal_and_used_lately_to_be_kept(
    people: Any, running: Planned, azure: Any
) -> None:
    opened(people)
    review = running()
    used = review.items.get(person_id=people["requester"].identity, right_key=SSH)
    assert (used.recommendation, used.never_used, used.facts["used"]) == ("keep", False, 1)
    others = review.items.exclude(pk=used.pk)
    assert {item.recommendation for item in others} == {"remove"}
    assert all(item.never_used for item in others)


def test_everybody_in_a_review_is_somebody_policy_lets_ask(people: Any, running: Planned) -> None:
    held = set(running(scope={}).items.values_list("person_id", flat=True))
    assert people["outsider"].identity not in held
    assert people["disabled"].identity not in held
    assert held <= {person.identity for person in Person.objects.all()}
