"""While a request waits: who may decide, who is away, who stands in, and what time does to it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app import attention, deciders, tasks
from requests_app.actions import cover, decide
from requests_app.actions.policy import load
from requests_app.errors import Gone, Invalid, Refused
from requests_app.models import Absence, Decision, Delegation, Message, Person, Stage
from tests.support.azure import active_stage, asked
from tests.support.environment import ORGANISATION
from tests.support.fresh import proved
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def stage_says(administrator: Person, name: str, *lines: str) -> None:
    """The demo's policy is in force, its stage of that name with these lines instead; `key:` alone leaves one out."""
    files = sorted((ORGANISATION / "policy").glob("*.yaml"))
    documents = {path.name: path.read_text(encoding="utf-8") for path in files}
    said = f"  - name: {name}\n"
    more = said + "".join(f"    {line}\n" for line in lines if not line.endswith(":"))
    stages, gone = documents["stages.yaml"], {line.split(":")[0] for line in lines}
    head, tail = stages.split(said)
    own, *rest = tail.split("  - name: ")
    kept = "".join(line + "\n" for line in own.splitlines() if line.strip().split(":")[0] not in gone)
    documents["stages.yaml"] = head + more + "  - name: ".join([kept, *rest])
    load(by=administrator.party, documents=documents)


def away(person: Person, *, hours: float = 24, starts: float = -1) -> Absence:
    moment = now()
    return cover.be_away(
        by=person,
        starts_at=moment + starts * HOUR,
        ends_at=moment + hours * HOUR,
    )


def lends(giver: Person, receiver: Person, *, hours: float = 24, starts: float = -1) -> Delegation:
    moment = now()
    return cover.lend(
        by=giver,
        to=receiver.user_principal_name,
        starts_at=moment + starts * HOUR,
        ends_at=moment + hours * HOUR,
    )


def later(moment: Any, **delta: float) -> Any:
    return time_machine.travel(moment + timedelta(**delta), tick=False)


def refreshed() -> None:
    """The directory copy is as fresh as the moment."""
    Person.objects.update(directory_read_at=now())
    from requests_app.models import DirectoryGroup

    DirectoryGroup.objects.update(read_at=now())


def told(kind: str, person: Person) -> int:
    return Message.objects.filter(kind=kind, recipient=person).count()


# Standing in


