"""What is decided of an attempt: each check, the limits and stages, and that nothing but a clear yes is one."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from requests_app.policy.checks import Check
from requests_app.policy.evaluate import eligible, evaluate
from requests_app.policy.facts import Approver, Attempt, PersonFacts
from requests_app.policy.model import PolicySet, Rule
from requests_app.policy.reading import Section
from requests_app.policy.verdict import Verdict
from tests.policy.makers import (
    OWNER,
    POLICY,
    REQUESTER,
    STRICT,
    attempt,
    entitlement,
    person,
    policy,
    refused_by,
    rule,
)

MINUTE = timedelta(minutes=1)


def test_a_proper_attempt_is_allowed_with_its_limits_and_stages() -> None:
    verdict = evaluate(POLICY, attempt())
    assert verdict.allowed
    assert verdict.failed == ()
    assert [stage.title for stage in verdict.stages] == ["Manager", "Security"]
    assert (verdict.max_duration, verdict.activate_within) == (120 * MINUTE, 60 * MINUTE)
    assert verdict.rules == ("engineers",)
    assert verdict.policy_hash == POLICY.hash


def test_the_checks_stand_in_a_fixed_order() -> None:
    verdict = evaluate(STRICT, attempt(ticket="INC-2214", containers_known=False))
    assert [check.name for check in verdict.checks] == [
        "person_enabled",
        "directory_fresh",
        "entitlement_active",
        "rule_matches",
        "duration",
        "guests",
        "reason",
        "ticket",
        "hours",
        "source_networks",
        "source",
        "stage_manager",
        "stage_owner",
        "stage_security",
        "containers_known",
    ]


REFUSALS: list[tuple[dict[str, Any], list[str]]] = [
    ({"person": person(enabled=False)}, ["person_enabled"]),
    ({"person": person(enabled=None)}, ["person_enabled"]),
    ({"person": person(directory_age=None)}, ["directory_fresh"]),
    ({"person": person(directory_age=5 * MINUTE + timedelta(seconds=1))}, ["directory_fresh"]),
    ({"entitlement": entitlement(active=False)}, ["entitlement_active"]),
    ({"duration": timedelta(0)}, ["duration"]),
    ({"duration": -MINUTE}, ["duration"]),
    ({"duration": 120 * MINUTE + timedelta(seconds=1)}, ["duration"]),
    ({"reason": ""}, ["reason"]),
    ({"reason": " \n\t "}, ["reason"]),
    ({"source": "", "observed_source": None}, ["source_missing"]),
    ({"source": "0.0.0.0/0", "observed_source": None}, ["source_everywhere"]),
    ({"source": "10.0.0.1", "observed_source": "10.0.0.1"}, ["source_private"]),
    ({"observed_source": "77.111.240.21"}, ["source_own_address"]),
    ({"source": "2a00::1", "observed_source": "2a00::1"}, ["source_ip_version"]),
    ({"approvers": {}}, ["stage_manager", "stage_security"]),
    ({"approvers": {"security": (Approver("sol", "Sol"),)}}, ["stage_manager"]),
    ({"approvers": {"manager": (Approver("mo", "Mo"),), "security": ()}}, ["stage_security"]),
]


@pytest.mark.parametrize(("changed", "checks"), REFUSALS)
def test_each_thing_wrong_is_refused_by_its_own_check_with_a_way_on(
    changed: dict[str, Any], checks: list[str]
) -> None:
    verdict = evaluate(POLICY, attempt(**changed))
    assert not verdict.allowed
    assert refused_by(verdict) == checks
    assert all(check.reason and check.way_on for check in verdict.failed)


@pytest.mark.parametrize(
    "changed",
    [
        {"duration": 120 * MINUTE},
        {"person": person(directory_age=5 * MINUTE)},
        {"source": "81.2.69.142:5000"},
        {"observed_source": None},
        {"containers_known": False},
    ],
)
def test_what_is_just_within_the_limits_is_allowed(changed: dict[str, Any]) -> None:
    assert evaluate(POLICY, attempt(**changed)).allowed


STRICT_REFUSALS: list[tuple[dict[str, Any], list[str]]] = [
    ({"person": person(guest=True)}, ["guests"]),
    ({"reason": "Restart"}, ["reason"]),
    ({"reason": "Restart" + " " * 40}, ["reason"]),
    ({"ticket": ""}, ["ticket"]),
    ({"ticket": "CHG-2214"}, ["ticket"]),
    ({"ticket": "INC-22145"}, ["ticket"]),
    ({"ticket": "INC-2214 or so"}, ["ticket"]),
    ({"ticket": "INC-" + "1" * 200}, ["ticket"]),
    ({"at": datetime(2026, 11, 23, 6, 59, tzinfo=UTC)}, ["hours"]),
    ({"at": datetime(2026, 11, 23, 17, 0, tzinfo=UTC)}, ["hours"]),
    ({"at": datetime(2026, 11, 25, 12, 0, tzinfo=UTC)}, ["hours"]),
    ({"source": "77.111.240.21", "observed_source": "77.111.240.21"}, ["source_networks"]),
    ({"source": "nonsense", "observed_source": None}, ["source_networks", "source_service_tag"]),
    ({"duration": 46 * MINUTE}, ["duration"]),
    ({"approvers": {**attempt().approvers, "owner": ()}}, ["stage_owner"]),
]


@pytest.mark.parametrize(("changed", "checks"), STRICT_REFUSALS)
def test_conditions_of_every_matching_rule_have_to_hold(changed: dict[str, Any], checks: list[str]) -> None:
    verdict = evaluate(STRICT, attempt(**{"ticket": "INC-2214", **changed}))
    assert refused_by(verdict) == checks
    assert all(check.reason and check.way_on for check in verdict.failed)


def test_several_rules_together_give_all_stages_and_the_smallest_limits() -> None:
    verdict = evaluate(STRICT, attempt(ticket="INC-2214"))
    assert verdict.allowed, verdict.failed
    assert [stage.name for stage in verdict.stages] == ["manager", "owner", "security"]
    assert (verdict.max_duration, verdict.activate_within) == (45 * MINUTE, 10 * MINUTE)
    assert verdict.rules == ("engineers", "production")


def test_summer_time_is_the_zones_own() -> None:
    monday_in_july = datetime(2026, 7, 6, 16, 30, tzinfo=UTC)
    assert refused_by(evaluate(STRICT, attempt(ticket="INC-2214", at=monday_in_july))) == ["hours"]


@pytest.mark.parametrize(
    ("day", "hour", "allowed"),
    [(23, 21, False), (23, 22, True), (24, 5, True), (24, 6, False), (24, 23, False), (23, 5, False)],
)
def test_a_night_belongs_to_the_day_it_began_on(day: int, hour: int, allowed: bool) -> None:
    night = policy(
        rules=rule(
            """
