"""How fresh and strong a sign-in has to be: what a file may say, what an attempt is told, and the strictest of several."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.policy.evaluate import eligible, evaluate
from requests_app.policy.facts import ACTIVATION, APPROVAL, BREAK_GLASS, REQUEST, SignInFacts
from requests_app.policy.model import PolicySet
from requests_app.policy.sign_in import SKEW, WAY_ON, FreshSignIn, Need, read_facts, strictest
from requests_app.policy.verdict import Verdict
from tests.policy.makers import (
    MONDAY_NOON,
    attempt,
    entitlement,
    faults,
    files,
    person,
    policy,
    refused_by,
    rule,
)

MINUTE = timedelta(minutes=1)


def asking(*conditions: str) -> PolicySet:
    """The plain rule and one more with these conditions."""
    lines = "".join(f"\n  - {condition}" for condition in conditions)
    return policy(
        rules=rule(
            f"""
name: fresh
for: {{anyone: true}}
entitlements: {{tags: [ssh]}}
max_duration: 1h
stages: [manager]
conditions:{lines}
"""
        )
    )


def shows(*acrs: str, ago: timedelta | None = timedelta(0)) -> SignInFacts:
    return SignInFacts(None if ago is None else MONDAY_NOON - ago, frozenset(acrs))


C1 = asking("sign_in: {context: c1, within: 15m, at: [request, activation]}")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (None, "not show the authentication context c1. When you last proved who you are is not known"),
        (shows("c1", ago=None), "is not known"),
        (shows("c1", ago=15 * MINUTE + timedelta(seconds=1)), "15 min 1 s ago; at most 15 min will do"),
        (shows("c1", ago=-5 * MINUTE), "lies in the future"),
        (shows("c2"), "context c1"),
        (shows("c11"), "context c1"),
        (shows("C1"), "context c1"),
        (shows(), "context c1"),
    ],
)
def test_a_sign_in_that_does_not_show_it_is_refused_with_the_way_on(
    facts: SignInFacts | None, words: str
) -> None:
    verdict = evaluate(C1, attempt(sign_in=facts))
    assert refused_by(verdict) == ["sign_in"]
    assert words in verdict.failed[0].reason
    assert verdict.failed[0].way_on == WAY_ON


@pytest.mark.parametrize("ago", [timedelta(0), 15 * MINUTE, -SKEW])
def test_a_sign_in_that_shows_it_in_time_is_allowed(ago: timedelta) -> None:
    assert evaluate(C1, attempt(sign_in=shows("c1", "c7", ago=ago))).allowed


@pytest.mark.parametrize("moments", [(APPROVAL,), (BREAK_GLASS,), ()])
def test_at_other_moments_nothing_is_asked_and_what_will_be_is_said(moments: tuple[str, ...]) -> None:
    verdict = evaluate(C1, attempt(moments=moments))
    assert verdict.allowed
    said = next(check.reason for check in verdict.checks if check.name == "sign_in")
    assert (
        "asking and activating asks for the authentication context c1 and a sign-in at most 15 min old"
        in said
    )


def test_more_time_is_asked_by_both_moments_at_once() -> None:
    later = asking("sign_in: {context: c1, at: [activation]}")
    assert evaluate(later, attempt()).allowed
    assert refused_by(evaluate(later, attempt(moments=(REQUEST, ACTIVATION)))) == ["sign_in"]


def test_the_demands_of_several_rules_all_apply() -> None:
    both = asking(
        "sign_in: {context: c1, at: [request]}",
        "sign_in: {context: c2, within: 1h, at: [request, approval]}",
        "sign_in: {within: 20m, at: [request]}",
    )
    fine = attempt(sign_in=shows("c1", "c2", ago=20 * MINUTE))
    verdict = evaluate(both, fine)
    assert verdict.allowed, verdict.failed
    assert strictest(verdict.sign_in, REQUEST) == Need(("c1", "c2"), 20 * MINUTE)
    assert strictest(verdict.sign_in, APPROVAL) == Need(("c2",), 60 * MINUTE)
    assert strictest(verdict.sign_in, ACTIVATION) is None
    for facts in (shows("c1"), shows("c2"), shows("c1", "c2", ago=21 * MINUTE)):
        assert "sign_in" in refused_by(evaluate(both, attempt(sign_in=facts)))


def test_the_catalogue_offers_what_a_fresh_sign_in_would_open() -> None:
    assert eligible(C1, person(), entitlement()) is not None


def test_the_demand_is_kept_with_the_verdict() -> None:
    verdict = evaluate(C1, attempt())
    again = Verdict.from_dict(json.loads(json.dumps(verdict.to_dict())))
    assert again == verdict
    assert again.sign_in == (FreshSignIn("c1", 15 * MINUTE, (REQUEST, ACTIVATION)),)


def test_a_verdict_from_before_such_demands_can_still_be_read() -> None:
    old = evaluate(C1, attempt()).to_dict()
    del old["sign_in"]
    assert Verdict.from_dict(old).sign_in == ()


def test_a_context_that_proves_nothing_is_said_and_does_not_refuse() -> None:
    known = attempt(
        sign_in=shows("c1"), void_contexts={"c1": "Entra gives it to everybody.", "c2": "Likewise."}
    )
    verdict = evaluate(C1, known)
    assert verdict.allowed
    assert [(check.name, check.outcome) for check in verdict.checks][-1] == ("sign_in_context", "warn")
    assert verdict.checks[-1].reason == "Entra gives it to everybody."


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{at: [request]}", "within: is missing, and so is context"),
        ("{context: c1}", "at: is missing; say when"),
        ("{context: c1, at: []}", "empty list"),
        ("{context: c1, at: [reqest]}", "did you mean “request”?"),
        ("{context: c0, at: [request]}", "called c1 to c99"),
        ("{context: c100, at: [request]}", "called c1 to c99"),
        ("{context: C1, at: [request]}", "called c1 to c99"),
        ("{context: mfa, at: [request]}", "called c1 to c99"),
        ("{within: 0m, at: [request]}", "no time at all"),
        ("{within: soon, at: [request]}", "is not a duration"),
        ("{within: 2d, at: [request]}", "more than the 1 d"),
        ("{context: c1, wihtin: 5m, at: [request]}", "did you mean “within”?"),
        ("c1", "has to be a mapping"),
    ],
)
def test_each_fault_is_named(written: str, words: str) -> None:
    text = rule(
        f"""
