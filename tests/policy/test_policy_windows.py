"""Later and several times: how clock times become windows, what policy says of them, and what a file may say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from requests_app.policy.evaluate import eligible, evaluate
from requests_app.policy.windows import Later, NoSuchTime, Plan, plan
from tests.policy.makers import MONDAY_NOON, attempt, entitlement, faults, files, person, policy, refused_by
from tests.policy.makers import rule as one_more_rule

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULE = """\
rules:
  - name: engineers
    for: {groups: [engineering]}
    entitlements: {tags: [ssh]}
    max_duration: 4h
    stages: [manager]
"""
LATER = policy(rules=RULE + "    later: {ahead: 30d, windows: 3}\n")


def clock(text: str) -> datetime:
    """A clock time, of no zone."""
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(*texts: str, zone: str = "UTC", every: str = "") -> Plan:
    return Plan(tuple(utc(text) for text in texts), zone, every)


@pytest.mark.parametrize(
    ("every", "starts"),
    [
        ("day", ["2026-11-27 21:00", "2026-11-28 21:00", "2026-11-29 21:00"]),
        ("workday", ["2026-11-27 21:00", "2026-11-30 21:00", "2026-12-01 21:00"]),
        ("week", ["2026-11-27 21:00", "2026-12-04 21:00", "2026-12-11 21:00"]),
        ("fortnight", ["2026-11-27 21:00", "2026-12-11 21:00", "2026-12-25 21:00"]),
        ("four-weeks", ["2026-11-27 21:00", "2026-12-25 21:00", "2027-01-22 21:00"]),
    ],
)
def test_each_window_begins_at_the_same_time_by_the_clock(every: str, starts: list[str]) -> None:
    made = plan(clock("2026-11-27 22:00"), "Europe/Amsterdam", every=every, times=3)
    assert made == at(*starts, zone="Europe/Amsterdam", every=every)


def test_over_a_change_of_clocks_the_clock_time_stays() -> None:
    made = plan(clock("2027-03-23 22:00"), "Europe/Amsterdam", every="week", times=2)
    assert made.starts == (utc("2027-03-23 21:00"), utc("2027-03-30 20:00"))


@pytest.mark.parametrize(
    ("first", "every", "times", "words"),
    [
        (clock("2027-03-28 02:30"), "", 1, "02:30 does not come"),
        (clock("2027-10-31 02:30"), "", 1, "02:30 comes twice"),
        # The first is as it should be, and one of those that follow is not.
        (clock("2027-03-14 02:30"), "week", 4, "On 28 March 2027"),
    ],
)
def test_a_clock_time_that_does_not_come_or_comes_twice_is_refused(
    first: datetime, every: str, times: int, words: str
) -> None:
    with pytest.raises(NoSuchTime, match=words):
        plan(first, "Europe/Amsterdam", every=every, times=times)


@pytest.mark.parametrize(("zone", "times"), [("Europe/Atlantis", 1), ("UTC", 0), ("UTC", 53)])
def test_an_unknown_zone_and_too_many_windows_are_no_plan(zone: str, times: int) -> None:
    with pytest.raises((ValueError, LookupError)):
        plan(clock("2026-12-01 22:00"), zone, every="day", times=times)


REFUSALS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("begins now", {"plan": at("2026-11-23 12:00")}, ["start"]),
    ("began a minute ago", {"plan": at("2026-11-23 11:59")}, ["start"]),
    ("ends too far ahead", {"plan": at("2026-12-23 11:31")}, ["start"]),
    (
        "one of them ends too far ahead",
        {"plan": at("2026-11-24 22:00", "2026-12-24 22:00", every="week")},
        ["start"],
    ),
    (
        "too many",
        {"plan": at("2026-11-24 22:00", "2026-11-25 22:00", "2026-11-26 22:00", "2026-11-27 22:00")},
        ["windows"],
    ),
    (
        "they overlap",
        {"plan": at("2026-11-24 22:00", "2026-11-24 23:00", every="day"), "duration": 2 * HOUR},
        ["windows"],
    ),
    (
        "across a change of clocks",
        {
            "plan": at("2027-03-28 00:30", zone="Europe/Amsterdam"),
            "duration": 2 * HOUR,
            "at": utc("2027-03-20 12:00"),
        },
        ["clock_change"],
    ),
    ("longer than allowed", {"plan": at("2026-11-24 22:00"), "duration": 5 * HOUR}, ["duration"]),
]


@pytest.mark.parametrize(
    ("changed", "checks"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_each_plan_that_cannot_be_is_refused_by_its_own_check_with_a_way_on(
    changed: dict[str, Any], checks: list[str]
) -> None:
    verdict = evaluate(LATER, attempt(**changed))
    assert refused_by(verdict) == checks
    assert all(check.reason and check.way_on for check in verdict.failed)


@pytest.mark.parametrize(
    "changed",
    [
        {"plan": at("2026-11-23 12:01")},
        {"plan": at("2026-12-23 11:30")},
        {"plan": at("2026-11-24 22:00", "2026-11-25 22:00", "2026-11-26 22:00", every="day")},
        {"plan": at("2026-11-24 22:00", "2026-11-25 00:00"), "duration": 2 * HOUR},
        # It ends when the clocks change, not after.
        {
            "plan": at("2027-03-28 00:30", zone="Europe/Amsterdam"),
            "at": utc("2027-03-20 12:00"),
            "duration": MINUTE,
        },
    ],
)
def test_a_plan_just_within_what_is_allowed_is_allowed(changed: dict[str, Any]) -> None:
    verdict = evaluate(LATER, attempt(**changed))
    assert verdict.allowed, verdict.failed


def test_asked_for_now_nothing_is_said_of_windows() -> None:
    assert not {"start", "windows", "clock_change"} & {
        check.name for check in evaluate(LATER, attempt()).checks
    }


def test_a_rule_that_says_nothing_of_it_allows_one_window_within_a_week() -> None:
    usual = policy(rules=RULE)
    assert evaluate(usual, attempt(plan=at("2026-11-30 11:30"))).allowed
    assert refused_by(evaluate(usual, attempt(plan=at("2026-11-30 11:31")))) == ["start"]
    assert refused_by(evaluate(usual, attempt(plan=at("2026-11-24 22:00", "2026-11-25 22:00")))) == [
        "windows"
    ]


def test_a_rule_can_say_that_it_is_for_now_alone() -> None:
    verdict = evaluate(policy(rules=RULE + "    later: never\n"), attempt(plan=at("2026-11-23 13:00")))
    assert refused_by(verdict) == ["start"]
    assert "not later" in verdict.failed[0].reason


def test_of_several_rules_the_strictest_counts() -> None:
    both = policy(
        rules=one_more_rule(
            """
            name: production
            for: {anyone: true}
            entitlements: {environments: [production]}
            max_duration: 1h
            stages: [manager]
            later: {ahead: 2d, windows: 9}
            """.replace("            ", "")
        )
    )
    limits = eligible(both, person(), entitlement())
    assert limits is not None
    assert limits.later == Later(2 * DAY, 1)


HOURS = policy(
    rules=RULE
    + """\
    later: {ahead: 30d, windows: 3}
    conditions:
      - hours: {days: [mon, tue], from: "08:00", to: "18:00", timezone: Europe/Berlin}
