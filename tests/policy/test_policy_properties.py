"""What holds of every decision: more rules never allow more, and no facts make it raise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from requests_app.policy.evaluate import evaluate
from requests_app.policy.facts import Approver, Attempt
from requests_app.policy.model import Rule
from tests.policy.makers import MONDAY_NOON, POLICY, STRICT, attempt, entitlement, person

MINUTE = timedelta(minutes=1)
CONDITIONS = [condition for found in STRICT.rules for condition in found.conditions]
RULES = st.builds(
    replace,
    st.sampled_from(STRICT.rules),
    max_duration=st.integers(1, 240).map(lambda minutes: minutes * MINUTE),
    activate_within=st.integers(1, 240).map(lambda minutes: minutes * MINUTE),
    stages=st.sets(st.sampled_from(["manager", "owner", "security"])).map(lambda names: tuple(sorted(names))),
    conditions=st.lists(st.sampled_from(CONDITIONS), max_size=3).map(tuple),
)
PEOPLE = st.lists(st.sampled_from("abcde").map(lambda oid: Approver(oid, oid)), max_size=3).map(tuple)
ATTEMPTS = st.builds(
    attempt,
    duration=st.integers(-5, 300).map(lambda minutes: minutes * MINUTE),
    reason=st.sampled_from(["", "Short", "Restart the stuck worker"]),
    ticket=st.sampled_from(["", "INC-2214", "x"]),
    source=st.sampled_from(["81.2.69.142", "77.111.240.21", "10.0.0.1", "Internet", "2a00::1"]),
    observed_source=st.sampled_from([None, "81.2.69.142"]),
    at=st.integers(0, 8760).map(lambda hours: MONDAY_NOON + timedelta(hours=hours)),
    approvers=st.fixed_dictionaries({"manager": PEOPLE, "owner": PEOPLE, "security": PEOPLE}),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RULES, min_size=1, max_size=4), RULES, ATTEMPTS)
def test_one_more_matching_rule_never_allows_more(rules: list[Rule], added: Rule, asked: Attempt) -> None:
    before = evaluate(replace(POLICY, rules=tuple(rules)), asked)
    after = evaluate(replace(POLICY, rules=(*rules, added)), asked)
    assert before.allowed or not after.allowed
    assert after.max_duration <= before.max_duration
    assert after.activate_within <= before.activate_within
    assert {stage.name for stage in before.stages} <= {stage.name for stage in after.stages}


ANYTHING = st.one_of(
    st.none(), st.text(max_size=8), st.integers(), st.just(MONDAY_NOON), st.just(timedelta(1))
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "duration": ANYTHING,
            "reason": ANYTHING,
            "ticket": ANYTHING,
            "source": ANYTHING,
            "observed_source": ANYTHING,
            "at": ANYTHING,
            "approvers": ANYTHING,
            "entitlement": st.builds(entitlement, tags=ANYTHING, key=ANYTHING, destination=ANYTHING),
            "person": st.builds(person, group_ids=ANYTHING, enabled=ANYTHING, directory_age=ANYTHING),
        },
    )
)
def test_deciding_never_raises_whatever_the_facts(changed: Mapping[str, Any]) -> None:
    verdict = evaluate(STRICT, attempt(**{"ticket": "INC-2214", **changed}))
    assert verdict.allowed is not bool(verdict.failed)
