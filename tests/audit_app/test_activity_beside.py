"""Our writes beside Azure's rows: what is put together, what is late, what is missing, what nobody of ours did."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit_app.activity.beside import LATE, Change, Record, Write, changes, compare

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LONG_AFTER = NOON + timedelta(days=1)
OURS, OTHERS = "0d9b4c3a-5f1e-4b7e-8a37-5d0c3e2b9f41", "6f0b0f5e-3f5f-4c59-9d1b-0c2a4f3c7a10"
RULE = "latch-demo-0123456789ab-0"
GROUP = "/subscriptions/s/resourcegroups/g/providers/microsoft.network/networksecuritygroups/nsg"
OPERATION = "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def write(seconds: float = 0, **more: Any) -> Write:
    made = Write(after(seconds), "write", RULE, "nsg", "done", OURS)
    return replace(made, **more)


def row(status: str, seconds: float, verb: str = "WRITE", **more: Any) -> Record:
    made = Record(
        at=after(seconds),
        id=f"{status}-{seconds}-{verb}",
        operation_id=OURS,
        operation=OPERATION + verb,
        status=status,
        substatus="",
        caller="portal",
        address="192.0.2.1",
        correlation_id=OURS,
        entity=f"{GROUP}/securityrules/{RULE}",
    )
    return replace(made, **more)


def told(seconds: float = 0, end: str = "Success", **more: Any) -> list[Record]:
    """The rows of one change that began then."""
    steps = [("Start", 0.0), ("Accept", 0.4), (end, 2.0)]
    return [row(status, seconds + later, **more) for status, later in steps]


def standings(writes: list[Write], records: list[Record], read_at: datetime = LONG_AFTER) -> list[str]:
    return [one.standing for one in compare(writes, records, read_at).ours]


def test_the_rows_of_a_change_are_one_change() -> None:
    [change] = changes(told())
    assert [one.status for one in change.records] == ["Start", "Accept", "Success"]
    assert (change.verb, change.name, change.ended, change.failed) == ("write", RULE, True, False)


def test_changes_under_one_correlation_id_are_told_apart_by_where_each_begins() -> None:
    found = changes([*told(0), *told(60), *told(90, verb="DELETE")])
    assert [change.began for change in found] == [after(0), after(60), after(90)]


def test_rows_come_in_any_order_and_twice_and_tell_the_same() -> None:
    rows = [*told(0), *told(60)]
    assert changes([*reversed(rows), *rows]) == changes(rows)


def test_rows_of_one_instant_are_in_the_order_of_what_they_tell() -> None:
    rows = [row("Success", 0), row("Accept", 0), row("Start", 0)]
    [change] = changes(rows)
    assert change.status == "Success"


def test_two_callers_at_once_are_two_changes() -> None:
    theirs = [replace(one, caller="somebody", id=f"x{one.id}") for one in told(0.1)]
    assert len(changes([*told(), *theirs])) == 2


def test_a_write_and_its_change_are_in_both() -> None:
    found = compare([write(), write(100, verb="delete")], [*told(1.5), *told(101, verb="DELETE")], LONG_AFTER)
    assert [one.standing for one in found.ours] == ["matched", "matched"]
    assert [one.seconds for one in found.ours] == [1.5, 1.0]
    assert found.others == ()
    assert found.callers == {"portal"}


def test_each_change_answers_the_nearest_write_once() -> None:
    found = compare([write(0), write(30), write(60)], [*told(1), *told(61)], LONG_AFTER)
    assert [one.seconds for one in found.ours] == [1.0, None, 1.0]
    assert found.ours[1].standing == "missing"


@pytest.mark.parametrize(
    "unlike",
    [
        {"rule": "latch-demo-ba9876543210-0"},
        {"verb": "delete"},
        {"correlation_id": OTHERS},
        {"at": after(3600)},
    ],
)
def test_another_rule_verb_id_or_time_is_another_change(unlike: dict[str, Any]) -> None:
    found = compare([write(**unlike)], told(), LONG_AFTER)
    assert found.ours[0].standing == "missing"
    assert [change.name for change in found.others] == [RULE]


def test_case_does_not_count() -> None:
    shouted = [replace(one, entity=one.entity.upper(), correlation_id=OURS.upper()) for one in told()]
    assert standings([write()], shouted) == ["matched"]


@pytest.mark.parametrize(
    ("read_after", "standing"),
    [
        (-60, "not_yet"),
        (0, "not_yet"),
        (LATE.total_seconds() - 1, "not_yet"),
        (LATE.total_seconds(), "missing"),
    ],
)
def test_what_is_not_there_within_twenty_minutes_is_not_missing_yet(read_after: float, standing: str) -> None:
    assert standings([write()], [], after(read_after)) == [standing]


def test_what_has_begun_and_not_ended_in_the_log_is_running() -> None:
    assert standings([write()], told()[:2]) == ["running"]


@pytest.mark.parametrize(
    ("outcome", "end", "standing"),
    [
        ("done", "Success", "matched"),
        ("done", "Failure", "differs"),
        ("refused", "Failure", "matched"),
        ("refused", "Success", "differs"),
        ("unknown", "Success", "matched"),
        ("unknown", "Failure", "matched"),
    ],
)
def test_both_sides_say_the_same_of_how_it_went_or_it_is_told(outcome: Any, end: str, standing: str) -> None:
    assert standings([write(outcome=outcome)], told(end=end)) == [standing]


def test_removing_what_is_gone_counts_as_done_on_both_sides() -> None:
    rows = [row("Start", 0, "DELETE"), row("Failure", 1, "DELETE", substatus="NotFound")]
    assert standings([write(verb="delete")], rows) == ["matched"]


@pytest.mark.parametrize(
    ("outcome", "standing"), [("done", "missing"), ("refused", "refused"), ("unknown", "unsure")]
)
def test_only_what_azure_took_can_be_missing(outcome: Any, standing: str) -> None:
    assert standings([write(outcome=outcome)], []) == [standing]


def test_a_hand_that_uses_our_id_is_told_though_its_rule_is_ours() -> None:
    hand = told(40, caller="mallory@example.org")
    found = compare([write()], [*told(), *hand], LONG_AFTER)
    assert [one.standing for one in found.ours] == ["matched"]
    assert [(change.caller, change.began) for change in found.others] == [("mallory@example.org", after(40))]
    assert "mallory@example.org" not in found.callers


def test_a_change_of_the_whole_group_under_our_id_is_told() -> None:
    whole = told(10, entity=GROUP)
    found = compare([write()], [*told(), *whole], LONG_AFTER)
    assert [change.name for change in found.others] == ["nsg"]


def test_a_change_without_names_is_no_error() -> None:
    [change] = changes([row("", 0, caller="", address="", entity="", id="")])
    assert isinstance(change, Change)
    assert (change.caller, change.name, change.ended) == ("", "", False)
