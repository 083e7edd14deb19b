"""Decides one attempt: facts in, a verdict with every check out; it never raises, and what fails to run refuses."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from requests_app.policy.checks import Check
from requests_app.policy.conditions import CONDITIONS, Condition, Reason
from requests_app.policy.durations import in_words
from requests_app.policy.facts import Attempt, EntitlementFacts, PersonFacts
from requests_app.policy.model import PolicySet, Rule
from requests_app.policy.source import SourceRefused, check_source
from requests_app.policy.staffing import check_stages
from requests_app.policy.verdict import Limits, StageNeed, Verdict

DIRECTORY_FRESH = timedelta(minutes=5)
NOTHING = timedelta(0)
_ORDER = {condition: number for number, condition in enumerate(CONDITIONS.values())}
_ANY_REASON = Reason()


def evaluate(policy: PolicySet, attempt: Attempt) -> Verdict:
    """May this be had, for how long and past which stages. All matching rules apply, the strictest wins; none is no."""
    rules, broken = _matching(policy, attempt.person, attempt.entitlement)
    limits = _limits(policy, rules)
    checks = [
        *broken,
        _run("person_enabled", "Your account is enabled", lambda: _person_enabled(attempt)),
        _run("directory_fresh", "The directory copy is fresh", lambda: _directory_fresh(attempt)),
        _run("entitlement_active", "It is in the catalogue", lambda: _entitlement_active(attempt)),
        _run("rule_matches", "A rule lets you ask", lambda: _rule_matches(rules)),
        _run("duration", "The duration is allowed", lambda: _duration(attempt, limits.max_duration, bool(rules))),
        *(_run(demand.name, demand.title, lambda it=demand: it.check(attempt)) for demand in _demands(rules)),  # type: ignore[misc]
        _run("source", "The source address may be let in", lambda: _source(policy, attempt)),
        *_stage_checks(limits.stages, attempt),
        *_warnings(attempt),
    ]
    return Verdict(
        outcome="refused" if any(check.refuses for check in checks) else "allowed",
        checks=tuple(checks),
        stages=limits.stages,
        max_duration=limits.max_duration,
        activate_within=limits.activate_within,
        rules=tuple(rule.name for rule in rules),
        policy_hash=policy.hash,
    )


def eligible(policy: PolicySet, person: PersonFacts, entitlement: EntitlementFacts) -> Limits | None:
    """What this person could get of this entitlement at most, None when they cannot ask for it at all."""
    if person.enabled is not True or not entitlement.active:
        return None
    rules, broken = _matching(policy, person, entitlement)
    if broken or not rules:
        return None
    if any(condition.rules_out(person) for rule in rules for condition in rule.conditions):
        return None
    return _limits(policy, rules)
