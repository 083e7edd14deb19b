"""The verdict on a chaos run bites: each way of breaking a promise, made here on purpose, is told."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app.actions import end
from requests_app.models import Decision, Grant, Opening
from tests.chaos.lateness import lateness
from tests.chaos.ledger import Ledger
from tests.chaos.verdict import events, lost, unsettled
from tests.support.azure import activated, opened, read_back

pytestmark = pytest.mark.django_db
UNKNOWN = "nsg-prod-web/latch-demo-0123456789ab-1"


@pytest.fixture
def grant(people: Any, policy: Any) -> Grant:
    return read_back(activated(people))


def seen_until(grant: Grant, last: datetime) -> dict[str, Any]:
    opening = Opening.objects.select_related("container").get(grant=grant)
    kept = {"first": 0.0, "last": last.timestamp(), "description": opening.desired_spec["description"]}
    return {f"{opening.container.name}/{opening.name}": kept}


def over(grant: Grant, *, ending: int) -> datetime:
    """The grant ended this many seconds after the end people were told, which is returned."""
    told = now() - timedelta(seconds=500)
    Grant.objects.filter(pk=grant.pk).update(
        state="closed",
        ended_why="revoked",
        expires_at=told,
        hard_end=told + timedelta(seconds=120),
        ending_at=told + timedelta(seconds=ending),
        closed_at=now(),
    )
    return told


def test_a_rule_counts_from_the_end_people_were_told_however_late_the_portal_noticed(grant: Grant) -> None:
    told = over(grant, ending=100)
    found = lateness(seen_until(grant, told + timedelta(seconds=101)), [])
    assert found["worst_late_s"] == pytest.approx(101, abs=0.1)
    assert len(found["late"]) == 1


def test_a_rule_that_no_grant_knows_is_told_and_counts_by_the_end_it_bears() -> None:
    kept = {
        "first": 0.0,
        "last": 1_767_225_700.0,
        "description": "latch end=2026-01-01T00:00:00Z grant=x req=1",
    }
    found = lateness({UNKNOWN: kept}, [])
    assert found["unknown"] == found["late"] == [UNKNOWN]
    assert found["worst_late_s"] == 100.0


def test_a_rule_that_says_no_end_and_no_grant_knows_was_never_to_be_there() -> None:
    kept = {"first": 0.0, "last": 61.0, "description": "somebody wrote over it"}
    assert lateness({UNKNOWN: kept}, [])["late"] == [UNKNOWN]


def test_what_azure_did_counts_from_its_fault_s_end_and_is_told_apart(grant: Grant) -> None:
    told = over(grant, ending=0)
    failing = {"what": "azure busy", "from": told.timestamp() - 5, "to": told.timestamp() + 90}
    excused = lateness(seen_until(grant, told + timedelta(seconds=95)), [failing])
    assert (excused["worst_late_s"], excused["worst_late_after_azure_s"], excused["late"]) == (0.0, 5.0, [])
    assert lateness(seen_until(grant, told + timedelta(seconds=151)), [failing])["late"]


def test_a_fault_that_was_over_before_a_rule_s_end_excuses_nothing(grant: Grant) -> None:
    told = over(grant, ending=0)
    before = {"what": "azure busy", "from": told.timestamp() - 50, "to": told.timestamp() - 1}
    assert lateness(seen_until(grant, told + timedelta(seconds=61)), [before])["late"]


def test_a_grant_that_stays_open_when_all_is_quiet_is_told(grant: Grant) -> None:
    assert unsettled() == [f"{grant.uid} open"]


def test_an_end_and_an_extension_that_were_answered_and_never_told_are_lost(
    grant: Grant, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for kind in ("activated", "ended", "shortened", "extending"):
        ledger.keep(kind, pk=grant.pk)
    assert [words.split()[0] for words in lost(ledger)] == ["ended", "shortened", "extending"]
    end.end_now(by=grant.person, grant_id=grant.pk)
    assert [words.split()[0] for words in lost(ledger)] == ["shortened", "extending"]


def test_a_vote_is_lost_even_where_another_one_of_its_stage_is_kept(grant: Grant, tmp_path: Path) -> None:
    vote, ledger = Decision.objects.earliest("pk"), Ledger(tmp_path / "ledger.jsonl")
    ledger.keep("decision", stage=vote.stage_id, person=vote.person_id)
    assert lost(ledger) == []
    ledger.keep("decision", stage=vote.stage_id, person=grant.person_id)
    assert len(lost(ledger)) == 1


def test_a_sound_story_lacks_nothing_and_tells_nothing_twice(people: Any, policy: Any, azure: Any) -> None:
    opened(people)
    assert events() == ([], [])


@pytest.mark.parametrize("kind", ["request.submitted", "decision.approved", "grant.activated"])
def test_an_event_told_twice_is_told(grant: Grant, kind: str) -> None:
    event = Event.objects.filter(kind=kind).latest("id")
    again = {field.name: getattr(event, field.name) for field in Event._meta.fields}
    Event.objects.create(**{name: value for name, value in again.items() if name not in ("id", "uid")})
    missing, doubled = events()
    assert [words.endswith(kind) for words in doubled] == [True]
    # The row is as if it was read back from Azure, which no event says.
    assert missing == [f"grant {grant.uid} grant.opened"]
