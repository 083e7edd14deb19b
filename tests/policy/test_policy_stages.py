"""Stages with alternates, timers, steps, everybody and rotas: as written, and as they are staffed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from requests_app.policy.evaluate import evaluate
from requests_app.policy.facts import Approver
from requests_app.policy.model import ApproverRule, Escalation
from requests_app.policy.verdict import Verdict, steps
from tests.policy.makers import (
    POLICY,
    REQUESTER,
    RULES,
    STAGES,
    attempt,
    faults,
    files,
    person,
    policy,
    refused_by,
)

ROTA = "on_call:\n  night: {people: [b2f0c0de-0000-4000-8000-0000000000aa]}\n"
BACK = datetime(2026, 11, 30, 8, tzinfo=UTC)


def written(extra: str, stage: str = "security") -> str:
    """The stages, one of them with these lines more."""
    lines, found = [], False
    for line in STAGES.splitlines():
        lines.append(line)
        if "quorum: all" in extra and "quorum: 1" in line:
            lines.pop()
        if line.strip() == f"- name: {stage}":
            lines += [f"    {more}" for more in extra.splitlines()]
            found = True
    assert found, "no such stage"
    return "\n".join(lines) + "\n"


def the(name: str, loaded: Any) -> Any:
    return next(stage for stage in loaded.stages if stage.name == name)


def test_a_stage_says_when_it_reminds_whom_it_escalates_to_and_with_whom_it_begins() -> None:
    loaded = policy(
        stages=ROTA
        + written("remind_every: 15m\nescalate: {after: 30m, to: {on_call: night}}\ntogether_with: owner")
    )
    stage = the("security", loaded)
    assert stage.remind_every == timedelta(minutes=15)
    assert stage.escalation == Escalation(timedelta(minutes=30), ApproverRule("on_call", name="night"))
    assert stage.together_with == "owner"
    assert loaded.rotas[0].people == {"b2f0c0de-0000-4000-8000-0000000000aa"}


def test_what_a_verdict_says_of_its_stages_comes_back_from_json() -> None:
    loaded = policy(stages=ROTA + written("remind_every: 15m\nescalate: {after: 30m, to: {on_call: night}}"))
    verdict = evaluate(loaded, attempt())
    assert Verdict.from_dict(verdict.to_dict()) == verdict


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("remind_every: 30s", "at least 1 min"),
        ("remind_every: 72h", "never comes"),
        ("escalate: {after: 5m, to: manager}\nquorum: all", "nobody can join them"),
        ("escalate: {to: manager}", "after: is missing"),
        ("escalate: {after: 500h, to: manager}", "never comes"),
        ("escalate: {after: 5m, to: {group: security}}", "the same people"),
        ("escalate: {after: 5m, to: {on_call: nobody}}", "not a declared rota"),
        ("escalate: {after: 5m, to: {group: securty}}", "did you mean “security”"),
        ("escalate: {after: 5m, to: {group: security, role: x}}", "say one of"),
        ("together_with: manager", "has to stand right before it"),
        ("together_with: later", "not a stage that stands before"),
        ("together_with: security", "not a stage that stands before"),
    ],
)
def test_a_stage_that_makes_no_sense_is_a_fault(extra: str, words: str) -> None:
    found = faults(files(stages=written(extra)))
    assert any(words in fault for fault in found), found


@pytest.mark.parametrize(
    ("rota", "words"),
    [
        ("on_call:\n  night: {}\n", "either people or calendar"),
        ("on_call:\n  night: {calendar: 'http://example.com/a.ics'}\n", "https://"),
        ("on_call:\n  night: {calendar: 'file:///etc/passwd'}\n", "https://"),
        ("on_call:\n  night: {people: [mo]}\n", "not an object id"),
        ("on_call: [night]\n", "has to be a mapping"),
    ],
)
def test_a_rota_that_makes_no_sense_is_a_fault(rota: str, words: str) -> None:
    assert any(words in fault for fault in faults(files(stages=rota + STAGES)))


def test_stages_that_begin_together_are_one_step() -> None:
    together = policy(stages=written("together_with: owner"))
    names = ("manager", "owner", "security")
    assert steps(tuple(the(name, together) for name in names)) == (1, 2, 2)
    assert steps(tuple(the(name, POLICY) for name in names)) == (1, 2, 3)
    assert steps(tuple(the(name, together) for name in ("manager", "security"))) == (1, 2)


def free(*people: Approver) -> dict[str, tuple[Approver, ...]]:
    return {**attempt().approvers, "security": people}


def check(verdict: Any, name: str = "stage_security") -> Any:
    return next(one for one in verdict.checks if one.name == name)


ESCALATING = policy(stages=ROTA + written("escalate: {after: 30m, to: {on_call: night}}"))
SOL, NIC = Approver("sol", "Sol"), Approver("nic", "Nic")
AWAY = Approver("sol", "Sol", away_until=BACK)


def test_somebody_who_is_away_can_decide_but_it_is_said_before_asking() -> None:
    found = check(evaluate(POLICY, attempt(approvers=free(AWAY))))
    assert (found.outcome, "Sol until Mon 30 Nov 08:00 UTC" in found.reason) == ("warn", True)
    assert "You can ask" in found.way_on


def test_alternates_who_are_there_are_named_as_the_way_on() -> None:
    seen = attempt(approvers=free(AWAY), alternates={"security": (NIC,)})
    found = check(evaluate(ESCALATING, seen))
    assert (found.outcome, found.way_on) == ("warn", "The people on call for night join at once.")


def test_a_stand_in_who_is_there_is_enough() -> None:
    stand_in = Approver("nic", "Nic for Sol", in_place_of="sol")
    assert check(evaluate(POLICY, attempt(approvers=free(AWAY, stand_in)))).outcome == "pass"


def test_nobody_but_alternates_is_a_warning_and_nobody_at_all_a_refusal() -> None:
    alone = attempt(approvers=free(), alternates={"security": (NIC,)})
    assert check(evaluate(ESCALATING, alone)).outcome == "warn"
    assert refused_by(evaluate(ESCALATING, attempt(approvers=free()))) == ["stage_security"]


@pytest.mark.parametrize(
    "mine",
    [
        Approver(REQUESTER, "Ada for Sol", in_place_of="sol"),
        Approver("nic", "Nic for Ada", in_place_of=REQUESTER),
    ],
    ids=["as a stand-in", "through a stand-in"],
)
def test_nobody_decides_their_own_request_through_a_delegation(mine: Approver) -> None:
    assert refused_by(evaluate(POLICY, attempt(approvers=free(mine)))) == ["stage_security"]


def test_one_voice_cannot_carry_two_stages_through_a_stand_in() -> None:
    same = {
        "manager": (Approver("mo", "Mo"),),
        "security": (Approver("nic", "Nic for Mo", in_place_of="mo"),),
    }
    assert refused_by(evaluate(POLICY, attempt(approvers=same))) == ["stage_security"]


WAIVED = RULES + "    auto_approve_when:\n      - duration: {up_to: 30m}\n      - on_call: {rota: night}\n"
NIGHT = person(on_call=frozenset({"night"}))


def test_a_rule_asks_nobody_when_all_it_names_holds() -> None:
    waiving = policy(stages=ROTA + STAGES, rules=WAIVED)
    short = attempt(duration=timedelta(minutes=30), person=NIGHT)
    verdict = evaluate(waiving, short)
    assert (verdict.allowed, verdict.stages) == (True, ())
    assert check(verdict, "auto_engineers").reason.startswith("“engineers” asks nobody")


@pytest.mark.parametrize(
    "changed",
    [
        {"duration": timedelta(minutes=31), "person": NIGHT},
        {"duration": timedelta(minutes=30)},
        {"duration": None, "person": NIGHT},
    ],
    ids=["too long", "not on call", "a check that fails to run"],
)
def test_people_are_asked_as_soon_as_one_of_them_does_not_hold(changed: dict[str, Any]) -> None:
    waiving = policy(stages=ROTA + STAGES, rules=WAIVED)
    verdict = evaluate(waiving, attempt(**changed))
    assert [stage.name for stage in verdict.stages] == ["manager", "security"]


def test_another_rule_that_asks_somebody_still_does() -> None:
    other = WAIVED + RULES.removeprefix("rules:\n").replace("engineers", "owners").replace(
        "security]", "owner]", 1
    )
    both = policy(stages=ROTA + STAGES, rules=other.replace("stages: [manager, owner]", "stages: [owner]"))
    short = attempt(duration=timedelta(minutes=30), person=NIGHT)
    assert evaluate(both, short).stages, "the strictest wins"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (WAIVED.replace("rota: night", "rota: nigth"), "did you mean “night”"),
        (
            WAIVED.replace("    stages: [manager, security]\n", "    auto_approve: true\n"),
            "needs stages beside it",
        ),
    ],
)
def test_a_waiver_that_makes_no_sense_is_a_fault(rules: str, words: str) -> None:
    found = faults(files(stages=ROTA + STAGES, rules=rules))
    assert any(words in fault for fault in found), found
