"""One made-up request while it is being told: what was asked, by whom, when. What became of it is told elsewhere."""

from datetime import datetime, timedelta

from audit_app.trail import About, Party
from requests_app.actions.stages import columns
from requests_app.management.seeding.eligible import Chance
from requests_app.management.seeding.pen import Pen
from requests_app.models import AccessRequest, RequestItem, Stage
from requests_app.policy.model import StageRule
from requests_app.policy.verdict import steps

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
        self.stages = [
            self._stage(rule, position, step)
            for position, (rule, step) in enumerate(
                zip(chance.verdict.stages, steps(chance.verdict.stages), strict=True), start=1
            )
        ]
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

    def _stage(self, rule: StageRule, position: int, step: int) -> Stage:
        stage: Stage = self.pen.add(
            Stage,
            access_request=self.access_request,
            position=position,
            step=step,
            state=Stage.State.CANCELLED,
            **columns(rule),
        )
        return stage
