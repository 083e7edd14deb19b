"""What policy answers, and how it is kept as JSON; nothing is decided here."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, cast

from requests_app.policy.checks import Check, Outcome
from requests_app.policy.model import ApproverKind, ApproverRule, Escalation, StageRule
from requests_app.policy.sign_in import FreshSignIn
from requests_app.policy.windows import Later

__all__ = ["Check", "Limits", "Outcome", "StageRule", "Verdict"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most somebody could get.

    The smallest limits of their rules and every stage those require, in order.
    """

    max_duration: timedelta
    activate_within: timedelta
    stages: tuple[StageRule, ...]
    later: Later = field(default_factory=Later)

    @property
    def stage_titles(self) -> tuple[str, ...]:
        return tuple(stage.title for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer with every check; limits are zero where no rule matched."""

    outcome: Literal["allowed", "refused"]
    checks: tuple[Check, ...]
    stages: tuple[StageRule, ...]
    max_duration: timedelta
    activate_within: timedelta
    rules: tuple[str, ...]
    policy_hash: str
    sign_in: tuple[FreshSignIn, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.outcome == "allowed"

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that refused, in order."""
        return tuple(check for check in self.checks if check.refuses)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; durations are whole seconds."""
        return {
            "outcome": self.outcome,
            "checks": [
                {
                    "name": check.name,
                    "title": check.title,
                    "outcome": check.outcome,
                    "reason": check.reason,
                    "way_on": check.way_on,
                }
                for check in self.checks
            ],
            "stages": [_stage_to_dict(stage) for stage in self.stages],
            "max_duration": _seconds(self.max_duration),
            "activate_within": _seconds(self.activate_within),
            "rules": list(self.rules),
            "policy_hash": self.policy_hash,
            "sign_in": [demand.to_dict() for demand in self.sign_in],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Verdict":
        """The verdict `to_dict` was made of; KeyError or TypeError when it is something else."""
        return cls(
            outcome="allowed" if data["outcome"] == "allowed" else "refused",
            checks=tuple(Check(**check) for check in data["checks"]),
            stages=tuple(_stage_from_dict(stage) for stage in data["stages"]),
            max_duration=timedelta(seconds=data["max_duration"]),
            activate_within=timedelta(seconds=data["activate_within"]),
            rules=tuple(data["rules"]),
            policy_hash=data["policy_hash"],
            # Verdicts from before there were such demands hold none.
            sign_in=tuple(FreshSignIn.from_dict(demand) for demand in data.get("sign_in", ())),
        )


def steps(stages: tuple[StageRule, ...]) -> tuple[int, ...]:
    """The step each of these stages belongs to, from 1; those of one step are decided at the same time."""
    numbers: list[int] = []
    leader = None
    for stage in stages:
        mine = stage.together_with or stage.name
        numbers.append(numbers[-1] if numbers and mine == leader else len(set(numbers)) + 1)
        leader = mine
    return tuple(numbers)


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _stage_to_dict(stage: StageRule) -> dict[str, Any]:
    escalation = stage.escalation
    return {
        "name": stage.name,
        "title": stage.title,
        "approvers": _approvers_to_dict(stage.approvers),
        "quorum": stage.quorum,
        "lapse_after": _seconds(stage.lapse_after),
        "everyone": stage.everyone,
        "remind_every": _seconds(stage.remind_every) if stage.remind_every else None,
        "escalate_after": _seconds(escalation.after) if escalation else None,
        "alternates": _approvers_to_dict(escalation.to) if escalation else None,
        "together_with": stage.together_with,
    }


def _approvers_to_dict(approvers: ApproverRule) -> dict[str, str]:
    return {
        "kind": approvers.kind,
        "group": approvers.group,
        "group_oid": approvers.group_oid,
        "name": approvers.name,
    }


def _stage_from_dict(data: dict[str, Any]) -> StageRule:
    # What was kept before stages had timers says nothing of them.
    remind, escalate = data.get("remind_every"), data.get("escalate_after")
    return StageRule(
        name=data["name"],
        title=data["title"],
        approvers=_approvers_from_dict(data["approvers"]),
        quorum=data["quorum"],
        lapse_after=timedelta(seconds=data["lapse_after"]),
        everyone=data.get("everyone", False),
        remind_every=timedelta(seconds=remind) if remind else None,
        escalation=Escalation(timedelta(seconds=escalate), _approvers_from_dict(data["alternates"]))
        if escalate
        else None,
        together_with=data.get("together_with", ""),
    )


def _approvers_from_dict(data: dict[str, str]) -> ApproverRule:
    return ApproverRule(
        cast(ApproverKind, data["kind"]), data["group"], data["group_oid"], data.get("name", "")
    )