name: night
for: {anyone: true}
entitlements: {tags: [ssh]}
max_duration: 1h
stages: [manager]
conditions: [{hours: {days: [mon], from: "22:00", to: "06:00"}}]
"""
        )
    )
    verdict = evaluate(night, attempt(at=datetime(2026, 11, day, hour, 0, tzinfo=UTC)))
    assert verdict.allowed is allowed


@pytest.mark.parametrize(
    "changed",
    [
        {"person": person(group_ids=frozenset())},
        {"entitlement": entitlement(tags=frozenset({"rdp"}))},
    ],
)
def test_without_a_matching_rule_the_answer_is_no_and_no_group_is_named(changed: dict[str, Any]) -> None:
    verdict = evaluate(POLICY, attempt(**changed))
    assert not verdict.allowed
    assert "rule_matches" in refused_by(verdict)
    assert (verdict.rules, verdict.stages, verdict.max_duration) == ((), (), timedelta(0))
    said = json.dumps(verdict.to_dict()).lower()
    assert "engineer" not in said
    assert "catalogue" in said


def test_a_rule_whose_fields_do_not_all_hold_does_not_match() -> None:
    both = policy(
        rules="""\
rules:
  - name: both
    for: {anyone: true}
    entitlements: {tags: [ssh, web], environments: [production], resources: [web-01], kinds: [nsg]}
    max_duration: 1h
    stages: [owner]
"""
    )
    assert evaluate(both, attempt()).allowed
    for changed in (
        {"environment": "staging"},
        {"resource_key": "web-02"},
        {"kind": "x"},
        {"tags": frozenset()},
    ):
        assert not evaluate(both, attempt(entitlement=entitlement(**changed))).allowed, changed


def test_people_can_be_named_one_by_one() -> None:
    named = policy(
        rules=f"""\
rules:
  - name: ada
    for: {{people: [{REQUESTER.upper()}]}}
    entitlements: {{keys: [web-01-ssh]}}
    max_duration: 1h
    auto_approve: true
"""
    )
    assert evaluate(named, attempt(approvers={})).allowed
    assert not evaluate(named, attempt(person=person(oid=OWNER))).allowed


class Throws:
    name: ClassVar[str] = "throws"
    title: ClassVar[str] = "A condition with a bug"

    @classmethod
    def parse(cls, section: Section) -> "Throws":
        return cls()

    def check(self, attempt: Attempt) -> Check:
        raise RuntimeError("secret detail")

    def rules_out(self, person: PersonFacts) -> bool:
        return False


def with_rule(old: PolicySet, new: Rule) -> PolicySet:
    return replace(old, rules=(*old.rules, new))


def test_a_condition_that_throws_refuses_and_keeps_its_details_to_itself() -> None:
    broken = with_rule(POLICY, replace(POLICY.rules[0], name="broken", conditions=(Throws(),)))
    verdict = evaluate(broken, attempt())
    assert [(check.name, check.outcome) for check in verdict.failed] == [("throws", "error")]
    assert not verdict.allowed
    assert "secret" not in json.dumps(verdict.to_dict())


def test_rules_that_cannot_be_read_allow_nothing() -> None:
    verdict = evaluate(POLICY, attempt(entitlement=entitlement(tags=None)))
    assert not verdict.allowed
    assert verdict.failed[0].outcome == "error"
    assert eligible(POLICY, person(), entitlement(tags=None)) is None


def test_a_warning_is_said_and_does_not_refuse() -> None:
    verdict = evaluate(POLICY, attempt(containers_known=False))
    assert verdict.checks[-1].outcome == "warn"
    assert verdict.allowed


@pytest.mark.parametrize(
    "asked", [attempt(), attempt(approvers={}), attempt(person=person(group_ids=frozenset()))]
)
def test_a_verdict_survives_being_stored_as_json(asked: Attempt) -> None:
    verdict = evaluate(STRICT, asked)
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


def test_the_catalogue_shows_the_most_somebody_could_get() -> None:
    limits = eligible(STRICT, person(), entitlement())
    assert limits is not None
    assert limits.max_duration == 45 * MINUTE
    assert limits.stage_titles == ("Manager", "Owner", "Security")


@pytest.mark.parametrize(
    ("who", "what"),
    [
        ({"enabled": None}, {}),
        ({"enabled": False}, {}),
        ({"guest": True}, {}),
        ({}, {"active": False}),
        ({}, {"tags": frozenset(), "environment": "staging"}),
    ],
)
def test_the_catalogue_offers_nothing_that_could_never_be_had(
    who: dict[str, Any], what: dict[str, Any]
) -> None:
    assert eligible(STRICT, person(**who), entitlement(**what)) is None
