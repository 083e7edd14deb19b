"""What policy answers, and how it is kept as JSON; nothing is decided here."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, cast

from requests_app.policy.checks import Check, Outcome
from requests_app.policy.model import ApproverKind, ApproverRule, StageRule
from requests_app.policy.sign_in import FreshSignIn

__all__ = ["Check", "Limits", "Outcome", "StageNeed", "Verdict"]


@dataclass(frozen=True, slots=True)
class StageNeed:
    """A stage this request has to pass."""

    name: str
    title: str
    approvers: ApproverRule
    quorum: int
    lapse_after: timedelta

    @classmethod
    def of(cls, stage: StageRule) -> "StageNeed":
        """What a declared stage asks of a request."""
        return cls(stage.name, stage.title, stage.approvers, stage.quorum, stage.lapse_after)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most somebody could get.

    The smallest limits of their rules and every stage those require, in order.
    """

    max_duration: timedelta
    activate_within: timedelta
    stages: tuple[StageNeed, ...]

    @property
    def stage_titles(self) -> tuple[str, ...]:
        return tuple(stage.title for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer with every check; limits are zero where no rule matched."""

    outcome: Literal["allowed", "refused"]
    checks: tuple[Check, ...]
    stages: tuple[StageNeed, ...]
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


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _stage_to_dict(stage: StageNeed) -> dict[str, Any]:
    return {
        "name": stage.name,
        "title": stage.title,
        "approvers": {
            "kind": stage.approvers.kind,
            "group": stage.approvers.group,
            "group_oid": stage.approvers.group_oid,
        },
        "quorum": stage.quorum,
        "lapse_after": _seconds(stage.lapse_after),
    }


def _stage_from_dict(data: dict[str, Any]) -> StageNeed:
    approvers = data["approvers"]
    return StageNeed(
        name=data["name"],
        title=data["title"],
        approvers=ApproverRule(
            cast(ApproverKind, approvers["kind"]), approvers["group"], approvers["group_oid"]
        ),
        quorum=data["quorum"],
        lapse_after=timedelta(seconds=data["lapse_after"]),
    )
