"""The grants' and requests' files: one row each, every time on it. The story is told by the real actions."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from audit_app import exports
from audit_app.clock import now
from requests_app.models import AccessRequest, Decision, Entitlement, Grant, RequestItem, Stage
from tests.support.azure import asked
from tests.support.glass import broken
from tests.support.windows import agreed, in_hours

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(policy: Any, requester: Any, manager: Any, security: Any) -> Grant:
    """A grant that was asked for, approved twice, opened and closed, each a minute after the other."""
    start = now() - timedelta(hours=1)

    def at(minute: int) -> Any:
        return start + timedelta(minutes=minute)

    entitlement = Entitlement.objects.select_related("resource").order_by("pk")[0]
    asked = AccessRequest.objects.create(
        requester=requester,
        state="approved",
        reason="=cmd|' /C calc'!A0",
        duration=timedelta(minutes=30),
        source_address="81.2.69.142",
        submitted_at=at(0),
        decided_at=at(2),
        activate_within=timedelta(hours=1),
        policy_hash="p",
        correlation_id="c",
        submission_key=uuid4(),
    )
    item = RequestItem.objects.create(access_request=asked, entitlement=entitlement, verdict={})
    for position, person in enumerate((manager, security)):
        stage = Stage.objects.create(
            access_request=asked,
            position=position,
            step=position,
            name=f"s{position}",
            title=f"Stage {position}",
            approver_kind="manager",
            lapse_after=timedelta(hours=1),
            state="approved",
        )
        Decision.objects.create(
            access_request=asked, stage=stage, person=person, vote="approve", decided_at=at(position + 1)
        )
    return Grant.objects.create(
        item=item,
        access_request=asked,
        person=requester,
        entitlement=entitlement,
        state="closed",
        source_address="81.2.69.142",
        duration=timedelta(minutes=30),
        policy_hash="p",
        issued_at=at(2),
        activate_by=at(60),
        activated_at=at(3),
        opened_at=at(4),
        expires_at=at(34),
        hard_end=at(36),
        ending_at=at(34),
        closed_at=at(34) + timedelta(seconds=1.5),
        ended_why="expired",
    )


def rows(name: str, by: Any, **filters: str) -> list[dict[str, str]]:
    made = exports.start(by=by.party, of=exports.dataset(name), filters=filters)
    body = b"".join(exports.stream(made)).decode("utf-8")
    return list(csv.DictReader(io.StringIO(body, newline="")))


def stamp(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "")


def test_grant_is_one_row_with_every_time(grant: Grant, auditor: Any) -> None:
    (row,) = rows("grants", auditor)
    asked = grant.access_request
    times = {
        "asked_at": asked.submitted_at,
        "decided_at": asked.decided_at,
        "issued_at": grant.issued_at,
        "activated_at": grant.activated_at,
        "opened_at": grant.opened_at,
        "expires_at": grant.expires_at,
        "ended_at": grant.ending_at,
        "closed_at": grant.closed_at,
    }
    for name, moment in times.items():
        assert row[name].startswith(stamp(moment).rstrip("0")), f"{name} is {row[name]}, not {moment}"
    assert float(row["close_lag_seconds"]) == 1.5
    assert row["minutes"] == "30"
    said = {
        "person": str(grant.person),
        "source": "81.2.69.142",
        "ended_why": "expired",
        "grant": str(grant.uid),
    }
    assert {name: row[name] for name in said} == said
    assert (row["resource"], row["entitlement"]) == (grant.entitlement.resource.name, grant.entitlement.name)


def test_each_decision_is_told_in_order(grant: Grant, auditor: Any, manager: Any, security: Any) -> None:
    first, second = rows("grants", auditor)[0]["decisions"].split("; ")
    assert f"{manager} approve (Stage 0)" in first
    assert f"{security} approve (Stage 1)" in second
    assert rows("requests", auditor)[0]["decisions"].startswith(first)


def test_a_decision_made_in_somebodys_place_says_in_whose(grant: Grant, auditor: Any, director: Any) -> None:
    vote = Decision.objects.first()
    assert vote
    Decision.objects.filter(pk=vote.pk).update(in_place_of=director)
    assert f"{vote.person} for {director} approve" in rows("grants", auditor)[0]["decisions"]


def test_reason_of_a_requester_is_no_formula_for_the_auditor(grant: Grant, auditor: Any) -> None:
    for name in ("grants", "requests"):
        assert rows(name, auditor)[0]["reason"] == "'=cmd|' /C calc'!A0"


@pytest.mark.parametrize("name", ["grants", "requests"])
def test_filter_lets_through_by_person_resource_and_period(grant: Grant, auditor: Any, name: str) -> None:
    person, resource = str(grant.person)[:4].lower(), grant.entitlement.resource.name[-4:]
    later = (now() + timedelta(days=1)).isoformat()
    assert len(rows(name, auditor, person=person, resource=resource, until=later)) == 1
    assert rows(name, auditor, person="nobody of this name") == []
    assert rows(name, auditor, resource="no such thing") == []
    assert rows(name, auditor, since=later) == []


def test_who_broke_the_glass_is_told_in_both(people: Any, policy: Any, auditor: Any) -> None:
    broken(people["ben"])
    asked(people["requester"])
    assert [row["break_glass"] for row in rows("grants", auditor)] == ["true"]
    assert [row["break_glass"] for row in rows("requests", auditor)] == ["true", "false"]


def test_what_was_asked_for_later_tells_its_windows(people: Any, policy: Any, auditor: Any) -> None:
    access_request = agreed(people, in_hours(30, every="day", times=2))
    asked(people["requester"])
    starts = [f"{start:%Y-%m-%dT%H:%M:%SZ}" for start in access_request.starts]
    assert [row["windows"] for row in rows("requests", auditor)] == ["; ".join(starts), ""]
    told = [(row["activate_from"][:16], row["closes_by"][:16]) for row in rows("grants", auditor)]
    assert told == [(stamp(one.starts_at)[:16], stamp(one.ends_at)[:16]) for one in access_request.windows]


def test_whoever_asked_for_somebody_else_is_found_by_their_name_too(
    people: Any, policy: Any, auditor: Any
) -> None:
    asker, holder = people["requester"], people["ben"]
    access_request = asked(holder)
    AccessRequest.objects.filter(pk=access_request.pk).update(asked_by=asker)
    found = [row["person"] for row in rows("requests", auditor, person=str(asker))]
    assert found == [str(holder)]