name: fresh
for: {{anyone: true}}
entitlements: {{tags: [ssh]}}
max_duration: 1h
stages: [manager]
conditions: [{{sign_in: {written}}}]
"""
    )
    found = faults(files(rules=text))
    assert any(words in fault for fault in found), found
    assert all("rules.yaml" in fault for fault in found)


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        (None, None),
        ({}, None),
        (
            {"auth_time": "2026-11-23T12:00:00+00:00", "acrs": ["c1"]},
            SignInFacts(MONDAY_NOON, frozenset({"c1"})),
        ),
        ({"auth_time": "2026-11-23T12:00:00", "acrs": "c1"}, SignInFacts(None, frozenset())),
        ({"auth_time": 1, "acrs": [1, None]}, SignInFacts(None, frozenset())),
        ({"auth_time": "yesterday"}, SignInFacts(None, frozenset())),
    ],
)
def test_what_a_session_says_is_read_and_what_can_not_be_read_proves_nothing(said: Any, facts: Any) -> None:
    assert read_facts(said) == facts


DEMANDS = st.builds(
    FreshSignIn,
    context=st.sampled_from(["", "c1", "c2", "c3"]),
    within=st.none() | st.integers(1, 120).map(lambda minutes: minutes * MINUTE),
    at=st.just((REQUEST,)),
)
FACTS = st.none() | st.builds(
    SignInFacts,
    auth_time=st.none() | st.integers(-5, 130).map(lambda minutes: MONDAY_NOON - minutes * MINUTE),
    acrs=st.frozensets(st.sampled_from(["c1", "c2", "c3"])),
)


@given(st.lists(DEMANDS, min_size=1, max_size=4), FACTS)
def test_the_strictest_is_met_exactly_when_every_demand_is(
    demands: list[FreshSignIn], facts: SignInFacts | None
) -> None:
    together = strictest(demands, REQUEST)
    assert together is not None
    each = [demand.need.met(facts, MONDAY_NOON) for demand in demands]
    assert together.met(facts, MONDAY_NOON) is all(each)
    assert bool(together.lacking(facts, MONDAY_NOON)) is not all(each)
