"""One person's vote in an active stage of a request, and what follows from it."""

from datetime import datetime
from typing import Any

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import move
from audit_app.trail import record
from requests_app import deciders, notify
from requests_app.actions import grants, stages
from requests_app.actions.attempting import attempting
from requests_app.actions.deciding import locked, require_decider
from requests_app.actions.fresh import require_at_approval
from requests_app.actions.leave_out import spare_owners
from requests_app.actions.narrow import Narrower, narrow
from requests_app.actions.refusals import require_reason
from requests_app.actions.shown import shown
from requests_app.models import AccessRequest, Decision, Person, Stage
from requests_app.notices import asking
from requests_app.standing import Decider

AS_ASKED = Narrower()


def decide(
    *,
    by: Person,
    stage_id: int,
    vote: str,
    reason: str = "",
    narrower: Narrower = AS_ASKED,
    seen: str = "",
    sign_in: dict[str, Any] | None = None,
) -> AccessRequest:
    """The vote stands, and the stage and the request have moved as far as it carries them.

    Who approves may make it shorter or narrower, or leave some of it out; all of it left out is a denial. `seen` is the
    fingerprint of what they were shown. Refuses the requester, who may not decide now, and who was heard on this
    request before; an approval also with SignInNeeded, when policy asks for more than `sign_in` shows (a denial opens
    nothing, so it asks for nothing). Raises Stale when the stage is not waiting any more or the request is not what was
    seen, Invalid for a denial, or something left out, without a reason.
    """
    vote = Decision.Vote(vote)
    reason = require_reason(reason) if vote == Decision.Vote.DENY else reason.strip()
    access_request = AccessRequest.objects.select_related("requester").get(stages=stage_id)
    with attempting("decision.refused", by=by.party, about=access_request.about()):
        access_request, stage = locked(stage_id)
        moment = now()
        decider = require_decider(by, access_request, stage, moment, seen=seen)
        saw = shown(access_request)
        approves = vote == Decision.Vote.APPROVE
        if approves:
            require_at_approval(access_request, sign_in, moment)
        changed = narrow(access_request, narrower, by=by) if approves else {}
        if approves and not access_request.kept:
            # Who leaves out all there is has denied it.
            vote, approves = Decision.Vote.DENY, False
            reason = reason or "; ".join(item.left_out_why for item in access_request.wanted)
        _vote(decider, stage, vote, reason, moment, saw=saw, changed=changed)
        if approves:
            _move_on(decider, access_request, stage, moment, shortened="duration_seconds" in changed)
        else:
            _deny(by, access_request, stage, reason, moment)
    return access_request


def _vote(
    decider: Decider,
    stage: Stage,
    vote: "Decision.Vote",
    reason: str,
    moment: datetime,
    *,
    saw: dict[str, Any],
    changed: dict[str, Any],
) -> None:
    Decision.objects.create(
        access_request=stage.access_request,
        stage=stage,
        person=decider.person,
        in_place_of=decider.in_place_of,
        vote=vote,
        reason=reason,
        saw=saw,
        changed=changed,
        decided_at=moment,
        source_address=origin.current().source_address,
    )
    record(
        "decision.approved" if vote == Decision.Vote.APPROVE else "decision.denied",
        by=decider.person.party,
        about=stage.about(),
        why=reason,
        data={
            "stage": stage.name,
            "seen": saw["seen"],
            **({"in_place_of": decider.in_place_of.identity} if decider.in_place_of else {}),
        },
    )


def _agreed(stage: Stage, moment: datetime) -> bool:
    """Whether the votes are enough: so many, or all who may decide."""
    if stage.everyone:
        return not deciders.of_stage(stage, stage.access_request, moment)
    return stage.decisions.filter(vote=Decision.Vote.APPROVE).count() >= stage.quorum


def _deny(by: Person, access_request: AccessRequest, stage: Stage, reason: str, moment: datetime) -> None:
    move(stage, "deny", by=by.party, why=reason, decided_at=moment)
    move(access_request, "deny", by=by.party, why=reason, decided_at=moment, lapses_at=None)
    asking.settled(stage, by=str(by))
    stages.cancel_rest(access_request, stages.WORKFLOW)
    notify.decided(access_request, by=str(by), why=reason)


def _move_on(
    decider: Decider, access_request: AccessRequest, stage: Stage, moment: datetime, *, shortened: bool
) -> None:
    if len(access_request.kept) < len(access_request.wanted):
        spare_owners(access_request, but=stage)
    if _agreed(stage, moment):
        _approve(decider, access_request, stage, moment)
    if shortened and access_request.state == AccessRequest.State.PENDING:
        stages.bring_forward(access_request, moment)


def _approve(decider: Decider, access_request: AccessRequest, stage: Stage, moment: datetime) -> None:
    move(stage, "approve", by=decider.person.party, decided_at=moment)
    if not stages.start_next(access_request, moment):
        grants.approve(access_request, moment, by=str(decider))
    asking.settled(stage, by=str(decider))
