"""The review of who decides in whose place: its rows, who is asked, what is recommended, and what a removal does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.models import AccessReview, Event, ReviewItem
from audit_app.reviews import campaign, decide
from requests_app import attention, tasks
from requests_app.actions import cover, take_away
from requests_app.actions import decide as votes
from requests_app.models import Delegation, Message
from requests_app.reviewing_delegations import UNUSED, Used, recommend
from tests.audit_app.reviews.conftest import Planned
from tests.support.azure import active_stage, asked
from tests.support.waits import lends, refreshed

pytestmark = pytest.mark.django_db
WHY = "Mo is back since Monday"
DAY = timedelta(days=1)
THEN = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def review(planned: Planned) -> Any:
    """Return a maker of campaigns about delegations that run."""

    def make(**more: Any) -> AccessReview:
        made = planned(**{"source": "delegations", "scope": {}, **more})
        campaign.begin(made.pk)
        made.refresh_from_db()
        return made

    return make


def lent(people: Any, giver: str, receiver: str, *, days: float = 90, since: float = 0) -> Delegation:
    return lends(people[giver], people[receiver], hours=days * 24, starts=-since * 24)


def carried_out(row: ReviewItem) -> ReviewItem:
    with time_machine.travel(now() + decide.UNDO, tick=False):
        tasks.reviews()
    row.refresh_from_db()
    return row


def test_its_rows_are_the_delegations_in_force_with_what_a_reviewer_needs(people: Any, review: Any) -> None:
    delegation = lent(people, "manager", "security", since=40)
    lent(people, "security", "director", days=2, since=-1)
    cover.call_off_delegation(by=people["owner"], delegation_id=lent(people, "owner", "director").pk)
    over = lent(people, "director", "security2")
    Delegation.objects.filter(pk=over.pk).update(starts_at=now() - 3 * DAY, ends_at=now() - DAY)
    (row,) = review().items.all()
    assert (row.person_id, row.person_label) == (people["security"].identity, "Sol Marchetti")
    assert row.right_label == "Decide in place of Mo Adeyemi"
    assert row.facts["since"] == delegation.starts_at.isoformat()
    assert row.facts["until"] == delegation.ends_at.isoformat()
    assert (row.facts["used"], row.facts["last_used"], row.never_used) == (0, "", True)
    assert (row.recommendation, row.recommendation_why.replace("\xa0", " ")) == (
        "remove",
        "Never used in 1 month.",
    )


def test_what_the_receiver_decided_in_the_givers_place_is_counted_and_nothing_else(
    people: Any, review: Any
) -> None:
    lent(people, "manager", "director", since=1)
    lent(people, "security", "director", since=1)
    first, second = asked(people["requester"]), asked(people["requester"])
    votes.decide(by=people["director"], stage_id=active_stage(first).pk, vote="approve")
    votes.decide(by=people["director"], stage_id=active_stage(second).pk, vote="deny", reason="Not today")
    for_mo, for_sol = review().items.order_by("right_label")
    facts = for_mo.facts
    assert (facts["used"], facts["approved"], facts["refused"]) == (2, 1, 1)
    assert facts["last_used"]
    assert (for_mo.never_used, for_mo.recommendation) == (False, "keep")
    assert for_mo.recommendation_why == "Used 2 times, last just now."
    assert (for_sol.facts["used"], for_sol.recommendation) == (0, "keep")


@pytest.mark.parametrize(
    ("since", "last", "times", "gone", "what", "why"),
    [
        (29, None, 0, "", "keep", "In force for 4 weeks only, not used yet."),
        (30, None, 0, "", "remove", "Never used in 4 weeks."),
        (90, None, 0, "", "remove", "Never used in 2 months."),
        (90, 31, 7, "", "remove", "Not used for 1 month."),
        (90, 29, 7, "", "keep", "Used 7 times, last 4 weeks ago."),
        (2, 0, 1, "", "keep", "Used 1 time, last just now."),
        (2, 0, 1, "Mo", "remove", "Mo is not known to be enabled in the directory."),
    ],
)
def test_a_recommendation_comes_with_its_reason(
    since: int, last: int | None, times: int, gone: str, what: str, why: str
) -> None:
    used = Used(times, None if last is None else THEN - last * DAY, THEN - since * DAY)
    said, words = recommend(used, THEN, gone=gone)
    assert (said, words.replace("\xa0", " ")) == (what, why)
    assert UNUSED == 30 * DAY


def test_the_givers_manager_is_asked_and_neither_giver_nor_receiver_ever_is(people: Any, review: Any) -> None:
    lent(people, "manager", "security")
    giver, receiver, third = (people[who].party for who in ("manager", "security", "owner"))
    (row,) = review().items.all()
    assert row.reviewer_ids == [people["manager"].manager.identity]
    named = [[party.id, party.label] for party in (giver, receiver, third)]
    asks = review(reviewers="named", named=named, escalate_to=named)
    (row,) = asks.items.all()
    assert row.reviewer_ids == [third.id]
    campaign.escalate(asks.pk)
    row.refresh_from_db()
    assert row.reviewer_ids == [third.id]
    for party in (giver, receiver):
        with pytest.raises(decide.NotAsked):
            decide.decide(by=party, item_ids=[row.pk], choice="keep")


def test_a_manager_who_decides_for_their_own_report_is_not_asked_about_it(people: Any, review: Any) -> None:
    manager = people["manager"].manager
    lends(people["manager"], manager)
    (row,) = review().items.all()
    assert row.person_id == manager.identity
    assert row.reviewer_ids == [people["administrator"].identity], "nobody else was left to ask"


def test_a_removal_calls_it_off_within_five_minutes_and_the_row_says_when(people: Any, review: Any) -> None:
    delegation = lent(people, "manager", "security")
    access_request = asked(people["requester"])
    assert active_stage(access_request) in attention.inbox(people["security"])
    made = review()
    (row,) = made.items.all()
    decide.decide(by=people["manager"].manager.party, item_ids=[row.pk], choice="remove", why=WHY)
    tasks.reviews()
    delegation.refresh_from_db()
    assert delegation.called_off_at is None, "it could still be undone"
    carried_out(row)
    delegation.refresh_from_db()
    assert row.state == "applied"
    assert row.applied_note == "Called off: Sol Marchetti does not decide in place of Mo Adeyemi any more."
    assert row.applied_at
    assert timedelta(0) < row.applied_at - row.decided_at <= timedelta(minutes=5)
    assert delegation.called_off_at == row.applied_at
    assert active_stage(access_request) not in attention.inbox(people["security"])
    event = Event.objects.get(kind="delegation.called_off")
    assert (event.actor_id, event.story, event.why) == (row.decided_by_id, made.story, WHY)
    assert event.data == {"giver": people["manager"].identity}


def test_giver_and_receiver_are_told_by_whom_and_why(people: Any, review: Any) -> None:
    lent(people, "manager", "security")
    (row,) = review().items.all()
    decide.decide(by=people["manager"].manager.party, item_ids=[row.pk], choice="remove", why=WHY)
    carried_out(row)
    told = Message.objects.filter(kind="called_off")
    assert {message.recipient_id for message in told} == {people["manager"].pk, people["security"].pk}
    assert {message.context["why"] for message in told} == {WHY}
    assert [message.context["lent_it"] for message in told.order_by("pk")] == [True, False]


def test_what_was_over_meanwhile_is_said_to_be_nothing_and_carrying_out_twice_is_once(
    people: Any, review: Any
) -> None:
    delegation = lent(people, "manager", "security")
    (row,) = review().items.all()
    decide.decide(by=people["manager"].manager.party, item_ids=[row.pk], choice="remove", why=WHY)
    cover.call_off_delegation(by=people["manager"], delegation_id=delegation.pk)
    assert carried_out(row).applied_note == "It was over already; there was nothing left to call off."
    assert take_away.carry_out(row.pk) is False
    assert Event.objects.filter(kind="delegation.called_off").count() == 1
    assert not Message.objects.filter(kind="called_off").exists()


def test_a_kept_one_holds_on_and_an_undone_removal_too(people: Any, review: Any) -> None:
    delegation = lent(people, "manager", "security")
    (row,) = review().items.all()
    by = people["manager"].manager.party
    decide.decide(by=by, item_ids=[row.pk], choice="remove", why=WHY)
    decide.undo(by=by, item_id=row.pk)
    decide.decide(by=by, item_ids=[row.pk], choice="keep")
    assert carried_out(row).state == "keep"
    delegation.refresh_from_db()
    assert delegation.called_off_at is None


def test_silence_calls_off_what_nobody_decided(people: Any, review: Any) -> None:
    delegation = lent(people, "manager", "security")
    made = review()
    with time_machine.travel(made.due_at + timedelta(minutes=1), tick=False):
        for _ in range(3):
            tasks.reviews()
    delegation.refresh_from_db()
    assert delegation.called_off_at
    assert made.items.get().decided_by_id == "system:reviews"


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ({"kinds": ["long"]}, ["Mo Adeyemi"]),
        ({"kinds": ["unused"]}, ["Mo Adeyemi", "Sol Marchetti"]),
        ({"kinds": ["nothing like that"]}, []),
        ({"groups": ["00000000-0000-0000-0000-000000000000"]}, []),
    ],
)
def test_the_scope_narrows_it(people: Any, review: Any, scope: Any, found: list[str]) -> None:
    lent(people, "manager", "director")
    lent(people, "security", "director", days=5)
    refreshed()
    assert [row.facts["giver"] for row in review(scope=scope).items.order_by("right_label")] == found


def test_many_delegations_take_no_more_statements_than_few(
    people: Any, policy: Any, django_assert_max_num_queries: Any
) -> None:
    from requests_app.reviewing_delegations import rows

    for giver in ("manager", "security", "owner", "security2"):
        lent(people, giver, "director")
    with django_assert_max_num_queries(5):
        assert len(list(rows({}))) == 4
