"""Asking for somebody else: who may, what the asker is told, and that they decide nothing of it."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from requests_app.policy.evaluate import evaluate
from requests_app.policy.facts import Approver, Attempt, Surrounding
from requests_app.policy.model import Who
from requests_app.policy.on_behalf import NOBODY
from requests_app.policy.windows import Plan
from tests.policy.makers import (
    ENGINEERING,
    RULES,
    SECURITY,
    attempt,
    faults,
    files,
    person,
    policy,
    refused_by,
    rule,
)

ASKER = "a1f0c0de-0000-4000-8000-000000000009"
ALLOWING = RULES.replace("    max_duration", "    on_behalf: {groups: [security]}\n    max_duration")
FOR_OTHERS = policy(rules=ALLOWING)
PRODUCTION = """
name: production
for: {anyone: true}
entitlements: {environments: [production]}
max_duration: 45m
stages: [owner]
"""


def asker(**changed: Any) -> Any:
    return person(**{"oid": ASKER, "label": "Ben", "group_ids": frozenset({SECURITY}), **changed})


def for_ada(**changed: Any) -> Attempt:
    return attempt(**{"asked_by": asker(), "observed_source": None, **changed})


def test_who_may_ask_for_others_is_read_like_for() -> None:
    assert FOR_OTHERS.rules[0].on_behalf == Who(group_oids=frozenset({SECURITY}))
    assert policy().rules[0].on_behalf is None


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{}", "names nobody"),
        ("{groups: [secrity]}", "did you mean “security”"),
        ("{anyone: true, groups: [security]}", "names anyone and somebody at once"),
        ("{people: [ben]}", "not an object id"),
        ("{managers: true}", "managers"),
        ("security", "on_behalf"),
    ],
)
def test_who_may_ask_is_a_fault_where_it_says_nothing(written: str, words: str) -> None:
    said = faults(files(rules=ALLOWING.replace("{groups: [security]}", written)))
    assert any(words in fault for fault in said), said


def test_an_emergency_is_nobody_elses() -> None:
    broken = """
break_glass:
  - name: fire
    for: {anyone: true}
    on_behalf: {anyone: true}
    entitlements: {tags: [ssh]}
    max_duration: 30m
    conditions: [{sign_in: {within: 15m, at: [break_glass]}}]
