"""What is said about a request: remarks, and a question that stops it until it is answered."""

from datetime import datetime

from audit_app.clock import now
from audit_app.lifecycle import move
from audit_app.trail import About, record
from requests_app import attention, deciders, lifecycle
from requests_app.actions import stages
from requests_app.actions.attempting import attempting
from requests_app.actions.deciding import locked, require_decider
from requests_app.actions.refusals import require_reason
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Comment, Person, Stage
from requests_app.notices import asking

LONGEST = 2000
# So many remarks fit on one page; a longer talk is held elsewhere.
MOST = 100


def ask(*, by: Person, stage_id: int, text: str) -> AccessRequest:
    """The request is back with its requester, with this question; its stages wait for the answer, and lapse without.

    Refuses who may not decide the stage now. Raises Stale when it is not waiting, Invalid without words.
    """
    text = require_reason(text, "question")[:LONGEST]
    access_request = AccessRequest.objects.select_related("requester").get(stages=stage_id)
    with attempting("decision.refused", by=by.party, about=access_request.about()):
        access_request, stage = locked(stage_id)
        moment = now()
        require_decider(by, access_request, stage, moment)
        _say(by, access_request, Comment.Kind.QUESTION, text, moment)
        move(access_request, "return", by=by.party, why=text)
        stages.pause(access_request, stages.no_later(access_request, moment + stage.lapse_after))
        asking.question(access_request, by=str(by), text=text)
    return access_request


def answer(*, by: Person, access_request_id: int, text: str) -> AccessRequest:
    """The request is back where it was, with this answer, and the time of its stages begins anew.

    Refused for anyone but the requester and who asked for them; raises Stale when no question is open, Invalid without
    words.
    """
    text = require_reason(text, "answer")[:LONGEST]
    with attempting("request.answer_refused", by=by.party, about=_about(access_request_id)):
        access_request = _locked(access_request_id)
        if not lifecycle.allows(access_request, "answer", by):
            raise Refused("Only the person who asked can answer.", check="requester")
        moment = now()
        move(access_request, "answer", by=by.party, why=text)
        _say(by, access_request, Comment.Kind.ANSWER, text, moment)
        _go_on(access_request, moment)
    return access_request


def take_back(*, by: Person, access_request_id: int) -> AccessRequest:
    """The open question is not asked any more, and the request waits for its approvers again.

    Refused for anyone but who asked it; raises Stale when no question is open.
    """
    with attempting("request.answer_refused", by=by.party, about=_about(access_request_id)):
        access_request = _locked(access_request_id)
        question = access_request.comments.filter(kind=Comment.Kind.QUESTION).last()
        if question is None or question.person_id != by.pk:
            raise Refused("Only the person who asked the question can take it back.", check="who asked")
        move(access_request, "resume", by=by.party)
        _go_on(access_request, now(), told=False)
    return access_request


def remark(*, by: Person, access_request: AccessRequest, text: str) -> Comment:
    """This was said about the request; its requester and those who decide now are told.

    Refused for who neither asked nor decides, and when too much was said already; raises Invalid without words.
    """
    text = require_reason(text, "comment")[:LONGEST]
    with attempting("request.comment_refused", by=by.party, about=access_request.about()):
        access_request = _locked(access_request.pk)
        if not concerned(by, access_request):
            raise Refused(
                "Only who asked, who decides and administrators can say something about a request.",
                check="concerned",
            )
        if access_request.comments.count() >= MOST:
            raise Refused(
                f"There are {MOST} comments on this request; there is no room for more.",
                check="comments",
                way_on="Write to the people directly.",
            )
        comment = _say(by, access_request, Comment.Kind.REMARK, text, now())
        asking.remarked(access_request, comment)
    return comment


def concerned(person: Person, access_request: AccessRequest) -> bool:
    """Return whether this person asked, was asked to decide, decided, decides now, or runs the portal."""
    if access_request.is_of(person) or person.is_administrator:
        return True
    if access_request.decisions.filter(person=person).exists():
        return True
    asked = access_request.stages.filter(asked=person).exists()
    return asked or access_request.stages.filter(pk__in=attention.inbox(person).values("pk")).exists()


def _say(by: Person, access_request: AccessRequest, kind: str, text: str, moment: datetime) -> Comment:
    comment = Comment.objects.create(
        access_request=access_request, person=by, kind=kind, text=text, said_at=moment
    )
    if kind == Comment.Kind.REMARK:
        record("request.commented", by=by.party, about=access_request.about(), why=text)
    return comment


def _go_on(access_request: AccessRequest, moment: datetime, *, told: bool = True) -> None:
    stages.restart(access_request, moment)
    if not told:
        return
    for stage in access_request.stages.filter(state=Stage.State.ACTIVE):
        stage.access_request = access_request
        asking.answered(stage, deciders.of_stage(stage, access_request, moment))


def _about(access_request_id: int) -> About:
    return AccessRequest.objects.get(pk=access_request_id).about()


def _locked(access_request_id: int) -> AccessRequest:
    return (
        AccessRequest.objects.select_for_update(of=("self",))
        .select_related("requester")
        .get(pk=access_request_id)
    )
