"""Moving a request from stage to stage. Votes are in decide.py; what time does to a stage is in waiting.py."""

from datetime import datetime
from typing import Any
from uuid import UUID

from audit_app.lifecycle import move
from audit_app.trail import Party, system
from requests_app.actions import waiting
from requests_app.actions.extending import latest
from requests_app.models import AccessRequest, Person, Stage
from requests_app.notices import asking
from requests_app.policy.model import ApproverRule, StageRule

WORKFLOW = system("workflow")


def build(access_request: AccessRequest, rule: StageRule, *, position: int, step: int) -> Stage:
    """Return the stage this rule asks for, not saved yet."""
    stage = Stage(access_request=access_request, position=position, step=step, **columns(rule))
    if rule.approvers.kind == "person":
        # An owner of part of a bundle: no policy names a person.
        stage.approver_name = ""
        stage.approver_person = Person.objects.get(tid=access_request.requester.tid, oid=rule.approvers.name)
    return stage


def columns(rule: StageRule) -> dict[str, Any]:
    """Return what a stage keeps of the rule that asks for it."""
    escalation = rule.escalation
    return {
        "name": rule.name,
        "title": rule.title,
        "quorum": rule.quorum,
        "everyone": rule.everyone,
        "lapse_after": rule.lapse_after,
        "remind_every": rule.remind_every,
        "escalate_after": escalation.after if escalation else None,
        **_found("approver", rule.approvers),
        **(_found("alternate", escalation.to) if escalation else {}),
    }


def _found(which: str, rule: ApproverRule) -> dict[str, str | UUID | None]:
    group = UUID(rule.group_oid) if rule.group_oid else None
    return {f"{which}_kind": rule.kind, f"{which}_group": group, f"{which}_name": rule.name}


def start_next(access_request: AccessRequest, moment: datetime) -> bool:
    """The stages of the next step are active and their approvers are told; False when no stage is left.

    Nothing happens while a stage of this step is still being decided. The caller holds the request's row.
    """
    undecided = list(access_request.stages.filter(state__in=[Stage.State.WAITING, Stage.State.ACTIVE]))
    active = [stage for stage in undecided if stage.state == Stage.State.ACTIVE]
    if undecided and not active:
        active = [stage for stage in undecided if stage.step == undecided[0].step]
        for stage in active:
            stage.access_request = access_request
            stage.timed_from, stage.lapses_at = moment, _lapses(access_request, stage, moment)
            waiting.begin(stage, moment)
    _set_lapse(access_request, active)
    return bool(active)


def restart(access_request: AccessRequest, moment: datetime) -> None:
    """The time of every stage that is being decided begins anew. The caller holds the request's row."""
    active = list(access_request.stages.filter(state=Stage.State.ACTIVE))
    for stage in active:
        stage.access_request = access_request
        stage.timed_from, stage.lapses_at = moment, _lapses(access_request, stage, moment)
        stage.reminded_at = None
        stage.due_at = waiting.next_due(stage, moment)
        stage.save(update_fields=["timed_from", "lapses_at", "reminded_at", "due_at"])
    _set_lapse(access_request, active)


def pause(access_request: AccessRequest, until: datetime) -> None:
    """No stage reminds or escalates until then, when the request lapses. The caller holds the request's row."""
    active = access_request.stages.filter(state=Stage.State.ACTIVE)
    active.update(lapses_at=until, due_at=until)
    _set_lapse(access_request, list(active))


def bring_forward(access_request: AccessRequest, moment: datetime) -> None:
    """No stage waits longer than a decision is of use, now that less was agreed to. The caller holds its row."""
    active = list(access_request.stages.filter(state=Stage.State.ACTIVE))
    for stage in active:
        stage.lapses_at = no_later(access_request, stage.lapses_at or moment)
        stage.due_at = min(stage.due_at or stage.lapses_at, stage.lapses_at)
        stage.save(update_fields=["lapses_at", "due_at"])
    _set_lapse(access_request, active)


def _set_lapse(access_request: AccessRequest, active: list[Stage]) -> None:
    """The request lapses with the first of its stages that does."""
    access_request.lapses_at = min((stage.lapses_at for stage in active if stage.lapses_at), default=None)
    access_request.save(update_fields=["lapses_at"])


def _lapses(access_request: AccessRequest, stage: Stage, moment: datetime) -> datetime:
    return no_later(access_request, moment + stage.lapse_after)


def no_later(access_request: AccessRequest, by_policy: datetime) -> datetime:
    """Return when nobody needs to decide any more.

    More time is of no use once what it extends is nearly over, nor is a window.
    """
    windows = access_request.windows
    last = windows[-1].last_chance if windows else None
    if access_request.extends:
        last = latest(access_request.extends)
    return min(by_policy, last) if last else by_policy


def cancel_rest(access_request: AccessRequest, by: Party) -> None:
    """No stage of this request waits any more."""
    rest = access_request.stages.filter(state__in=[Stage.State.WAITING, Stage.State.ACTIVE])
    for stage in rest.order_by("step", "position"):
        stage.access_request = access_request
        cancel(stage, by=by)


def cancel(stage: Stage, *, by: Party = WORKFLOW, why: str = "") -> None:
    """The stage does not wait any more, and whoever was asked is told that nobody needs to."""
    waited = stage.state == Stage.State.ACTIVE
    move(stage, "cancel", by=by, why=why)
    if waited:
        withdrawn = stage.access_request.state == AccessRequest.State.WITHDRAWN
        asking.settled(stage, by=by.label if withdrawn else "")
