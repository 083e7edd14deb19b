"""Who hears of a request that waits: those who decide, those who need not any more, and its requester when it stands still.

Written in the transaction of what they tell; what came of a request, and of its grants, is told by notify.py.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef

from audit_app.clock import now
from requests_app.models import AccessRequest, Comment, Decision, Delegation, Person, Stage
from requests_app.notices import channels
from requests_app.notices.behalf import both, others
from requests_app.notices.planning import plan
from requests_app.notices.putting import put, put_to, tell_channels
from requests_app.notices.topics import APPROVAL_NEEDED, SETTLED
from requests_app.standing import Decider

NOBODY_THERE: Final = "nobody_there"
QUESTION: Final = "question"
LENT: Final = "lent"
CALLED_OFF: Final = "called_off"
REMARK: Final = "remark"


def approval_needed(stage: Stage, found: Iterable[Decider]) -> None:
    """Everyone who may decide this stage may see it, and whoever of them is there finds a mail about it.

    Where nobody is there, all are told.
    """
    everybody = list(found)
    stage.asked.add(*{one.person for one in everybody})
    _ask(stage, [one for one in everybody if one.away_until is None] or everybody, key=APPROVAL_NEEDED)


def reminded(stage: Stage, found: Iterable[Decider]) -> None:
    """Whoever may decide this stage and is there is told once more."""
    here = [one for one in found if one.away_until is None]
    _ask(stage, here, key=f"reminder-{_iso(now())}", lead="This is a reminder: it still waits for you.")


def escalated(stage: Stage, found: Iterable[Decider], why: str) -> None:
    """Those who joined the stage may see it and find a mail that says why it came to them."""
    joined = list(found)
    stage.asked.add(*{one.person for one in joined})
    _ask(stage, joined, key="escalated", lead=f"It came to you because others could not decide it. {why}")


def answered(stage: Stage, found: Iterable[Decider]) -> None:
    """Whoever may decide this stage is told that the question was answered."""
    here = [one for one in found if one.away_until is None]
    _ask(stage, here, key=f"answered-{_iso(now())}", lead="The question was answered.")


def _ask(stage: Stage, found: Iterable[Decider], *, key: str, lead: str = "") -> None:
    words = {**_of_stage(stage), "lead": lead, "lapses_at": _iso(stage.lapses_at)}
    for one in {one.person.pk: one for one in found}.values():
        place = str(one.in_place_of or "")
        put(
            f"{key}:{stage.pk}:{one.person.pk}",
            APPROVAL_NEEDED,
            one.person,
            stage.access_request,
            in_place_of=place,
            **words,
        )
    if key == APPROVAL_NEEDED:
        # A channel hears of each stage once: many read it, and whoever decides is reminded in person.
        hearing = channels.of(APPROVAL_NEEDED, stage.name)
        tell_channels(hearing, f"{key}:{stage.pk}", APPROVAL_NEEDED, stage.access_request, **words)


def settled(stage: Stage, *, by: str = "") -> None:
    """Whoever was asked about this stage and did not decide hears that nobody needs to any more, and why.

    Not whoever the next stage asks: that message says the same. It is sent only after one that asked.
    """
    access_request = stage.access_request
    voted = Decision.objects.filter(access_request=access_request, person=OuterRef("pk"))
    asked_anew = access_request.stages.filter(state=Stage.State.ACTIVE, asked=OuterRef("pk"))
    outcome = access_request.state if stage.state == Stage.State.CANCELLED else stage.state
    words = {**_of_stage(stage), "outcome": outcome, "by": by}
    key = f"settled:{stage.pk}"
    for person in stage.asked.exclude(Exists(voted)).exclude(Exists(asked_anew)):
        put(f"{key}:{person.pk}", SETTLED, person, access_request, **words)
    tell_channels(channels.of(APPROVAL_NEEDED, stage.name), key, SETTLED, access_request, **words)


def _of_stage(stage: Stage) -> dict[str, Any]:
    """What every notice about a stage says; by its id it is known whether there is still something to say."""
    return {"stage": stage.title, "stage_id": stage.pk}


def lent(delegation: Delegation) -> None:
    """The receiver is told in whose place they decide now, from when and until when."""
    words = {
        "page": "/away/",
        "giver": str(delegation.giver),
        "why": delegation.why,
        "starts_at": _iso(delegation.starts_at),
        "ends_at": _iso(delegation.ends_at),
    }
    when = plan(delegation.receiver, LENT, now())
    put_to(delegation.receiver, f"{LENT}:{delegation.pk}", LENT, when, story="", context=words)


def called_off(delegation: Delegation, *, by: str, why: str) -> None:
    """Giver and receiver are told that the one decides in the other's place no more, who said so and why."""
    words = {
        "page": "/away/",
        "giver": str(delegation.giver),
        "receiver": str(delegation.receiver),
        "by": by,
        "why": why,
    }
    for person in (delegation.giver, delegation.receiver):
        key = f"{CALLED_OFF}:{delegation.pk}:{person.pk}"
        mine = {**words, "lent_it": person == delegation.giver}
        put_to(person, key, CALLED_OFF, plan(person, CALLED_OFF, now()), story="", context=mine)


def nobody_there(stage: Stage, why: str) -> None:
    """The requester is told that nobody who may decide this stage is there, and why."""
    _tell_requester(
        NOBODY_THERE, stage.access_request, f"{stage.pk}:{_iso(now())}", stage=stage.title, why=why
    )


def question(access_request: AccessRequest, *, by: str, text: str) -> None:
    """The requester is told that an approver wants to know something before deciding."""
    _tell_requester(QUESTION, access_request, f"{access_request.pk}:{_iso(now())}", by=by, text=text)


def _tell_requester(kind: str, access_request: AccessRequest, key: str, **words: Any) -> None:
    lapses_at = _iso(access_request.lapses_at)
    both(f"{kind}:{key}", kind, access_request, lapses_at=lapses_at, **words)


def remarked(access_request: AccessRequest, comment: Comment) -> None:
    """Requester, who asked for them, and whoever is asked to decide now are told what was said; not who said it."""
    asked = Person.objects.filter(asked_stages__access_request=access_request, asked_stages__state="active")
    for person in {access_request.requester, *others(access_request), *asked} - {comment.person}:
        key = f"{REMARK}:{comment.pk}:{person.pk}"
        put(key, REMARK, person, access_request, by=str(comment.person), text=comment.text)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
