"""What every step of an approver asks first: is it waiting, is it theirs to decide, is it as they saw it?"""

from datetime import datetime

from audit_app.lifecycle import Stale
from requests_app import deciders
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Decision, Person, Stage
from requests_app.seen import fingerprint
from requests_app.standing import Decider

OWN_REQUEST = "Nobody decides on their own request."
ASKED_FOR_IT = "Nobody decides on what they asked for, for somebody else either."


def locked(stage_id: int) -> tuple[AccessRequest, Stage]:
    """Return the request of this stage, its row locked, and the stage as it is now.

    Votes and quorum hang on other rows, so the request's row is the lock.
    """
    access_request = (
        AccessRequest.objects.select_for_update(of=("self",)).select_related("requester").get(stages=stage_id)
    )
    stage = Stage.objects.get(pk=stage_id)
    stage.access_request = access_request
    return access_request, stage


def require_decider(
    by: Person, access_request: AccessRequest, stage: Stage, moment: datetime, *, seen: str = ""
) -> Decider:
    """Return as whom this person may decide the stage now. The request's row is locked.

    Raises Stale when the stage does not wait any more, or the request is not what was `seen`; Refused for the
    requester and who asked for them, for who was heard on it before, and for who may not decide it.
    """
    _refuse_stale(access_request, stage, seen)
    if access_request.is_of(by):
        raise Refused(
            OWN_REQUEST if by.pk == access_request.requester_id else ASKED_FOR_IT,
            check="own request",
            way_on="Somebody else has to decide it.",
        )
    if access_request.decisions.filter(person=by).exists():
        raise Refused(
            "You have already decided once on this request; another person has to decide this stage.",
            check="one vote per person",
        )
    found = deciders.standing(by, stage, access_request, moment)
    if found is None:
        raise Refused(
            f"You are not among those who may decide “{stage.title}” now.",
            check="approver",
            way_on="If you should be, have the directory corrected; it is read anew every minute.",
        )
    _refuse_second_voice(found, access_request)
    return found


def _refuse_stale(access_request: AccessRequest, stage: Stage, seen: str) -> None:
    if stage.state != Stage.State.ACTIVE:
        raise Stale(
            f"“{stage.title}” is {stage.get_state_display().lower()}: your decision came too late. Nothing was changed."
        )
    if access_request.state != AccessRequest.State.PENDING:
        raise Stale(
            "A question to the requester is open. It can be decided once they answered, or it is taken back."
        )
    if seen and seen != fingerprint(access_request):
        raise Stale(
            "Somebody changed the request, or said something about it, since you looked. Nothing was decided."
        )


def _refuse_second_voice(found: Decider, access_request: AccessRequest) -> None:
    voice = found.voice
    heard = Decision.objects.filter(access_request=access_request)
    if found.in_place_of and (heard.filter(person=voice) | heard.filter(in_place_of=voice)).exists():
        raise Refused(
            f"{found.in_place_of} was already heard on this request, so nobody can decide in their place.",
            check="one vote per person",
        )
    if heard.filter(in_place_of=found.person).exists():
        raise Refused(
            "Somebody has already decided on this request in your place.",
            check="one vote per person",
            way_on="Another person has to decide this stage.",
        )
