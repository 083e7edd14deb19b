"""Event -> recipients -> message rows, in the event's own transaction. Sending happens after commit, elsewhere.

A message holds words for a page to be opened, never a latch code.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings

from audit_app import origin
from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.trail import About
from requests_app import wake
from requests_app.models import AccessRequest, Comment, Delegation, Grant, Message, Person, Stage
from requests_app.models.person import ADMIN_ROLE
from requests_app.standing import Decider

APPROVAL_NEEDED = "approval_needed"
DECIDED = "decided"
OPENED = "opened"
EXTENDED = "extended"
SHORTENED = "shortened"
REMOVED = "removed"
CLOSED = "closed"
LAPSED = "lapsed"
OVERDUE = "overdue"
ALERT = "alert"
NOBODY_THERE = "nobody_there"
QUESTION = "question"
LENT = "lent"
REMARK = "remark"


def approval_needed(stage: Stage, found: Iterable[Decider]) -> None:
    """Everyone who may decide this stage may see it, and whoever of them is there finds a mail about it.

    Where nobody is there, all are told.
    """
    everybody = list(found)
    stage.asked.add(*{one.person for one in everybody})
    _ask(stage, [one for one in everybody if one.away_until is None] or everybody, key="approval_needed")


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
    for one in {one.person.pk: one for one in found}.values():
        _put(
            f"{key}:{stage.pk}:{one.person.pk}",
            APPROVAL_NEEDED,
            one.person,
            stage.access_request,
            stage=stage.title,
            lead=lead,
            in_place_of=str(one.in_place_of or ""),
            lapses_at=_iso(stage.lapses_at),
        )


def lent(delegation: Delegation) -> None:
    """The receiver is told in whose place they decide now, from when and until when."""
    if not delegation.receiver.mail:
        return
    moment = now()
    message = Message.objects.create(
        key=f"{LENT}:{delegation.pk}",
        kind=LENT,
        recipient=delegation.receiver,
        created_at=moment,
        due_at=moment,
        context={
            "page": "/away/",
            "giver": str(delegation.giver),
            "why": delegation.why,
            "starts_at": _iso(delegation.starts_at),
            "ends_at": _iso(delegation.ends_at),
        },
    )
    wake.wake(wake.SEND_MAIL, message.pk)


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
    _put(f"{kind}:{key}", kind, access_request.requester, access_request, lapses_at=lapses_at, **words)


def remarked(access_request: AccessRequest, comment: Comment) -> None:
    """Requester and whoever is asked to decide now, without the one who said it, are told what was said."""
    asked = Person.objects.filter(asked_stages__access_request=access_request, asked_stages__state="active")
    for person in {access_request.requester, *asked} - {comment.person}:
        key = f"{REMARK}:{comment.pk}:{person.pk}"
        _put(key, REMARK, person, access_request, by=str(comment.person), text=comment.text)


def decided(access_request: AccessRequest, *, by: str, why: str = "") -> None:
    """The requester is told of the outcome, once."""
    kind = LAPSED if access_request.state == AccessRequest.State.LAPSED else DECIDED
    _put(
        f"decided:{access_request.pk}",
        kind,
        access_request.requester,
        access_request,
        outcome=access_request.state,
        by=by,
        why=why,
        activate_by=_iso(
            access_request.decided_at + access_request.activate_within if access_request.decided_at else None
        ),
    )


def opened(grant: Grant) -> None:
    """The requester is told that the door is open, until when and how to connect."""
    _put(
        f"opened:{grant.pk}",
        OPENED,
        grant.person,
        grant.access_request,
        entitlement=grant.entitlement.name,
        resource=grant.entitlement.resource.name,
        expires_at=_iso(grant.expires_at),
        connect=grant.entitlement.connect,
    )


def extended(grant: Grant) -> None:
    """The requester is told of the later end, once it was read back."""
    _of_grant(EXTENDED, grant, key=f"extended:{grant.pk}:{_iso(grant.expires_at)}")


def shortened(grant: Grant, *, by: str, why: str) -> None:
    """The requester is told of the earlier end, and who made it so."""
    _of_grant(SHORTENED, grant, key=f"shortened:{grant.pk}:{_iso(grant.expires_at)}", by=by, why=why)


def removed(grant: Grant) -> None:
    """The requester is told that somebody took the rule away in Azure, and until when it may be opened again."""
    _of_grant(REMOVED, grant, key=f"removed:{grant.pk}", note=grant.ended_note)


def _of_grant(kind: str, grant: Grant, *, key: str, **words: Any) -> None:
    _put(
        key,
        kind,
        grant.person,
        grant.access_request,
        entitlement=grant.entitlement.name,
        resource=grant.entitlement.resource.name,
        expires_at=_iso(grant.expires_at),
        **words,
    )


def closed(grant: Grant) -> None:
    """The requester is told that the door is shut, and why."""
    _put(
        f"closed:{grant.pk}",
        CLOSED,
        grant.person,
        grant.access_request,
        entitlement=grant.entitlement.name,
        resource=grant.entitlement.resource.name,
        closed_at=_iso(grant.closed_at),
        why=grant.get_ended_why_display(),
        note=grant.ended_note,
        never_opened=grant.opened_at is None,
    )


def overdue(grant: Grant, *, late: timedelta) -> None:
    """Every administrator is told that this closing is late, once."""
    for person in Person.objects.filter(groups__name=ADMIN_ROLE, enabled=True).exclude(mail=""):
        _put(
            f"overdue:{grant.pk}:{person.pk}",
            OVERDUE,
            person,
            grant.access_request,
            entitlement=grant.entitlement.name,
            resource=grant.entitlement.resource.name,
            holder=str(grant.person),
            late_seconds=int(late.total_seconds()),
        )


def alert(kind: str, why: str, about: About) -> None:
    """Whoever watches by machine is told, where a hook is set: one POST for each event, after commit."""
    if not settings.ALERT_WEBHOOK_URL:
        return
    moment = now()
    page = f"/audit/alerts/{about.id}/" if about.kind == "alert" else "/status/"
    message = Message.objects.create(
        key=f"alert:{uuid4()}",
        kind=ALERT,
        story=about.story,
        created_at=moment,
        due_at=moment,
        context={
            "kind": kind,
            "why": why,
            "at": moment.isoformat(),
            "object": {"kind": about.kind, "id": about.id, "label": about.label},
            "resource": about.resource,
            "story": about.story,
            "correlation_id": origin.current().correlation_id,
            "link": f"{settings.BASE_URL}{page}",
        },
    )
    wake.wake(wake.SEND_MAIL, message.pk)


def review(kind: str, people: Iterable[Person], campaign: AccessReview) -> None:
    """Each of these people is told of this campaign, once for each kind of notice."""
    moment = now()
    for person in people:
        if not person.mail:
            continue
        message, made = Message.objects.get_or_create(
            key=f"{kind}:{campaign.pk}:{person.pk}",
            defaults={
                "kind": kind,
                "recipient": person,
                "story": campaign.story,
                "created_at": moment,
                "due_at": moment,
                "context": {
                    "page": f"/audit/reviews/{campaign.uid}/",
                    "title": campaign.title,
                    "due_at": campaign.due_at.isoformat(),
                    "silence": campaign.silence,
                    "rows": campaign.items.asked_of(person.identity).waiting().count(),
                },
            },
        )
        if made:
            wake.wake(wake.SEND_MAIL, message.pk)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _put(key: str, kind: str, person: Person, access_request: AccessRequest, **words: Any) -> None:
    if not person.mail:
        return
    about = access_request.about()
    moment = now()
    message, made = Message.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "recipient": person,
            "story": access_request.story,
            "created_at": moment,
            "due_at": moment,
            "context": {
                "request_id": access_request.pk,
                "label": about.label,
                "resource_label": about.resource,
                "requester": str(access_request.requester),
                "reason": access_request.reason,
                "ticket": access_request.ticket,
                "source": access_request.source_address,
                "duration_seconds": int(access_request.duration.total_seconds()),
                **words,
            },
        },
    )
    if made:
        wake.wake(wake.SEND_MAIL, message.pk)
