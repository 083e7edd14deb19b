"""Breaking the glass: what is true afterwards in rows, trail, messages, review and Azure; and every refusal."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from audit_app import origin
from audit_app.clock import now
from audit_app.models import AccessReview, Alert, Event, ReviewItem
from audit_app.reviews import decide, timekeeper
from audit_app.tasks import watch
from requests_app.actions import policy as policies
from requests_app.actions import take_away
from requests_app.actions.end import end_now
from requests_app.actions.reopen import open_again
from requests_app.converge import converge
from requests_app.errors import Refused, SignInNeeded
from requests_app.models import (
    AccessRequest,
    Arming,
    Entitlement,
    Grant,
    Message,
    NoticeChoices,
    Opening,
    Person,
)
from tests.audit_app.trail_makers import placed
from tests.support.azure import SSH, address_of, containers, read_back
from tests.support.glass import WHY, broken, proof

pytestmark = pytest.mark.django_db


def told(kind: str = "break_glass") -> set[str]:
    return {str(one.recipient) for one in Message.objects.filter(kind=kind)}


def names(*people: Person) -> set[str]:
    return {str(one) for one in people}


def test_it_is_opening_with_nobody_asked(people: Any, policy: Any) -> None:
    access_request = broken(people["ben"])
    access_request.refresh_from_db()
    grant = Grant.objects.get()
    assert (access_request.state, access_request.break_glass) == ("approved", True)
    assert not access_request.stages.exists()
    assert (grant.state, grant.break_glass, grant.duration) == ("opening", True, timedelta(minutes=30))
    assert Opening.objects.filter(grant=grant, desired="present").count() == 1
    assert not access_request.codes.filter(spent_at__isnull=True).exists()


def test_the_trail_says_who_broke_it_why_and_who_was_skipped(people: Any, policy: Any) -> None:
    access_request = broken(people["ben"])
    event = Event.objects.get(kind="grant.break_glass")
    assert (event.actor_id, event.why) == (people["ben"].identity, WHY)
    assert (event.object_label, event.story) == ("SSH to prod-web-01", access_request.story)
    stages = {one["stage"]: set(one["people"]) for one in event.data["skipped"]}
    assert stages["Security"] >= {people["security"].identity, people["security2"].identity}
    assert stages["Manager"] == {people["ben"].manager.identity}
    assert people["administrator"].identity in event.data["told"]
    assert Event.objects.get(kind="request.submitted").data["break_glass"] is True


def test_whoever_was_skipped_and_every_administrator_is_told_at_once(people: Any, policy: Any) -> None:
    for person in Person.objects.all():
        # Whatever people chose: everything off, and quiet for the whole day but a minute.
        NoticeChoices.objects.create(
            person=person, levels={}, quiet_from="00:00", quiet_to="23:59", time_zone="UTC"
        )
    access_request = broken(people["ben"])
    everybody = [people[one] for one in ("security", "security2", "administrator")] + [people["ben"].manager]
    assert told() == names(*everybody)
    assert set(access_request.alerted.all()) == set(everybody)
    due = Message.objects.filter(kind="break_glass").values_list("due_at", "created_at", "digest")
    assert all(at <= made and not digest for at, made, digest in due)
    # They may see what they were told of, and nobody else.
    for person in everybody:
        assert AccessRequest.objects.visible_to(person).filter(pk=access_request.pk).exists()
    assert not AccessRequest.objects.visible_to(people["outsider"]).exists()
    # Nobody is told that it was approved: nobody agreed.
    assert not Message.objects.filter(kind="decided").exists()


def test_a_review_of_exactly_this_runs_and_is_due_in_a_day(people: Any, policy: Any) -> None:
    access_request = broken(people["ben"])
    review = AccessReview.objects.get()
    assert (review.state, review.silence) == ("open", "ask_again")
    assert review.due_at - access_request.submitted_at == timedelta(hours=24)
    item = review.items.get()
    assert (item.person_id, item.right_key) == (people["ben"].identity, SSH)
    assert people["security"].identity in item.reviewer_ids
    assert people["ben"].identity not in item.reviewer_ids
    assert WHY in item.recommendation_why


def test_a_review_that_nobody_decides_is_asked_again(people: Any, policy: Any) -> None:
    broken(people["ben"])
    with time_machine.travel(now() + timedelta(hours=24, seconds=1), tick=False):
        timekeeper.keep_time()
        timekeeper.keep_time()
        again = AccessReview.objects.get(state="open")
        assert again.asked_again_of == AccessReview.objects.get(state="closed")
        assert again.items.get().state == "undecided"
        assert again.due_at - now() == timedelta(hours=24)
    assert told("review_started") >= names(people["security"])


def test_a_review_that_says_no_takes_the_right_and_the_opening(people: Any, policy: Any) -> None:
    broken(people["ben"])
    item = ReviewItem.objects.get()
    decide.decide(by=people["security"].party, item_ids=[item.pk], choice="remove", why="No emergency")
    assert take_away.carry_out(item.pk)
    grant = Grant.objects.get()
    assert grant.state == "closing"
    # Taken away stays taken away, glass or not.
    grant.openings.update(desired="absent")
    with pytest.raises(Refused) as refused:
        broken(people["ben"])
    assert refused.value.check == "It was not taken away from you"


def test_azure_opens_it_and_closes_it_on_time(people: Any, policy: Any, azure: Any) -> None:
    broken(people["ben"])
    for container in containers():
        converge(container.pk)
    grant = Grant.objects.get()
    assert grant.state == "open"
    assert told("opened") == names(people["ben"])
    assert grant.expires_at - grant.opened_at == timedelta(minutes=30)


def test_an_alert_is_raised(people: Any, policy: Any) -> None:
    broken(people["ben"])
    placed()
    watch()
    alert = Alert.objects.get(rule="break_glass")
    assert WHY in alert.sentence


def test_the_same_form_sent_twice_breaks_it_once(people: Any, policy: Any) -> None:
    key = uuid4()
    first = broken(people["ben"], submission_key=key)
    assert broken(people["ben"], submission_key=key) == first
    assert Grant.objects.count() == AccessReview.objects.count() == 1
    assert Event.objects.filter(kind="grant.break_glass").count() == 1


def test_one_at_a_time_for_each_person_and_entitlement(people: Any, policy: Any) -> None:
    broken(people["ben"])
    with pytest.raises(Refused) as refused:
        broken(people["ben"])
    assert refused.value.check == "once at a time"
    broken(people["ben"], key="prod-web-02-ssh")
    broken(people["leila"])
    assert Grant.objects.count() == 3
    end_now(by=people["ben"], grant_id=Grant.objects.get(person=people["ben"], entitlement__key=SSH).pk)
    broken(people["ben"])


def test_the_database_keeps_it_to_one_at_a_time(people: Any, policy: Any) -> None:
    broken(people["ben"])
    other = broken(people["ben"], key="prod-web-02-ssh")
    with pytest.raises(IntegrityError), transaction.atomic():
        other.grants.update(entitlement=Entitlement.objects.get(key=SSH))


NOTHING = (AccessRequest, Grant, Opening, Message, AccessReview)


@pytest.mark.parametrize(
    ("who", "more", "check"),
    [
        ("requester", {}, "A rule lets you ask for it"),
        ("outsider", {}, "A rule lets you ask for it"),
        ("security", {}, "A rule lets you ask for it"),
        ("ben", {"key": "staging-api-01-ssh"}, "A rule lets you ask for it"),
        ("ben", {"minutes": 31}, "The duration is allowed"),
        ("ben", {"minutes": 0}, "The duration is allowed"),
        ("ben", {"reason": "It burns"}, "A reason is given"),
        ("ben", {"reason": "   "}, "A reason is given"),
        ("ben", {"observed": "198.51.100.99"}, None),
    ],
)
def test_policy_says_no_and_nothing_is_half_done(
    who: str, more: dict[str, Any], check: str | None, people: Any, policy: Any
) -> None:
    if more.get("key") and not Entitlement.objects.filter(key=more["key"]).exists():
        more = {**more, "key": Entitlement.objects.exclude(resource__environment="production")[0].key}
    with pytest.raises(Refused) as refused:
        broken(people[who], **more)
    assert check is None or refused.value.check == check
    assert not any(model.objects.exists() for model in NOTHING)
    event = Event.objects.get(kind="glass.refused")
    assert (event.outcome, event.data["check"]) == ("refused", refused.value.check)


@pytest.mark.parametrize("sign_in", [None, {}, {"acrs": ["c1"]}, "old", "weak"])
def test_only_a_fresh_and_strong_sign_in_will_do(sign_in: Any, people: Any, policy: Any) -> None:
    shown = (
        {"old": proof("c1", ago=16), "weak": proof("c2")}.get(sign_in)
        if isinstance(sign_in, str)
        else sign_in
    )
    with pytest.raises(SignInNeeded) as needed:
        broken(people["ben"], sign_in=shown)
    assert needed.value.contexts == ("c1",)
    assert not any(model.objects.exists() for model in NOTHING)
    assert not Event.objects.filter(kind="glass.refused").exists()


def test_nobody_is_sent_to_sign_in_for_what_is_refused_all_the_same(people: Any, policy: Any) -> None:
    with pytest.raises(Refused) as refused:
        broken(people["ben"], sign_in=None, reason="It burns")
    assert not isinstance(refused.value, SignInNeeded)


def test_while_the_portal_only_closes_no_glass_is_broken(people: Any, policy: Any) -> None:
    Arming.objects.all().delete()
    with pytest.raises(Refused) as refused:
        broken(people["ben"])
    assert refused.value.check == "armed"
    assert not any(model.objects.exists() for model in NOTHING)


def test_where_nobody_could_be_told_it_stays_whole(people: Any, policy: Any) -> None:
    Person.objects.exclude(pk=people["ben"].pk).update(mail="")
    with pytest.raises(Refused) as refused:
        broken(people["ben"])
    assert refused.value.check == "somebody is told"
    assert not any(model.objects.exists() for model in NOTHING)


def test_an_administrator_who_breaks_it_is_neither_told_nor_asked(people: Any, policy: Any) -> None:
    ben = people["ben"]
    ben.groups.add(Group.objects.get(name="Latch.Admin"))
    broken(ben)
    assert str(ben) not in told()
    assert ben.identity not in ReviewItem.objects.get().reviewer_ids


def test_a_directory_that_stands_still_says_no(people: Any, policy: Any) -> None:
    Person.objects.update(directory_read_at=now() - timedelta(minutes=6))
    with pytest.raises(Refused):
        broken(people["ben"])
    assert not any(model.objects.exists() for model in NOTHING)


def test_without_a_usual_way_the_manager_and_the_owner_are_told(people: Any, policy: Any) -> None:
    documents = dict(policy.documents)
    usual = "    for: {groups: [engineering]}\n    entitlements: {tags: [ssh, rdp]"
    assert usual in documents["rules.yaml"]
    documents["rules.yaml"] = documents["rules.yaml"].replace(usual, usual.replace("engineering", "security"))
    policies.load(by=people["administrator"].party, documents=documents)
    broken(people["ben"])
    assert told() == names(people["ben"].manager, people["owner"], people["administrator"])
    stages = {one["stage"] for one in Event.objects.get(kind="grant.break_glass").data["skipped"]}
    assert stages == {"Manager", "Owner"}


def test_a_demand_of_a_usual_rule_at_this_moment_counts_as_well(people: Any, policy: Any) -> None:
    documents = dict(policy.documents)
    old = "    conditions:\n      - guests: refused\n      - reason: {min_length: 10}\n"
    assert old in documents["rules.yaml"]
    more = f"{old}      - sign_in: {{context: c7, at: [break_glass]}}\n"
    documents["rules.yaml"] = documents["rules.yaml"].replace(old, more, 1)
    policies.load(by=people["administrator"].party, documents=documents)
    with pytest.raises(SignInNeeded) as needed:
        broken(people["ben"])
    assert needed.value.contexts == ("c1", "c7")
    broken(people["ben"], sign_in=proof("c1", "c7"))


def test_open_again_asks_by_the_rules_of_an_emergency(people: Any, policy: Any) -> None:
    broken(people["ben"])
    grant = read_back(Grant.objects.get())
    grant.openings.update(desired="absent", observed="absent")
    moment = now()
    Grant.objects.filter(pk=grant.pk).update(
        state="closed", ended_why="removed_in_azure", ending_at=moment, closed_at=moment
    )
    act = {"by": people["ben"], "grant_id": grant.pk}
    with origin.origin(source_address=address_of(people["ben"])):
        with pytest.raises(SignInNeeded):
            open_again(**act, sign_in=proof("c2"))
        again = open_again(**act, sign_in=proof())
    assert (again.break_glass, again.again_of_id) == (True, grant.pk)
