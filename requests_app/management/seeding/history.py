"""One made-up request after another, each as the actions would have left it: asked, decided, lapsed or denied.

What became of the approved ones is told in granted.py.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from audit_app.trail import About, Party, system
from requests_app.management.seeding.eligible import Chance
from requests_app.management.seeding.granted import granted
from requests_app.management.seeding.pen import Pen
from requests_app.models import AccessRequest, Decision, Person, RequestItem, Stage

WORKFLOW = system("workflow")
OUTCOMES = {"approved": 80, "denied": 9, "lapsed": 6, "withdrawn": 5}
REASONS = (
    "Web workers restart in a loop since the last release",
    "Rotate the certificate before it ends tonight",
    "Nightly job stopped half way, need to look at its logs",
    "Disk is at 94 percent, find what fills it",
    "Customer reports time-outs, follow the requests on the machine",
    "Apply the kernel update that needs a reboot",
    "Compare the configuration with staging before the change",
    "Restore a table that was emptied by mistake",
    "Check the replication lag seen since this morning",
    "Collect traces for the supplier's support case",
)
DENIALS = (
    "The change window is tomorrow; please ask again then.",
    "Use the read replica for this, it does not need the door opened.",
    "The incident is closed already.",
)
DURATIONS = (15, 30, 30, 30, 60, 60, 120)


class Past:
    """One request while it is being told."""

    def __init__(self, pen: Pen, chance: Chance, at: datetime) -> None:
        self.pen, self.chance, self.at = pen, chance, at
        self.correlation_id = str(pen.uuid())
        self.requester, self.entitlement = chance.person, chance.entitlement
        minutes = timedelta(minutes=pen.chance.choice(DURATIONS))
        self.access_request = pen.add(
            AccessRequest,
            requester=self.requester,
            reason=pen.chance.choice(REASONS),
            ticket=f"INC-{pen.chance.randint(1000, 9999)}" if pen.chance.random() < 0.6 else "",
            duration=min(minutes, chance.verdict.max_duration),
            source_address=chance.address,
            observed_address=chance.address,
            submitted_at=at,
            activate_within=chance.verdict.activate_within,
            policy_hash=chance.verdict.policy_hash,
            correlation_id=self.correlation_id,
            submission_key=pen.uuid(),
        )
        self.item = pen.add(
            RequestItem,
            access_request=self.access_request,
            entitlement=self.entitlement,
            verdict=chance.verdict.to_dict(),
        )
        self.stages = [self._stage(position) for position in range(1, len(chance.verdict.stages) + 1)]
        self.say("request.submitted", self.requester.party, why=self.access_request.reason)

    def about(self, kind: str = "access_request", pk: str = "", label: str = "") -> About:
        """Return how the trail speaks of the request, or of a stage or grant of it."""
        return About(
            kind=kind,
            id=pk or str(self.access_request.pk),
            label=label or self.entitlement.name,
            resource=self.entitlement.resource.name,
            subject=self.requester.party,
            story=self.access_request.story,
        )

    def say(
        self, kind: str, by: Party, *, about: About | None = None, address: str = "", **more: object
    ) -> None:
        """The trail will say so, at the present moment of the story."""
        if by == self.requester.party:
            address = self.chance.address
        self.pen.event(
            kind,
            self.at,
            by,
            about or self.about(),
            self.correlation_id,
            source_address=address or None,
            **more,
        )

    def end(self, state: str, by: Party, *, why: str = "", outcome: str = "success") -> None:
        """The request is decided at the present moment."""
        self.access_request.state, self.access_request.decided_at = state, self.at
        self.say(f"request.{state}", by, why=why, outcome=outcome)

    def _stage(self, position: int) -> Stage:
        need = self.chance.verdict.stages[position - 1]
        stage: Stage = self.pen.add(
            Stage,
            access_request=self.access_request,
            position=position,
            name=need.name,
            title=need.title,
            approver_kind=need.approvers.kind,
            approver_group=need.approvers.group_oid or None,
            quorum=need.quorum,
            lapse_after=need.lapse_after,
            state=Stage.State.CANCELLED,
        )
        return stage


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
