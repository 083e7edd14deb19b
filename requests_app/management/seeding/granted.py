"""What became of an approved request of the past: used and closed, ended early, revoked, or never used."""

import hashlib
from datetime import timedelta

from django.conf import settings

from audit_app.trail import About, system
from requests_app.management.seeding.past import Past
from requests_app.models import Attempt, Container, Grant, LatchCode, Opening
from requests_app.targets.mark import describe, rule_name

WORKFLOW, CONVERGENCE = system("workflow"), system("convergence")
ENDS = {"expired": 62, "ended": 28, "unused": 8, "cancelled": 2}
KID = "demo-1"


def granted(past: Past) -> None:
    """The grant of this approved request, and its end, are thought of."""
    access_request, pen = past.access_request, past.pen
    grant: Grant = pen.add(
        Grant,
        uid=pen.uuid(),
        item=past.item,
        access_request=access_request,
        person=past.requester,
        entitlement=past.entitlement,
        source_address=access_request.source_address,
        duration=access_request.duration,
        policy_hash=access_request.policy_hash,
        issued_at=past.at,
        activate_by=past.at + access_request.activate_within,
        state=Grant.State.CLOSED,
    )
    about = past.about("grant", str(grant.uid))
    past.say("grant.issued", WORKFLOW, about=about, data={"activate_by": grant.activate_by.isoformat()})
    end = pen.chance.choices(list(ENDS), list(ENDS.values()))[0]
    if end in ("unused", "cancelled"):
        _never_used(past, grant, about, end)
    else:
        _used(past, grant, about, end)


def _never_used(past: Past, grant: Grant, about: About, end: str) -> None:
    past.at = grant.activate_by if end == "unused" else past.at + past.pen.soon(2, 10)
    grant.ending_at = grant.closed_at = past.at
    grant.ended_why = end
    by = WORKFLOW if end == "unused" else past.requester.party
    past.say(f"grant.{end}", by, about=about, why="Nobody activated it in time." if end == "unused" else "")


def _used(past: Past, grant: Grant, about: About, end: str) -> None:
    pen, party = past.pen, past.requester.party
    past.at += pen.soon(minutes=4, at_most=grant.duration.total_seconds() / 90)
    past.at = min(past.at, grant.activate_by - timedelta(seconds=1))
    _code(past)
    grant.activated_at = past.at
    grant.hard_end = past.at + timedelta(seconds=settings.OPENING_BUDGET_SECONDS) + grant.duration
    past.say("grant.activated", party, about=about, data={"hard_end": grant.hard_end.isoformat()})
    past.at += pen.seconds(1.2, 4)
    grant.opened_at = past.at
    grant.expires_at = min(past.at + grant.duration, grant.hard_end)
    past.say("grant.opened", CONVERGENCE, about=about, data={"expires_at": grant.expires_at.isoformat()})
    early = grant.duration * pen.chance.uniform(0.2, 0.9)
    past.at = grant.expires_at if end == "expired" else past.at + early
    grant.ending_at, grant.ended_why = past.at, end
    past.say(f"grant.{end}", CONVERGENCE if end == "expired" else party, about=about)
    past.at += pen.seconds(0.3, 1.4)
    grant.closed_at = past.at
    lag = (grant.closed_at - grant.ending_at).total_seconds()
    past.say("grant.closed", CONVERGENCE, about=about, data={"close_lag_seconds": lag, "why": end})
    for number, nsg in enumerate(past.entitlement.nsgs, start=1):
        _opening(past, grant, number, Container.one_spelling(nsg))


def _code(past: Past) -> None:
    jti = past.pen.uuid()
    past.pen.add(
        LatchCode,
        access_request=past.access_request,
        jti=jti,
        digest=hashlib.sha256(jti.bytes).hexdigest(),
        kid=KID,
        issued_at=past.at,
        expires_at=past.at + past.access_request.activate_within,
        spent_at=past.at,
    )
    past.say("code.minted", past.requester.party, data={"jti": str(jti), "kid": KID})
    past.say("code.spent", past.requester.party, data={"jti": str(jti)})


def _opening(past: Past, grant: Grant, number: int, azure_id: str) -> None:
    name = rule_name(past.pen.instance, grant.uid, number)
    spec = {
        "name": name,
        "source": grant.source_address,
        "destination": past.entitlement.destination,
        "protocol": past.entitlement.protocol,
        "ports": [str(port) for port in past.entitlement.ports],
        "description": describe(grant.uid.hex[:12], past.access_request.pk, grant.hard_end or past.at),
    }
    opening = past.pen.add(
        Opening,
        grant=grant,
        container=_container(past, azure_id),
        name=name,
        desired=Opening.Desired.ABSENT,
        desired_spec=spec,
        observed=Opening.Observed.ABSENT,
        read_at=grant.closed_at,
        priority=past.pen.chance.randint(200, 240),
    )
    for kind, start in ((Attempt.Kind.WRITE, grant.activated_at), (Attempt.Kind.REMOVE, grant.ending_at)):
        took = past.pen.seconds(0.2, 0.9)
        past.pen.add(
            Attempt,
            opening=opening,
            kind=kind,
            started_at=start,
            deadline=start + timedelta(seconds=60) if start else past.at,
            finished_at=start + took if start else past.at,
            outcome=Attempt.Outcome.DONE,
            correlation_id=past.correlation_id,
            seconds=round(took.total_seconds(), 3),
        )


def _container(past: Past, azure_id: str) -> Container:
    known = past.pen.containers
    if azure_id not in known:
        known[azure_id], _ = Container.objects.get_or_create(azure_id=azure_id)
    return known[azure_id]
