"""Decides one attempt.

Facts in, a verdict with every check out; it never raises, and what fails to run refuses.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from requests_app.policy.checks import Check, Outcome
from requests_app.policy.conditions import CONDITIONS, Reason
from requests_app.policy.demand import Condition
from requests_app.policy.durations import in_words
from requests_app.policy.facts import BREAK_GLASS, DIRECTORY_FRESH, Attempt, EntitlementFacts, PersonFacts
from requests_app.policy.model import PolicySet, Rule, StageRule
from requests_app.policy.on_behalf import told_to_asker
from requests_app.policy.sign_in import demands_of, void_contexts
from requests_app.policy.source import SourceRefused, check_source
from requests_app.policy.staffing import check_stages, stage_title
from requests_app.policy.surrounding_words import warnings_of
from requests_app.policy.verdict import Limits, Verdict
from requests_app.policy.windows import check_windows, strictest

NOTHING = timedelta(0)
_ORDER = {condition: number for number, condition in enumerate(CONDITIONS.values())}
_ANY_REASON = Reason()

# What a check found: outcome, reason, way on.
_Said = tuple[Outcome, str, str]


def evaluate(policy: PolicySet, attempt: Attempt) -> Verdict:
    """May this be had, for how long and past which stages.

    All matching rules apply, the strictest wins; none is no.
    """
    rules, broken = _matching(policy, attempt.person, attempt.entitlement)
    waived = tuple(rule for rule in rules if _asks_nobody(rule, attempt))
    limits = most(policy, rules, waived)
    checks = [
        *broken,
        _run("person_enabled", "Your account is enabled", partial(_person_enabled, attempt.person)),
        _run("directory_fresh", "The directory copy is fresh", partial(_directory_fresh, attempt.person)),
        _run(
            "entitlement_active", "It is in the catalogue", partial(_entitlement_active, attempt.entitlement)
        ),
        _run("rule_matches", "A rule lets you ask for it", partial(_rule_matches, rules, attempt)),
        *taken_away(attempt.person, attempt.entitlement),
        _run(
            "duration", "The duration is allowed", partial(_duration, attempt.duration, limits, bool(rules))
        ),
        *_windows(attempt, limits),
        *(_run(demand.name, demand.title, partial(demand.check, attempt)) for demand in _demands(rules)),
        _run("source", "The source address may be let in", partial(_source, policy, attempt)),
        *_waived(waived),
        *_stages(limits.stages, attempt),
        *warnings_of(attempt),
        *void_contexts(demands_of(rules), attempt),
    ]
    verdict = Verdict(
        outcome="refused" if any(check.refuses for check in checks) else "allowed",
        checks=tuple(checks),
        stages=limits.stages,
        max_duration=limits.max_duration,
        activate_within=limits.activate_within,
        rules=tuple(rule.name for rule in rules),
        policy_hash=policy.hash,
        sign_in=demands_of(rules),
    )
    return told_to_asker(verdict, rules, attempt)


def eligible(policy: PolicySet, person: PersonFacts, entitlement: EntitlementFacts) -> Limits | None:
    """What this person could get of this entitlement at most, None when they cannot ask for it at all."""
    if person.enabled is not True or not entitlement.active or entitlement.key in person.taken_away:
        return None
    rules, broken = _matching(policy, person, entitlement)
    if broken or not rules:
        return None
    if any(condition.rules_out(person) for rule in rules for condition in rule.conditions):
        return None
    return most(policy, rules)


def _matching(
    policy: PolicySet, person: PersonFacts, entitlement: EntitlementFacts
) -> tuple[tuple[Rule, ...], tuple[Check, ...]]:
    try:
        return tuple(rule for rule in policy.rules_about(entitlement) if rule.who.matches(person)), ()
    except Exception as error:  # noqa: BLE001 - whatever it was, rules that cannot be read allow nothing
        return (), (_broken("rules", "The rules can be read", error),)


def most(policy: PolicySet, rules: tuple[Rule, ...], waived: tuple[Rule, ...] = ()) -> Limits:
    required = {name for rule in rules if rule not in waived for name in rule.stages}
    return Limits(
        max_duration=min((rule.max_duration for rule in rules), default=NOTHING),
        activate_within=min((rule.activate_within for rule in rules), default=NOTHING),
        stages=tuple(stage for stage in policy.stages if stage.name in required),
        later=strictest(rule.later for rule in rules),
    )


def _asks_nobody(rule: Rule, attempt: Attempt) -> bool:
    """Whether all that `auto_approve_when` asks for holds; what fails to run does not hold."""
    try:
        return bool(rule.auto_approve_when) and all(
            demand.check(attempt).outcome == "pass" for demand in rule.auto_approve_when
        )
    except Exception:  # noqa: BLE001 - a check that fails to run has failed, so people are asked
        return False


def _waived(waived: tuple[Rule, ...]) -> Iterator[Check]:
    for rule in waived:
        held = ", ".join(demand.title[:1].lower() + demand.title[1:] for demand in rule.auto_approve_when)
        yield Check(
            f"auto_{rule.name}", "Nobody has to be asked", "pass", f"“{rule.name}” asks nobody: {held}."
        )


def _demands(rules: tuple[Rule, ...]) -> list[Condition]:
    """Every condition of every matching rule once, in the registry's order.

    A reason is asked for in any case.
    """
    # Comparing costs hashing, so a single rule, the usual case, is taken as it stands.
    if len(rules) == 1:
        demands = list(rules[0].conditions)
    else:
        demands = list(dict.fromkeys(condition for rule in rules for condition in rule.conditions))
    if not any(isinstance(demand, Reason) for demand in demands):
        demands.append(_ANY_REASON)
    return sorted(demands, key=lambda demand: _ORDER.get(type(demand), len(_ORDER)))


def _run(name: str, title: str, look: Callable[[], Check | _Said]) -> Check:
    try:
        found = look()
    except Exception as error:  # noqa: BLE001 - a check that fails to run has failed
        return _broken(name, title, error)
    return found if isinstance(found, Check) else Check(name, title, *found)


def _broken(name: str, title: str, error: Exception) -> Check:
    return Check(
        name,
        title,
        "error",
        f"This could not be checked ({type(error).__name__}), so it counts as no.",
        "Try again; if it stays, tell an administrator the name of this check.",
    )


def _person_enabled(person: PersonFacts) -> _Said:
    if person.enabled is True:
        return "pass", "Your account is enabled.", ""
    if person.enabled is None:
        return (
            "fail",
            "Whether your account is enabled is not known.",
            "Try again in a minute; the directory is read anew.",
        )
    return "fail", "Your account is disabled in the directory.", "Ask your directory's administrators."


def _directory_fresh(person: PersonFacts) -> _Said:
    age = person.directory_age
    if age is None:
        return (
            "fail",
            "Your directory data was never read.",
            "Try again in a minute; tell an administrator if it stays.",
        )
    if age > DIRECTORY_FRESH:
        return (
            "fail",
            f"Your directory data is {in_words(age)} old; at most {in_words(DIRECTORY_FRESH)} will do.",
            "Try again in a minute; if it stays, tell an administrator that the directory copy stands still.",
        )
    return "pass", f"Your directory data is {in_words(age)} old.", ""


def _entitlement_active(entitlement: EntitlementFacts) -> _Said:
    if entitlement.active is True:
        return "pass", f"{entitlement.name} can be asked for.", ""
    return (
        "fail",
        f"{entitlement.name} is no longer offered.",
        "Look in the catalogue for what took its place.",
    )


def _rule_matches(rules: tuple[Rule, ...], attempt: Attempt) -> _Said:
    # Which groups could ask is not said: it would tell an outsider whose account to go after.
    if not rules and BREAK_GLASS in attempt.moments:
        return (
            "fail",
            "No rule lets you break the glass for this.",
            "Ask for it; the people who decide are told at once.",
        )
    if not rules:
        return "fail", "No rule lets you ask for this.", "The catalogue shows all that you can ask for."
    return "pass", f"Rules that apply: {', '.join(rule.name for rule in rules)}.", ""


def taken_away(person: PersonFacts, entitlement: EntitlementFacts) -> Iterator[Check]:
    """The check that says by whom and why it was taken away from this person; none where it was not."""
    why = person.taken_away.get(entitlement.key)
    if why is not None:
        yield Check(
            "not_taken_away",
            "It was not taken away from you",
            "fail",
            why,
            "An administrator can give it back, with a reason.",
        )


def _duration(duration: timedelta, limits: Limits, matched: bool) -> _Said:
    if duration <= NOTHING:
        return "fail", "The duration has to be more than nothing.", "Choose how long you need it."
    if matched and duration > limits.max_duration:
        most = in_words(limits.max_duration)
        return (
            "fail",
            f"{in_words(duration)} is longer than the {most} you may have.",
            f"Ask for {most} or less.",
        )
    if not matched:
        return (
            "fail",
            "Without a rule there is no time you may have.",
            "The catalogue shows all that you can ask for.",
        )
    return "pass", f"{in_words(duration)} is within the {in_words(limits.max_duration)} you may have.", ""


def _windows(attempt: Attempt, limits: Limits) -> list[Check]:
    """Nothing where it is asked for now."""
    if attempt.plan is None:
        return []
    try:
        return check_windows(attempt.plan, attempt.duration, attempt.at, limits.later)
    except Exception as error:  # noqa: BLE001 - a check that fails to run has failed
        return [_broken("start", "It begins at a time that is allowed", error)]


def _source(policy: PolicySet, attempt: Attempt) -> Check | _Said:
    try:
        address = check_source(
            attempt.source,
            observed=attempt.observed_source,
            destination=attempt.entitlement.destination or None,
            rule=policy.source,
        )
    except SourceRefused as refused:
        return Check(
            refused.check, "The source address may be let in", "fail", refused.reason, refused.way_on
        )
    return "pass", f"{address} will be let in.", ""


def _stages(stages: tuple[StageRule, ...], attempt: Attempt) -> list[Check]:
    try:
        return check_stages(stages, attempt)
    except Exception as error:  # noqa: BLE001 - a check that fails to run has failed
        return [_broken(f"stage_{stage.name}", stage_title(stage), error) for stage in stages]
