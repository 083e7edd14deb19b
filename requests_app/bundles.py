"""Several entitlements asked for at once: policy's word on each, and the stages that all of them pass together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from requests_app import context, preview
from requests_app.context import Ask
from requests_app.models import Person
from requests_app.once import Once
from requests_app.policy.checks import Check
from requests_app.policy.facts import REQUEST
from requests_app.policy.model import ApproverRule
from requests_app.policy.staffing import check_stages
from requests_app.policy.verdict import Verdict
from requests_app.preview import Preview, StagePreview

# So many fit into one code, and on one page of an approver.
MOST: Final = 10

_DIFFERENT_OWNERS = Check(
    "one_owner",
    "One owner can decide",
    "fail",
    "These belong to different owners, and policy lets the owner join later.",
    "Ask for them one by one.",
)


@dataclass(frozen=True)
class Bundle:
    """What would happen if all of these were asked for in one request; `checks` are about them together."""

    asks: tuple[Ask, ...]
    parts: tuple[Preview, ...]
    stages: tuple[StagePreview, ...]
    checks: tuple[Check, ...]

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Return policy's word on each, by name; one alone needs none."""
        several = len(self.asks) > 1
        return {
            ask.entitlement.name if several else "": part.verdict
            for ask, part in zip(self.asks, self.parts, strict=True)
        }

    @property
    def activate_within(self) -> timedelta:
        """Return the shortest of the times to activate."""
        return min(part.verdict.activate_within for part in self.parts)

    @property
    def rules(self) -> list[str]:
        """Return the names of the rules that apply to any of them."""
        return list(dict.fromkeys(rule for part in self.parts for rule in part.verdict.rules))


def look(
    person: Person,
    asks: Sequence[Ask],
    *,
    observed: str | None,
    now: datetime,
    moments: tuple[str, ...] = (REQUEST,),
    sign_in: Mapping[str, Any] | None = None,
) -> Bundle:
    """Return what submitting these together would do. Writes nothing; raises Refused without a policy."""
    once = Once()
    parts = tuple(
        preview.preview(person, ask, observed=observed, now=now, moments=moments, sign_in=sign_in, once=once)
        for ask in asks
    )
    if len(parts) == 1:
        return Bundle(tuple(asks), parts, parts[0].stages, ())
    stages, apart = _union(person, asks, parts)
    return Bundle(tuple(asks), parts, stages, (*apart, *_together(parts, stages)))


def _union(
    person: Person, asks: Sequence[Ask], parts: Sequence[Preview]
) -> tuple[tuple[StagePreview, ...], tuple[Check, ...]]:
    """Every stage that one of them asks for, in policy's order; where owners differ, one stage for each of them."""
    owners = {ask.entitlement.resource.owner_oid for ask in asks}
    found: list[StagePreview] = []
    apart: tuple[Check, ...] = ()
    for rule in context.active_policy().stages:
        asking = [
            (ask, stage)
            for ask, part in zip(asks, parts, strict=True)
            for stage in part.stages
            if stage.need.name == rule.name
        ]
        if not asking:
            continue
        joins = asking[0][1].need.escalation
        if len(owners) > 1 and joins and joins.to.kind == "owner":
            apart = (_DIFFERENT_OWNERS,)
        if rule.approvers.kind == "owner" and len(owners) > 1:
            found += _of_each_owner(person, asking)
        else:
            found.append(asking[0][1])
    return tuple(found), apart


def _of_each_owner(person: Person, asking: Sequence[tuple[Ask, StagePreview]]) -> list[StagePreview]:
    """One stage for each owner, all of them at the same time."""
    by_owner = {str(ask.entitlement.resource.owner_oid or ""): stage for ask, stage in asking}
    people = {
        str(one.oid): str(one)
        for one in Person.objects.filter(tid=person.tid, oid__in=filter(None, by_owner))
    }
    return [
        replace(
            stage,
            need=replace(
                stage.need,
                name=f"{stage.need.name}-{number}"[:60],
                title=f"{stage.need.title}: {people.get(oid, 'not known')}"[:120],
                approvers=ApproverRule("person", name=oid),
                together_with=stage.need.together_with or stage.need.name,
            ),
        )
        for number, (oid, stage) in enumerate(by_owner.items(), start=1)
    ]


def _together(parts: Sequence[Preview], stages: tuple[StagePreview, ...]) -> list[Check]:
    """What no part says by itself: nobody decides two stages, so the stages of all need enough people together."""
    if any(_stage_fails(part) for part in parts):
        return []
    whole = replace(
        parts[0].attempt,
        approvers={stage.need.name: stage.people for stage in stages},
        alternates={stage.need.name: stage.alternates for stage in stages},
    )
    return [check for check in check_stages(tuple(stage.need for stage in stages), whole) if check.refuses]


def _stage_fails(part: Preview) -> bool:
    return any(check.name.startswith("stage_") for check in part.verdict.failed)