def test_a_stand_in_finds_it_in_their_inbox_and_decides_in_the_other_ones_place(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    stage = active_stage(access_request)
    assert stage in attention.inbox(people["director"])
    decide.decide(by=people["director"], stage_id=stage.pk, vote="approve")
    vote = Decision.objects.get()
    assert (vote.person, vote.in_place_of) == (people["director"], people["manager"])
    event = Event.objects.get(kind="decision.approved")
    assert event.data["in_place_of"] == people["manager"].identity


def test_a_voice_is_heard_once_whoever_speaks_with_it(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["security"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    security = active_stage(access_request)
    assert security.name == "security"
    # Sol could decide it as Sol; what Mo lent is used up, and does not count a second time.
    standing = deciders.standing(people["security"], security, access_request, now())
    assert standing
    assert standing.in_place_of is None
    lends(people["security2"], people["manager"])
    assert security not in attention.inbox(people["manager"])
    refused(
        Refused,
        "already decided once",
        "decision.refused",
        lambda: decide.decide(by=people["manager"], stage_id=security.pk, vote="approve"),
    )


def test_who_spoke_for_somebody_leaves_them_nothing_to_decide(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    decide.decide(by=people["director"], stage_id=active_stage(access_request).pk, vote="approve")
    stage = active_stage(access_request)
    Stage.objects.filter(pk=stage.pk).update(approver_kind="manager", approver_group=None)
    assert stage not in attention.inbox(people["manager"])
    refused(
        Refused,
        "in your place",
        "decision.refused",
        lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve"),
    )


def test_nobody_decides_their_own_request_through_somebody_elses_right(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["requester"])
    stage = active_stage(access_request)
    assert stage not in attention.inbox(people["requester"])
    refused(
        Refused,
        "own request",
        "decision.refused",
        lambda: decide.decide(by=people["requester"], stage_id=stage.pk, vote="approve"),
    )


def test_who_stands_in_for_the_requester_does_not_decide_the_requesters_request(people: Any) -> None:
    Person.objects.filter(pk=people["security"].pk).update(manager=people["manager"])
    access_request = asked(
        people["security"], key="prod-logs-01-search", reason="Follow the traces of an incident"
    )
    lends(people["security"], people["outsider"])
    stage = active_stage(access_request)
    Stage.objects.filter(pk=stage.pk).update(
        approver_kind="group",
        approver_group=people["security"].groups_read.get(name__icontains="security").oid,
    )
    stage.refresh_from_db()
    assert stage not in attention.inbox(people["outsider"])
    assert deciders.standing(people["outsider"], stage, access_request, now()) is None


@pytest.mark.parametrize(("hours", "starts"), [(-0.1, -1), (3, 2)], ids=["over", "not yet"])
def test_a_right_is_lent_for_its_time_alone(people: Any, hours: float, starts: float) -> None:
    access_request = asked(people["requester"])
    moment = now()
    Delegation.objects.create(
        giver=people["manager"],
        receiver=people["director"],
        starts_at=moment + starts * HOUR,
        ends_at=moment + hours * HOUR,
        made_at=moment,
    )
    stage = active_stage(access_request)
    assert stage not in attention.inbox(people["director"])
    assert deciders.standing(people["director"], stage, access_request, now()) is None


def test_a_delegation_called_off_lends_nothing_any_more(people: Any) -> None:
    access_request = asked(people["requester"])
    lent = lends(people["manager"], people["director"])
    cover.call_off_delegation(by=people["director"], delegation_id=lent.pk)
    assert active_stage(access_request) not in attention.inbox(people["director"])
    with pytest.raises(Gone, match="over already"):
        cover.call_off_delegation(by=people["director"], delegation_id=lent.pk)


def test_a_right_that_was_lent_is_not_passed_on(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    lends(people["director"], people["outsider"])
    assert active_stage(access_request) not in attention.inbox(people["outsider"])


def test_somebody_disabled_lends_nothing_and_is_lent_nothing(people: Any) -> None:
    access_request = asked(people["requester"])
    lends(people["manager"], people["director"])
    stage = active_stage(access_request)
    for one in ("manager", "director"):
        Person.objects.filter(pk=people[one].pk).update(enabled=False)
        assert stage not in attention.inbox(Person.objects.get(pk=people["director"].pk))
        Person.objects.filter(pk=people[one].pk).update(enabled=True)


@pytest.mark.parametrize(
    ("to", "error", "words"),
    [
        ("manager", Refused, "yourself already"),
        ("guest", Refused, "is a guest"),
        ("disabled", Refused, "not known to be enabled"),
    ],
)
def test_not_everybody_can_stand_in(people: Any, to: str, error: Any, words: str) -> None:
    refused(error, words, "delegation.refused", lambda: lends(people["manager"], people[to]))


def test_a_circle_of_delegations_is_refused_over_however_many_people(people: Any) -> None:
    lends(people["manager"], people["director"])
    lends(people["director"], people["security"])
    refused(Refused, "circle", "delegation.refused", lambda: lends(people["security"], people["manager"]))
    lends(people["security"], people["manager"], starts=25, hours=30)


@pytest.mark.parametrize(
    ("starts", "hours", "words"),
    [(2, 1, "end after it begins"), (-3, -1, "over already"), (0, 24 * 181, "At most 180 days")],
)
def test_times_that_make_no_sense_are_said(people: Any, starts: float, hours: float, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        away(people["manager"], starts=starts, hours=hours)
    with pytest.raises(Invalid, match=words):
        lends(people["manager"], people["director"], starts=starts, hours=hours)


def test_a_name_nobody_has_is_said(people: Any) -> None:
    with pytest.raises(Invalid, match="Nobody here signs in as"):
        cover.lend(by=people["manager"], to="no.one@example.com", starts_at=now(), ends_at=now() + HOUR)


def test_an_administrator_may_say_that_somebody_is_away_and_nobody_else_may(people: Any) -> None:
    span = {"starts_at": now(), "ends_at": now() + HOUR, "person": people["manager"]}
    cover.be_away(by=people["administrator"], **span)
    refused(Refused, "themself", "absence.refused", lambda: cover.be_away(by=people["outsider"], **span))


# Being away


def test_nobody_waits_on_somebody_who_is_away_without_saying_so(people: Any) -> None:
    away(people["manager"])
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    checks = access_request.items.get().verdict["checks"]
    said = next(check for check in checks if check["name"] == "stage_manager")
    assert (said["outcome"], "Mo" in said["reason"]) == ("warn", True)
    assert stage.nobody_since is not None
    event = Event.objects.get(kind="stage.nobody_there")
    assert "is away until" in event.why
    assert told("nobody_there", people["requester"]) == 1
    # Away is not gone: Mo may decide all the same.
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve")


def test_an_absence_that_begins_while_a_request_waits_is_seen_within_minutes(people: Any) -> None:
    access_request = asked(people["requester"])
    away(people["manager"])
    with later(now(), minutes=6):
        refreshed()
        tasks.deadlines()
        tasks.deadlines()
    assert active_stage(access_request).nobody_since is not None
    assert Event.objects.filter(kind="stage.nobody_there").count() == 1
    cover.call_off_absence(by=people["manager"], absence_id=Absence.objects.get().pk)
    with later(now(), minutes=12):
        refreshed()
        tasks.deadlines()
    assert active_stage(access_request).nobody_since is None


def test_alternates_join_at_once_where_everybody_is_away(people: Any, administrator: Person) -> None:
    stage_says(administrator, "manager", "escalate: {after: 30m, to: {group: security}}")
    away(people["manager"])
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    assert stage.escalated_at is not None
    assert stage.nobody_since is None
    assert stage in attention.inbox(people["security"])
    assert told("approval_needed", people["security"]) == 1
    assert "is away until" in Event.objects.get(kind="stage.escalated").why
    decide.decide(by=people["security"], stage_id=stage.pk, vote="approve")
    refused(
        Refused,
        "already decided once",
        "decision.refused",
        lambda: decide.decide(
            by=people["security"], stage_id=active_stage(access_request).pk, vote="approve"
        ),
    )


# Timers


def test_it_reminds_then_escalates_then_lapses(people: Any, administrator: Person) -> None:
    stage_says(
        administrator,
        "manager",
        "remind_every: 15m",
        "escalate: {after: 30m, to: {group: security}}",
        "lapse_after: 1h",
    )
    began = now()
    with time_machine.travel(began, tick=False):
        access_request = asked(people["requester"])
    stage = active_stage(access_request)
    told_of = lambda: told("approval_needed", people["manager"])  # noqa: E731
    assert (told_of(), stage.escalated_at) == (1, None)
    for minutes, mails, escalated in [
        (14, 1, False),
        (16, 2, False),
        (29, 2, False),
        (31, 3, True),
        (47, 4, True),
    ]:
        with later(began, minutes=minutes):
            refreshed()
            tasks.deadlines()
            tasks.deadlines()
            stage.refresh_from_db()
            assert (told_of(), stage.escalated_at is not None) == (mails, escalated), f"after {minutes} min"
    with later(began, minutes=61):
        tasks.deadlines()
    access_request.refresh_from_db()
    assert access_request.state == "lapsed"
    assert told("lapsed", people["requester"]) == 1
    kinds = list(Event.objects.filter(story=access_request.story).values_list("kind", flat=True))
    assert kinds.count("stage.escalated") == 1


def test_an_alternate_decides_nothing_before_the_stage_escalated(people: Any, administrator: Person) -> None:
    stage_says(administrator, "manager", "escalate: {after: 30m, to: {group: security}}")
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    assert stage not in attention.inbox(people["security"])
    refused(
        Refused,
        "not among those",
        "decision.refused",
        lambda: decide.decide(by=people["security"], stage_id=stage.pk, vote="approve"),
    )


# Together, all of them


def test_stages_of_one_step_wait_at_the_same_time_and_one_denial_ends_both(
    people: Any, administrator: Person
) -> None:
    stage_says(administrator, "security", "together_with: owner")
    access_request = asked(
        people["yuki"],
        key="prod-db-01-psql",
        sign_in=proved(),
        ticket="CHG-2214",
        reason="Repair the index of orders",
    )
    both = list(access_request.stages.filter(state="active").order_by("position"))
    assert [stage.name for stage in both] == ["owner", "security"]
    decide.decide(by=people["security"], stage_id=both[1].pk, vote="approve")
    access_request.refresh_from_db()
    assert access_request.state == "pending"
    decide.decide(by=people["owner"], stage_id=both[0].pk, vote="deny", reason="Not tonight")
    access_request.refresh_from_db()
    assert access_request.state == "denied"
    assert list(access_request.stages.values_list("state", flat=True)) == ["denied", "approved"]


def test_both_of_one_step_have_to_agree(people: Any, administrator: Person) -> None:
    stage_says(administrator, "security", "together_with: owner")
    access_request = asked(
        people["yuki"],
        key="prod-db-01-psql",
        sign_in=proved(),
        ticket="CHG-2214",
        reason="Repair the index of orders",
    )
    owner, security = access_request.stages.order_by("position")
    decide.decide(by=people["owner"], stage_id=owner.pk, vote="approve")
    decide.decide(by=people["security"], stage_id=security.pk, vote="approve")
    access_request.refresh_from_db()
    assert access_request.state == "approved"


def test_all_means_all_who_may_decide(people: Any, administrator: Person) -> None:
    stage_says(administrator, "security", "quorum: all", "escalate:")
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    stage = active_stage(access_request)
    for one in ("security", "security2"):
        access_request.refresh_from_db()
        assert access_request.state == "pending"
        decide.decide(by=people[one], stage_id=stage.pk, vote="approve")
    access_request.refresh_from_db()
    assert access_request.state == "approved"


def test_a_vote_in_a_stage_that_was_decided_meanwhile_is_stale(people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve")
    with pytest.raises(Stale, match="came too late"):
        decide.decide(by=people["director"], stage_id=stage.pk, vote="approve")
