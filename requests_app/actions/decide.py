"""One person's vote in the active stage of a request, and what follows from it."""

from datetime import datetime

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from audit_app.trail import record
from requests_app import directory, notify
from requests_app.actions import grants, stages
from requests_app.actions.attempting import attempting
from requests_app.actions.refusals import require_reason
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Decision, Person, Stage


def decide(*, by: Person, stage_id: int, vote: str, reason: str = "") -> AccessRequest:
    """The vote stands, and the stage and the request have moved as far as it carries them.

    Refuses the requester, who may not decide now, and who voted on this request before. Raises Stale when the
    stage is not waiting any more, Invalid for a denial without a reason.
    """
    vote = Decision.Vote(vote)
    reason = require_reason(reason) if vote == Decision.Vote.DENY else reason.strip()
    access_request = AccessRequest.objects.select_related("requester").get(stages=stage_id)
    with attempting("decision.refused", by=by.party, about=access_request.about()):
        # Votes and quorum hang on other rows, so the request's row is the lock.
        access_request = (
            AccessRequest.objects.select_for_update(of=("self",))
            .select_related("requester")
            .get(stages=stage_id)
        )
        stage = Stage.objects.get(pk=stage_id)
        stage.access_request = access_request
        moment = now()
        _refuse(by, access_request, stage, moment)
        _vote(by, access_request, stage, vote, reason, moment)
        if vote == Decision.Vote.DENY:
            _deny(by, access_request, stage, reason, moment)
        elif stage.decisions.filter(vote=Decision.Vote.APPROVE).count() >= stage.quorum:
            _approve(by, access_request, stage, moment)
    return access_request


def _refuse(by: Person, access_request: AccessRequest, stage: Stage, moment: datetime) -> None:
    if stage.state != Stage.State.ACTIVE:
        raise Stale(
            f"“{stage.title}” is {stage.get_state_display().lower()}: your decision came too late. Nothing was changed."
        )
    if by.pk == access_request.requester_id:
        raise Refused(
            "Nobody decides on their own request.",
            check="own request",
            way_on="Somebody else has to decide it.",
        )
    if access_request.decisions.filter(person=by).exists():
        raise Refused(
            "You have already decided once on this request; another person has to decide this stage.",
            check="one vote per person",
        )
    if not directory.may_decide(person=by, stage=stage, access_request=access_request, now=moment):
        raise Refused(
            f"You are not among those who may decide “{stage.title}” now.",
            check="approver",
            way_on="If you should be, have the directory corrected; it is read anew every minute.",
        )


def _vote(
    by: Person,
    access_request: AccessRequest,
    stage: Stage,
    vote: "Decision.Vote",
    reason: str,
    moment: datetime,
) -> None:
    Decision.objects.create(
        access_request=access_request,
        stage=stage,
        person=by,
        vote=vote,
        reason=reason,
        decided_at=moment,
        source_address=origin.current().source_address,
    )
    record(
        "decision.approved" if vote == Decision.Vote.APPROVE else "decision.denied",
        by=by.party,
        about=stage.about(),
        why=reason,
        data={"stage": stage.name},
    )


def _deny(by: Person, access_request: AccessRequest, stage: Stage, reason: str, moment: datetime) -> None:
    move(stage, "deny", by=by.party, why=reason, decided_at=moment)
    move(access_request, "deny", by=by.party, why=reason, decided_at=moment, lapses_at=None)
    notify.settled(stage, by=str(by))
    stages.cancel_rest(access_request, stages.WORKFLOW)
    notify.decided(access_request, by=str(by), why=reason)


def _approve(by: Person, access_request: AccessRequest, stage: Stage, moment: datetime) -> None:
    move(stage, "approve", by=by.party, decided_at=moment)
    if not stages.start_next(access_request, moment):
        grants.approve(access_request, moment, by=str(by))
    notify.settled(stage, by=str(by))