"""
    assert any("on_behalf" in fault for fault in faults(files(rules=RULES + broken)))


def test_whoever_the_rule_names_may_ask_for_those_it_is_for() -> None:
    verdict = evaluate(FOR_OTHERS, for_ada())
    assert verdict.allowed
    assert (verdict.checks[0].name, verdict.checks[0].reason) == ("on_behalf", "By engineers.")
    assert verdict.rules == ("engineers",)


def test_nobody_asks_for_others_where_no_rule_says_so() -> None:
    verdict = evaluate(policy(), for_ada())
    assert [verdict.checks, verdict.stages, verdict.rules] == [(NOBODY,), (), ()]


@pytest.mark.parametrize(("second", "allowed"), [("", False), ("on_behalf: {groups: [security]}", True)])
def test_every_rule_that_matches_has_to_let_the_asker(second: str, allowed: bool) -> None:
    both = ALLOWING + rule(f"{PRODUCTION.strip()}\n{second}").removeprefix(RULES)
    assert evaluate(policy(rules=both), for_ada(duration=timedelta(minutes=30))).allowed == allowed


@pytest.mark.parametrize(
    "whom",
    [
        {},
        {"enabled": False},
        {"enabled": None},
        {"guest": True},
        {"group_ids": frozenset()},
        {"directory_age": None},
        {"taken_away": {"web-01-ssh": "Olu took it away"}},
        {"oid": ASKER},
    ],
)
def test_who_may_not_ask_reads_the_same_of_everybody(whom: dict[str, Any]) -> None:
    outsider = asker(group_ids=frozenset({ENGINEERING}))
    verdict = evaluate(FOR_OTHERS, for_ada(person=person(**whom), asked_by=outsider))
    assert verdict == evaluate(FOR_OTHERS, for_ada(asked_by=outsider))
    assert verdict.checks == (NOBODY,)


@pytest.mark.parametrize(
    "changed", [{"group_ids": frozenset()}, {"guest": True, "group_ids": frozenset()}, {"oid": ASKER}]
)
def test_for_whom_no_rule_is_reads_like_nobody(changed: dict[str, Any]) -> None:
    assert evaluate(FOR_OTHERS, for_ada(person=person(**changed))).checks == (NOBODY,)


@pytest.mark.parametrize(
    "changed",
    [
        {"enabled": False},
        {"enabled": None},
        {"directory_age": None},
        {"directory_age": timedelta(minutes=6)},
    ],
)
def test_who_asks_is_known_to_be_enabled(changed: dict[str, Any]) -> None:
    verdict = evaluate(FOR_OTHERS, for_ada(asked_by=asker(**changed)))
    assert refused_by(verdict) == ["on_behalf"]
    assert "your own account" in verdict.failed[0].reason


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"enabled": False}, "person_enabled"),
        ({"enabled": None}, "person_enabled"),
        ({"directory_age": timedelta(hours=1)}, "directory_fresh"),
        ({"taken_away": {"web-01-ssh": "Olu took it away"}}, "not_taken_away"),
        ({"guest": True}, "guests"),
    ],
)
def test_every_other_check_looks_at_who_gets_the_access(changed: dict[str, Any], check: str) -> None:
    members = ALLOWING + "    conditions: [{guests: refused}]\n"
    assert refused_by(evaluate(policy(rules=members), for_ada(person=person(**changed)))) == [check]


@pytest.mark.parametrize(
    ("own", "allowed"),
    [((), False), ((Approver(ASKER, "Ben"),), False), ((Approver("sol", "Sol", ASKER),), False)],
)
def test_the_asker_decides_nothing_they_asked_for(own: tuple[Approver, ...], allowed: bool) -> None:
    verdict = evaluate(FOR_OTHERS, for_ada(approvers={**attempt().approvers, "security": own}))
    assert verdict.allowed == allowed
    assert refused_by(verdict) == ["stage_security"]


def test_a_manager_who_asks_for_their_own_people_reads_who_joins_instead() -> None:
    joining = "    approvers: manager\n    escalate: {after: 1h, to: {group: engineering}}\n"
    stages = files()["stages.yaml"].replace("    approvers: manager\n", joining)
    escalating = policy(rules=ALLOWING, stages=stages)
    mine = {**attempt().approvers, "manager": (Approver(ASKER, "Ben"),)}
    verdict = evaluate(
        escalating, for_ada(approvers=mine, alternates={"manager": (Approver("ines", "Inês"),)})
    )
    assert verdict.allowed
    said = next(check for check in verdict.checks if check.name == "stage_manager")
    assert said.outcome == "warn"
    assert "Ada has no manager in the directory, other than you" in said.reason
    assert "nobody decides what they asked for" in said.reason
    assert "join at once" in said.way_on


def test_words_meant_for_who_gets_it_are_not_said_to_who_asks() -> None:
    """Whatever is wrong with the person: it is told about them."""
    every = ALLOWING + (
        "    conditions:\n      - guests: refused\n      - reason: {min_length: 90}\n      - ticket: {pattern: X}\n"
        "      - on_call: {rota: night}\n      - source: {networks: [10.0.0.0/8]}\n"
    )
    rotas = files()["stages.yaml"] + f"on_call:\n  night: {{people: [{ASKER}]}}\n"
    strict = policy(rules=every, stages=rotas)
    around = tuple(Surrounding(kind, "It is so.") for kind in ("already_open", "admin_allow", "locked"))
    bad = person(guest=True, enabled=False, directory_age=timedelta(hours=2), taken_away={"web-01-ssh": "So"})
    tries = [
        for_ada(person=bad, duration=timedelta(hours=9), approvers={}, surroundings=around),
        for_ada(person=replace(bad, enabled=None, directory_age=None), source="", surroundings=around),
        for_ada(source="2001:4860:4860::8888"),
        for_ada(source="10.1.1.1"),
        for_ada(plan=Plan((attempt().at + timedelta(days=400),), "UTC", "")),
        for_ada(plan=Plan((attempt().at - timedelta(days=1),), "UTC", "")),
        for_ada(),
    ]
    for one in tries:
        for check in evaluate(strict, one).checks:
            if check.name == "on_behalf":
                continue
            words = f"{check.title} {check.reason} {check.way_on}".replace("other than you,", "")
            words = words.replace("other than the two of you", "").replace("you need the access", "")
            words = words.replace("Not you: nobody decides", "").replace("what you are going to do", "")
            assert not re.search(r"\b[Yy]ou(r|rself)?\b", words), words
