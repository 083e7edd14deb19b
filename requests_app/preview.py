"""What would happen if somebody asked: verdict, people, and the very rules to be written. From the database alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from requests_app import context, surroundings
from requests_app.models import Container, ContainerSnapshot, Entitlement, Opening, Person
from requests_app.once import Once
from requests_app.policy.evaluate import evaluate
from requests_app.policy.facts import REQUEST, Approver, Attempt
from requests_app.policy.model import StageRule
from requests_app.policy.on_behalf import without_own
from requests_app.policy.verdict import Verdict
from requests_app.targets.around import Around, around_findings
from requests_app.targets.base import ContainerState, RuleSpec, TargetError
from requests_app.targets.findings import Finding, findings, gravest_first
from requests_app.targets.priorities import next_free


@dataclass(frozen=True)
class RulePreview:
    """The rule as it would be written now, or why none can be. `read_at` says how old the knowledge is."""

    container: str
    priority: int | None
    source: str
    destination: str
    protocol: str
    ports: tuple[str, ...]
    read_at: datetime | None
    findings: tuple[Finding, ...] = ()
    problem: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return what is kept with the request, to compare with what was written."""
        return {
            "container": self.container,
            "priority": self.priority,
            "source": self.source,
            "destination": self.destination,
            "protocol": self.protocol,
            "ports": list(self.ports),
        }


@dataclass(frozen=True)
class StagePreview:
    """One stage that would have to agree, and who may decide it right now."""

    need: StageRule
    people: tuple[Approver, ...]
    alternates: tuple[Approver, ...] = ()


@dataclass(frozen=True)
class Preview:
    """Everything the page shows beside the form."""

    verdict: Verdict
    stages: tuple[StagePreview, ...]
    rules: tuple[RulePreview, ...]
    directory_age: timedelta | None
    attempt: Attempt


def preview(
    person: Person,
    ask: context.Ask,
    *,
    observed: str | None,
    now: datetime,
    moments: tuple[str, ...] = (REQUEST,),
    sign_in: Mapping[str, Any] | None = None,
    once: Once | None = None,
) -> Preview:
    """Return what submitting this ask would do, in a session with `sign_in`; `once` is shared by those of one bundle.

    Writes nothing, reads no Azure; raises Refused without a policy.
    """
    once = once or Once()
    policy = once(("policy", moments), lambda: context.policy_at(*moments))
    rules = tuple(_rules(ask.entitlement, ask.source or observed or ""))
    known = all(rule.read_at is not None for rule in rules)
    around = tuple(fact for rule in rules for fact in surroundings.as_facts(rule.container, rule.findings))
    attempt = context.attempt(
        policy,
        person,
        ask,
        observed=observed,
        now=now,
        containers_known=known,
        surroundings=around,
        moments=moments,
        sign_in=sign_in,
        once=once,
    )
    verdict = evaluate(policy, attempt)
    return Preview(
        verdict=verdict,
        stages=tuple(_stage(need, attempt) for need in verdict.stages),
        rules=rules,
        directory_age=attempt.person.directory_age,
        attempt=attempt,
    )


def _stage(need: StageRule, attempt: Attempt) -> StagePreview:
    own, joining = (found.get(need.name, ()) for found in (attempt.approvers, attempt.alternates))
    return StagePreview(need, without_own(own, attempt), without_own(joining, attempt))


def _rules(entitlement: Entitlement, source: str) -> list[RulePreview]:
    ids = [Container.one_spelling(nsg) for nsg in entitlement.nsgs]
    snapshots = {
        snapshot.container.azure_id: snapshot
        for snapshot in ContainerSnapshot.objects.filter(container__azure_id__in=ids).select_related(
            "container"
        )
    }
    promised: dict[str, set[int]] = {}
    live = Opening.objects.filter(container__azure_id__in=ids, desired=Opening.Desired.PRESENT)
    for azure_id, priority in live.values_list("container__azure_id", "priority"):
        if priority:
            promised.setdefault(azure_id, set()).add(priority)
    return [
        _rule(entitlement, source, azure_id, snapshots.get(azure_id), promised.get(azure_id, set()))
        for azure_id in ids
    ]


def _rule(
    entitlement: Entitlement,
    source: str,
    azure_id: str,
    snapshot: ContainerSnapshot | None,
    promised: set[int],
) -> RulePreview:
    rule = RulePreview(
        container=Container(azure_id=azure_id).name,
        priority=None,
        source=source,
        destination=entitlement.destination,
        protocol=entitlement.protocol,
        ports=tuple(str(port) for port in entitlement.ports),
        read_at=None,
    )
    if snapshot is None or not snapshot.body:
        words = "This group was not read from Azure yet; the number is chosen when it opens."
        return replace(rule, problem=words)
    rule = replace(rule, read_at=snapshot.read_at, problem=snapshot.error)
    state = ContainerState.from_dict(snapshot.body)
    try:
        rule = replace(rule, priority=next_free(state, settings.PRIORITY_BAND, taken=promised))
    except TargetError as error:
        full = Finding("band_full", error.sentence(), "danger")
        return replace(rule, problem=error.sentence(), findings=(full,))
    around = Around.from_dict(snapshot.around)
    return replace(rule, findings=_findings(state, around, rule))


def _findings(state: ContainerState, around: Around, rule: RulePreview) -> tuple[Finding, ...]:
    if not rule.source or rule.priority is None:
        return ()
    spec = RuleSpec(
        name="latch-preview",
        priority=rule.priority,
        source=rule.source,
        destination=rule.destination,
        protocol=rule.protocol,
        ports=rule.ports,
        description="",
    )
    return gravest_first([*findings(state, spec), *around_findings(around, state.azure_id, spec)])
