"""The facts of one attempt, gathered from the database alone: who, what, when, from where, under which policy.

Nothing here decides, and nothing here writes.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from requests_app import deciders, directory, sign_in_contexts
from requests_app.errors import Refused
from requests_app.models import Entitlement, Person, PolicyVersion
from requests_app.once import Once
from requests_app.policy.document import load
from requests_app.policy.evaluate import evaluate
from requests_app.policy.facts import (
    ACTIVATION,
    BREAK_GLASS,
    REQUEST,
    Approver,
    Attempt,
    EntitlementFacts,
    PersonFacts,
    Surrounding,
)
from requests_app.policy.model import ApproverRule, PolicySet
from requests_app.policy.sign_in import FreshSignIn, demands_of, read_facts
from requests_app.policy.verdict import Verdict
from requests_app.policy.windows import Plan
from requests_app.standing import Decider
from requests_app.surroundings import locks


@dataclass(frozen=True)
class Ask:
    """What a person asks for, as the form or the API handed it in; without a plan, for now."""

    entitlement: Entitlement
    duration: timedelta
    reason: str
    ticket: str = ""
    source: str = ""
    plan: Plan | None = None
    # Who asks, where it is for somebody else.
    asked_by: Person | None = None


def active_policy() -> PolicySet:
    """Return the policy in force, parsed once per process and version; raises Refused when none was ever loaded."""
    active = PolicyVersion.objects.filter(active=True).values_list("hash", flat=True).first()
    if active is None:
        raise Refused(
            "No policy is loaded, so nothing can be asked for.",
            check="policy",
            way_on="An administrator loads one with: manage.py policy load",
        )
    return _parsed(active)


def policy_at(*moments: str) -> PolicySet:
    """Return the policy in force as it applies at these moments: breaking the glass has rules of its own."""
    policy = active_policy()
    return policy.in_emergency if BREAK_GLASS in moments else policy


@lru_cache(maxsize=2)
def _parsed(version: str) -> PolicySet:
    return load(PolicyVersion.objects.get(hash=version).documents)


def entitlement_facts(entitlement: Entitlement) -> EntitlementFacts:
    """Return what policy may know of an entitlement and its resource."""
    resource = entitlement.resource
    return EntitlementFacts(
        key=entitlement.key,
        name=entitlement.name,
        kind=entitlement.kind,
        tags=frozenset(entitlement.tags) | frozenset(resource.tags),
        environment=resource.environment,
        resource_key=resource.key,
        resource_name=resource.name,
        owner_oid=str(resource.owner_oid or ""),
        destination=entitlement.destination,
        active=entitlement.active and resource.active,
    )


def deciders_by_stage(
    policy: PolicySet, person: Person, entitlement: Entitlement, now: datetime, once: Once
) -> tuple[Mapping[str, tuple[Approver, ...]], Mapping[str, tuple[Approver, ...]]]:
    """Return who may decide, now, each stage that some rule about this entitlement could require, and their alternates."""
    facts = entitlement_facts(entitlement)
    needed = {stage for rule in policy.rules_about(facts) for stage in rule.stages}
    rules: dict[Hashable, ApproverRule] = {
        (which, stage.name): rule
        for stage in policy.stages
        if stage.name in needed
        for which, rule in (("own", stage.approvers), ("joining", stage.escalation and stage.escalation.to))
        if rule
    }
    owners = any(rule.kind == "owner" for rule in rules.values())
    owner = entitlement.resource.owner_oid if owners else None
    found = once(
        ("deciders", person.pk, now, owner, frozenset(rules.items())),
        lambda: deciders.of_rules(rules, requester=person, owner_oid=owner, now=now),
    )
    own, joining = (
        {stage.name: tuple(map(_as_fact, found.get((which, stage.name), ()))) for stage in policy.stages}
        for which in ("own", "joining")
    )
    return own, joining


def _as_fact(one: Decider) -> Approver:
    place = str(one.in_place_of.oid) if one.in_place_of else ""
    return Approver(str(one.person.oid), str(one), place, one.away_until)


def attempt(
    policy: PolicySet,
    person: Person,
    ask: Ask,
    *,
    observed: str | None,
    now: datetime,
    containers_known: bool = True,
    surroundings: tuple[Surrounding, ...] = (),
    moments: tuple[str, ...] = (REQUEST,),
    sign_in: Mapping[str, Any] | None = None,
    once: Once | None = None,
) -> Attempt:
    """Return everything policy is told about one person asking for one entitlement now, in a session with `sign_in`.

    `once` is shared by those who ask for several things at the same moment.
    """
    once = once or Once()
    entitlement = entitlement_facts(ask.entitlement)
    approvers, alternates = deciders_by_stage(policy, person, ask.entitlement, now, once)
    contexts = {demand.context for demand in demands_of(policy.rules_about(entitlement)) if demand.context}
    return Attempt(
        person=_facts_of(person, now, once),
        entitlement=entitlement,
        duration=ask.duration,
        reason=ask.reason,
        ticket=ask.ticket,
        source=ask.source,
        observed_source=observed,
        at=now,
        approvers=approvers,
        alternates=alternates,
        containers_known=containers_known,
        surroundings=surroundings,
        moments=moments,
        sign_in=read_facts(sign_in),
        void_contexts=sign_in_contexts.void(contexts) if contexts else {},
        plan=ask.plan,
        asked_by=_facts_of(ask.asked_by, now, once) if ask.asked_by else None,
    )


def _facts_of(person: Person, now: datetime, once: Once) -> PersonFacts:
    return once(("person", person.pk, now), lambda: directory.person_facts(person, now))


def sign_in_demands(
    person: Person, entitlements: Iterable[Entitlement], moment: str, now: datetime
) -> tuple[FreshSignIn, ...]:
    """Return what the rules in force ask of a sign-in at this moment where this person asks for these entitlements."""
    policy = active_policy()
    sets = (policy, policy.in_emergency) if moment == BREAK_GLASS else (policy,)
    facts_of = [entitlement_facts(one) for one in entitlements]
    about = [rule for one in facts_of for rules in sets for rule in rules.rules_about(one)]
    asking = [rule for rule in about if any(moment in demand.at for demand in demands_of([rule]))]
    # Most rules ask for nothing: then nobody's groups are looked up.
    facts = directory.person_facts(person, now) if asking else None
    return demands_of(rule for rule in asking if facts and rule.who.matches(facts))


def verdict_at_activation(
    person: Person,
    ask: Ask,
    *,
    now: datetime,
    moments: tuple[str, ...] = (ACTIVATION,),
    sign_in: Mapping[str, Any] | None = None,
) -> Verdict:
    """Return what policy says today of what was approved before: people leave groups, and policies change.

    A lock that would keep it from being closed refuses. Who could approve is not asked again, since that was
    decided; nor is the client's address, which the caller compared. `moments` is empty where the person is not there.
    """
    policy = policy_at(*moments)
    around = locks(ask.entitlement)
    whole = evaluate(
        policy,
        attempt(
            policy, person, ask, observed=None, now=now, surroundings=around, moments=moments, sign_in=sign_in
        ),
    )
    checks = tuple(check for check in whole.checks if not check.name.startswith("stage_"))
    refused = any(check.refuses for check in checks)
    return replace(whole, checks=checks, outcome="refused" if refused else "allowed")