"""
)
NIGHTS = policy(
    rules=RULE
    + """\
    later: {ahead: 30d, windows: 3}
    conditions:
      - hours: {days: [fri], from: "22:00", to: "04:00", timezone: UTC}
"""
)


@pytest.mark.parametrize(
    ("start", "length", "allowed"),
    [
        ("2026-11-24 07:00", HOUR, True),
        ("2026-11-24 06:59", HOUR, False),
        ("2026-11-24 16:00", HOUR, True),
        ("2026-11-24 16:01", HOUR, False),
        ("2026-11-25 12:00", HOUR, False),
    ],
)
def test_what_is_asked_for_later_has_to_lie_in_the_hours_whole(
    start: str, length: timedelta, allowed: bool
) -> None:
    # It is asked for at night, when nothing could be had.
    verdict = evaluate(HOURS, attempt(at=utc("2026-11-22 23:00"), plan=at(start), duration=length))
    assert refused_by(verdict) == ([] if allowed else ["hours"])


@pytest.mark.parametrize(
    ("start", "allowed"),
    [
        ("2026-11-27 22:00", True),
        ("2026-11-28 00:00", True),
        ("2026-11-28 00:01", False),
        ("2026-11-27 21:59", False),
        ("2026-11-28 22:00", False),
    ],
)
def test_hours_past_midnight_belong_to_the_day_they_begin_on(start: str, allowed: bool) -> None:
    verdict = evaluate(NIGHTS, attempt(at=MONDAY_NOON, plan=at(start), duration=4 * HOUR))
    assert refused_by(verdict) == ([] if allowed else ["hours"])


def test_who_is_on_call_now_is_not_asked_nobody_for_later() -> None:
    text = RULE.replace(
        "rules:", "on_call:\n  platform: {people: [a1f0c0de-0000-4000-8000-000000000001]}\nrules:"
    )
    on_call = policy(rules=text + "    auto_approve_when:\n      - on_call: {rota: platform}\n")
    me = person(on_call=frozenset({"platform"}))
    assert evaluate(on_call, attempt(person=me)).stages == ()
    assert [
        stage.name for stage in evaluate(on_call, attempt(person=me, plan=at("2026-11-24 12:00"))).stages
    ] == ["manager"]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("later: always", "can only be “never”"),
        ("later: {ahed: 3d}", "ahed"),
        ("later: {ahead: 200d}", "more than the 180 d allowed"),
        ("later: {windows: 0}", "whole number from 1 to 52"),
        ("later: {windows: 53}", "whole number from 1 to 52"),
    ],
)
def test_a_file_that_says_it_wrongly_is_told_where(written: str, words: str) -> None:
    (found,) = faults(files(rules=RULE + f"    {written}\n"))
    assert words in found
    assert "rules.yaml" in found
