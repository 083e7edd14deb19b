"""One made-up request after another, each as the actions would have left it: asked, decided, lapsed or denied.

What became of the approved ones is told in granted.py.
"""

from collections.abc import Sequence
from datetime import datetime

from audit_app.trail import About, system
from requests_app.management.seeding.eligible import Chance
from requests_app.management.seeding.granted import granted
from requests_app.management.seeding.past import Past
from requests_app.management.seeding.pen import Pen
from requests_app.models import Decision, Person, Stage

WORKFLOW = system("workflow")
OUTCOMES = {"approved": 80, "denied": 9, "lapsed": 6, "withdrawn": 5}
DENIALS = (
    "The change window is tomorrow; please ask again then.",
    "Use the read replica for this, it does not need the door opened.",
    "The incident is closed already.",
)


def tell(pen: Pen, chance: Chance, at: datetime, *, recent: bool = False) -> None:
    """One request and all that became of it is thought of. A `recent` one was not left to lapse: that takes days."""
    past = Past(pen, chance, at)
    outcome = pen.chance.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
    outcome = "approved" if recent and outcome == "lapsed" else outcome
    voted: set[int] = set()
    last = len(past.stages) if outcome == "approved" else pen.chance.randint(1, len(past.stages))
    for stage, people in zip(past.stages[:last], chance.approvers, strict=False):
        free = [person for person in people if person.pk not in voted]
        _start(past, stage, free)
        if (stage.position == last and outcome != "approved") or len(free) < stage.quorum:
            _stop(past, stage, outcome if outcome != "approved" else "lapsed", free)
            return
        voted |= _agree(past, stage, free)
    past.end("approved", WORKFLOW)
    granted(past)


def _start(past: Past, stage: Stage, people: Sequence[Person]) -> None:
    stage.activated_at, stage.state = past.at, Stage.State.ACTIVE
    for person in people:
        past.pen.add(Stage.asked.through, stage_id=stage.pk, person_id=person.pk)
    past.say("stage.started", WORKFLOW, about=_about(past, stage))


def _agree(past: Past, stage: Stage, people: Sequence[Person]) -> set[int]:
    voters = past.pen.chance.sample(list(people), stage.quorum)
    for person in voters:
        past.at += past.pen.soon(minutes=7, at_most=50)
        _vote(past, stage, person, Decision.Vote.APPROVE, "")
    stage.state, stage.decided_at = Stage.State.APPROVED, past.at
    past.say("stage.approved", voters[-1].party, about=_about(past, stage))
    return {person.pk for person in voters}


def _stop(past: Past, stage: Stage, outcome: str, people: Sequence[Person]) -> None:
    if outcome == "denied" and people:
        past.at += past.pen.soon(minutes=12, at_most=120)
        person, why = past.pen.chance.choice(people), past.pen.chance.choice(DENIALS)
        _vote(past, stage, person, Decision.Vote.DENY, why)
        stage.state, stage.decided_at = Stage.State.DENIED, past.at
        past.say("stage.denied", person.party, about=_about(past, stage), why=why, outcome="refused")
        past.end("denied", person.party, why=why, outcome="refused")
    elif outcome == "withdrawn":
        past.at += past.pen.soon(minutes=20, at_most=240)
        stage.state = Stage.State.CANCELLED
        past.end("withdrawn", past.requester.party)
        past.say("stage.cancelled", past.requester.party, about=_about(past, stage))
    else:
        past.at += stage.lapse_after
        why = "Nobody decided in time."
        stage.state, stage.decided_at = Stage.State.LAPSED, past.at
        past.say("stage.lapsed", WORKFLOW, about=_about(past, stage), why=why, outcome="refused")
        past.end("lapsed", WORKFLOW, why=why, outcome="refused")


def _vote(past: Past, stage: Stage, person: Person, vote: str, why: str) -> None:
    past.pen.add(
        Decision,
        access_request=past.access_request,
        stage=stage,
        person=person,
        vote=vote,
        reason=why,
        decided_at=past.at,
    )
    kind = "decision.approved" if vote == Decision.Vote.APPROVE else "decision.denied"
    past.say(kind, person.party, about=_about(past, stage), why=why, data={"stage": stage.name})


def _about(past: Past, stage: Stage) -> About:
    return past.about("stage", str(stage.pk), f"{stage.title}: {past.entitlement.name}")
