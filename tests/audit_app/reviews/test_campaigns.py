"""Campaigns run by the clock: begun, reminded, escalated, run out, begun again; each once, however often one looks."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import AccessReview, Event, ReviewItem
from audit_app.reviews import campaign, decide
from requests_app import tasks
from requests_app.models import DirectoryGroup, Message, Person, PolicyVersion
from tests.audit_app.reviews.conftest import Planned
from tests.audit_app.trail_makers import happened

pytestmark = pytest.mark.django_db
WHY = "They have left the project"


def kinds() -> list[str]:
    return list(
        Event.objects.filter(kind__startswith="review.").order_by("id").values_list("kind", flat=True)
    )


def test_a_planned_campaign_begins_by_the_clock_with_a_row_for_each_right_in_scope(planned: Planned) -> None:
    review = planned()
    tasks.reviews()
    review.refresh_from_db()
    assert review.state == AccessReview.State.OPEN
    assert review.policy_hash
    items = list(review.items.all())
    assert items, "nothing is reviewed"
    assert {item.facts["environment"] for item in items} == {"production"}
    assert len({item.key for item in items}) == len(items)
    assert kinds()[:2] == ["review.planned", "review.opened"]


def test_beginning_twice_is_beginning_once(planned: Planned) -> None:
    review = planned()
    first = campaign.begin(review.pk)
    assert first
    assert campaign.begin(review.pk) == 0
    assert review.items.count() == first


def test_a_campaign_of_tomorrow_does_not_begin_today(planned: Planned) -> None:
    review = planned(starts_at=now() + timedelta(days=1))
    tasks.reviews()
    review.refresh_from_db()
    assert review.state == AccessReview.State.PLANNED


def test_a_campaign_waits_while_no_policy_is_loaded_and_begins_once_one_is(planned: Planned) -> None:
    review = planned()
    active = PolicyVersion.objects.get(active=True)
    PolicyVersion.objects.update(active=False)
    assert tasks.reviews() == 0
    review.refresh_from_db()
    assert review.state == AccessReview.State.PLANNED
    PolicyVersion.objects.filter(pk=active.pk).update(active=True)
    tasks.reviews()
    review.refresh_from_db()
    assert review.state == AccessReview.State.OPEN


@pytest.mark.parametrize(
    ("scope", "only"),
    [
        ({"resources": ["prod-web-01"]}, lambda item: item.resource_label == "prod-web-01"),
        ({"environments": ["staging"]}, lambda item: item.facts["environment"] == "staging"),
        ({"people": ["guests"]}, lambda item: item.facts["guest"]),
    ],
)
def test_the_scope_narrows_what_is_reviewed(running: Planned, scope: Any, only: Any) -> None:
    assert all(only(item) for item in running(scope=scope).items.all())


def test_only_those_who_broke_the_glass_are_reviewed_where_that_is_asked_for(
    people: Any, running: Planned
) -> None:
    happened("grant.break_glass", by=people["requester"].party)
    rows = running(scope={"people": ["broke_glass"]}).items.all()
    assert {row.person_id for row in rows} == {people["requester"].identity}


def test_guests_and_those_who_broke_the_glass_are_reviewed_together(people: Any, running: Planned) -> None:
    happened("grant.break_glass", by=people["requester"].party)
    rows = running(scope={"people": ["guests", "broke_glass"]}).items.all()
    assert people["requester"].identity in {row.person_id for row in rows}
    others = [row for row in rows if row.person_id != people["requester"].identity]
    assert all(row.facts["guest"] for row in others)


def test_a_kind_of_people_nobody_offers_is_nobody(running: Planned) -> None:
    assert not running(scope={"people": ["everybody"]}).items.exists()


def test_managers_are_asked_about_their_people_and_told_once_by_mail(people: Any, running: Planned) -> None:
    review = running()
    row = review.items.filter(person_id=people["requester"].identity).first()
    assert row.reviewer_ids == [people["manager"].identity]
    told = Message.objects.filter(kind="review_started", recipient=people["manager"])
    assert told.count() == 1
    assert told.get().context["rows"] == review.items.asked_of(people["manager"].identity).count()


def test_owners_are_asked_about_their_resources(people: Any, running: Planned) -> None:
    review = running(reviewers="owner", scope={"resources": ["prod-web-01"]})
    asked = {person for item in review.items.all() for person in item.reviewer_ids}
    assert people["owner"].identity in asked


def test_nobody_is_asked_about_themself_whoever_else_is_found(people: Any, running: Planned) -> None:
    ada = people["requester"].party
    review = running(reviewers="named", named=[[ada.id, ada.label]])
    rows = review.items.filter(person_id=ada.id)
    assert rows
    assert all(row.reviewer_ids == [people["administrator"].identity] for row in rows)
    assert not review.items.asked_of(ada.id).filter(person_id=ada.id)


def test_a_reminder_goes_once_to_those_who_still_have_rows(people: Any, running: Planned) -> None:
    review = running()
    mine = review.items.asked_of(people["manager"].identity)
    with time_machine.travel(review.due_at - timedelta(days=2)):
        tasks.reviews()
        tasks.reviews()
    assert kinds().count("review.reminded") == 1
    assert Message.objects.filter(kind="review_reminder", recipient=people["manager"]).count() == bool(mine)


def test_near_the_end_others_are_asked_as_well_but_never_about_themselves(
    people: Any, running: Planned
) -> None:
    mo, sol = people["manager"].party, people["security"].party
    review = running(escalate_to=[[mo.id, mo.label], [sol.id, sol.label]])
    with time_machine.travel(review.due_at - timedelta(hours=20)):
        tasks.reviews()
        tasks.reviews()
    for item in review.items.all():
        assert sol.id in item.reviewer_ids or item.person_id == sol.id
        assert len(set(item.reviewer_ids)) == len(item.reviewer_ids)
    assert kinds().count("review.escalated") == 1


@pytest.mark.parametrize("silence", ["remove", "keep"])
def test_what_nobody_decided_goes_by_the_rule_for_silence(
    people: Any, running: Planned, silence: str
) -> None:
    review = running(silence=silence, scope={"resources": ["prod-web-01"]})
    with time_machine.travel(review.due_at + timedelta(seconds=1)):
        tasks.reviews()
    review.refresh_from_db()
    assert review.state == AccessReview.State.CLOSED
    items = list(review.items.all())
    assert {(item.state, item.decision) for item in items} == {("applied", silence)}
    assert all("Nobody decided" in item.reason for item in items)


def test_what_nobody_decided_can_be_asked_again_and_only_that(people: Any, running: Planned) -> None:
    review = running(silence="ask_again", scope={"resources": ["prod-web-01"]})
    first, *rest = review.items.all()
    reviewer = next(p for p in people.people.values() if p.identity in first.reviewer_ids)
    decide.decide(by=reviewer.party, item_ids=[first.pk], choice="keep")
    with time_machine.travel(review.due_at + timedelta(seconds=1)):
        tasks.reviews()
        again = AccessReview.objects.get(asked_again_of=review)
        assert again.state == AccessReview.State.PLANNED, (
            "it began although nobody knows who is in which group"
        )
        DirectoryGroup.objects.update(read_at=now())
        Person.objects.update(directory_read_at=now())
        tasks.reviews()
    again = AccessReview.objects.get(asked_again_of=review)
    assert again.state == AccessReview.State.OPEN
    assert {item.key for item in again.items.all()} == {item.key for item in rest}
    assert again.due_at - again.starts_at == review.due_at - review.starts_at


def test_a_campaign_that_recurs_plans_the_next_one_once(running: Planned) -> None:
    review = running(recurrence="quarterly")
    following = AccessReview.objects.get(follows=review)
    assert following.state == AccessReview.State.PLANNED
    assert following.recurrence == "quarterly"
    assert following.due_at - following.starts_at == review.due_at - review.starts_at


def test_signing_off_waits_until_everything_is_decided(people: Any, running: Planned) -> None:
    administrator = people["administrator"].party
    review = running(
        reviewers="named",
        named=[[people["auditor"].party.id, "Aud"]],
        scope={"resources": ["prod-web-01"]},
    )
    with pytest.raises(campaign.NotYet):
        campaign.sign_off(by=administrator, review=review)
    decide.decide(
        by=people["auditor"].party, item_ids=review.items.values_list("pk", flat=True), choice="keep"
    )
    campaign.sign_off(by=administrator, review=review, note="All looked at")
    tasks.reviews()
    review.refresh_from_db()
    assert (review.state, review.closed_by_id) == ("closed", administrator.id)
    assert set(review.items.values_list("state", flat=True)) == {ReviewItem.State.APPLIED}
    with pytest.raises(Stale):
        campaign.sign_off(by=administrator, review=review)


def test_a_planned_campaign_can_be_called_off_and_never_begins(people: Any, planned: Planned) -> None:
    review = planned(starts_at=now() + timedelta(days=1))
    campaign.call_off(by=people["administrator"].party, review=review, why="Made by mistake")
    assert campaign.begin(review.pk) == 0
    assert not review.items.exists()
    with pytest.raises(Stale):
        campaign.call_off(by=people["administrator"].party, review=review, why="Again")


def test_a_campaign_in_whose_scope_is_nobody_says_so_and_ends_by_itself(running: Planned) -> None:
    review = running(scope={"resources": ["no-such-thing"]})
    assert not review.items.exists()
    with time_machine.travel(review.due_at + timedelta(seconds=1)):
        tasks.reviews()
    review.refresh_from_db()
    assert review.state == AccessReview.State.CLOSED
