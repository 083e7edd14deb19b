"""Rules for emergencies: what they have to say, that they are asked for apart, and that closed beats open all the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from requests_app.policy.document import PolicyFaults
from requests_app.policy.evaluate import eligible, evaluate
from requests_app.policy.facts import BREAK_GLASS, SignInFacts, Surrounding
from requests_app.policy.sign_in import Need, strictest
from tests.policy.makers import MONDAY_NOON, RULES, attempt, entitlement, person, policy, refused_by

MINUTE = timedelta(minutes=1)
FRESH = "      - sign_in: {context: c1, within: 15m, at: [break_glass]}\n"


def glass(conditions: str = FRESH, *, who: str = "{groups: [engineering]}", **more: str) -> str:
    said = {"for": who, "entitlements": "{tags: [ssh]}", "max_duration": "30m", **more}
    lines = "".join(f"    {key}: {value}\n" for key, value in said.items())
    return f"{RULES}break_glass:\n  - name: emergency\n{lines}    conditions:\n{conditions}"


def burning(**changed: Any) -> Any:
    """A plain attempt at breaking the glass: fresh, short, with a reason."""
    said = {
        "moments": (BREAK_GLASS,),
        "duration": 30 * MINUTE,
        "reason": "The shop is down, nobody answers",
        "sign_in": SignInFacts(auth_time=MONDAY_NOON, acrs=frozenset({"c1"})),
    }
    return replace(attempt(), **{**said, **changed})


def test_it_opens_with_nobody_asked() -> None:
    verdict = evaluate(policy(rules=glass()).in_emergency, burning())
    assert verdict.allowed, verdict.failed
    assert verdict.stages == ()
    assert verdict.rules == ("emergency",)
    assert verdict.max_duration == 30 * MINUTE
    assert strictest(verdict.sign_in, BREAK_GLASS) == Need(("c1",), 15 * MINUTE)


def test_a_rule_for_emergencies_says_nothing_about_asking_the_usual_way() -> None:
    both = policy(rules=glass())
    usual = evaluate(both, attempt())
    assert usual.rules == ("engineers",)
    assert [stage.name for stage in usual.stages] == ["manager", "security"]
    assert usual.max_duration == 120 * MINUTE


def test_the_usual_rules_say_nothing_about_emergencies() -> None:
    verdict = evaluate(policy().in_emergency, burning())
    assert "rule_matches" in refused_by(verdict)
    assert eligible(policy().in_emergency, person(), entitlement()) is None


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"duration": 31 * MINUTE}, "duration"),
        ({"duration": timedelta(0)}, "duration"),
        ({"reason": ""}, "reason"),
        ({"reason": "It burns"}, "reason"),
        ({"reason": "a" * 19}, "reason"),
        ({"reason": " x " * 1 + " " * 40}, "reason"),
        ({"sign_in": None}, "sign_in"),
        ({"sign_in": SignInFacts(MONDAY_NOON - 16 * MINUTE, frozenset({"c1"}))}, "sign_in"),
        ({"sign_in": SignInFacts(MONDAY_NOON, frozenset({"c2"}))}, "sign_in"),
        ({"sign_in": SignInFacts(MONDAY_NOON, frozenset())}, "sign_in"),
        ({"person": replace(person(), enabled=False)}, "person_enabled"),
        ({"person": replace(person(), enabled=None)}, "person_enabled"),
        ({"person": replace(person(), directory_age=6 * MINUTE)}, "directory_fresh"),
        ({"person": replace(person(), directory_age=None)}, "directory_fresh"),
        ({"person": replace(person(), group_ids=frozenset())}, "rule_matches"),
        (
            {"person": replace(person(), taken_away={"web-01-ssh": "A review took it away."})},
            "not_taken_away",
        ),
        ({"entitlement": replace(entitlement(), active=False)}, "entitlement_active"),
        ({"observed_source": "198.51.100.99"}, "source_own_address"),
        ({"surroundings": (Surrounding("locked", "A lock keeps it open.", refuses=True),)}, "azure_locked"),
    ],
)
def test_closed_beats_open(changed: dict[str, Any], check: str) -> None:
    verdict = evaluate(policy(rules=glass()).in_emergency, burning(**changed))
    assert not verdict.allowed
    assert check in refused_by(verdict)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (glass("      - guests: refused\n"), "break-glass needs a fresh sign-in"),
        (glass("      - sign_in: {context: c1, at: [request]}\n"), "break-glass needs a fresh sign-in"),
        (glass("      - sign_in: {context: c1, at: [request, break_glass]}\n"), "at that moment alone"),
        (glass(f"{FRESH}      - reason: {{min_length: 19}}\n"), "a reason of at least 20 characters"),
        (glass(max_duration="4h1m"), "max_duration"),
        (glass(max_duration="0m"), "max_duration"),
        (glass(stages="[manager]"), "stages"),
        (glass(activate_within="1h"), "activate_within"),
        (glass(auto_approve="true"), "auto_approve"),
        (glass(who="{groups: [nobody]}"), "nobody"),
        (glass(entitlements="{tags: [sshh]}"), "sshh"),
        (f"{RULES}break_glass:\n  - name: engineers\n", "declared twice"),
        (f"{RULES}break_glass: yes\n", "break_glass"),
    ],
)
def test_a_rule_that_would_be_too_easy_is_a_fault(text: str, words: str) -> None:
    with pytest.raises(PolicyFaults) as found:
        policy(rules=text)
    assert words in str(found.value)


def test_a_longer_reason_may_be_asked_for() -> None:
    longer = policy(rules=glass(f"{FRESH}      - reason: {{min_length: 40}}\n")).in_emergency
    assert refused_by(evaluate(longer, burning())) == ["reason"]
    assert evaluate(longer, burning(reason="x" * 40)).allowed


def test_what_is_said_for_emergencies_is_part_of_the_policy() -> None:
    assert policy().hash != policy(rules=glass()).hash != policy(rules=glass(max_duration="20m")).hash
