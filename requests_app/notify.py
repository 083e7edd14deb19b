"""Event -> recipients -> message rows, in the event's own transaction. Sending happens after commit, elsewhere.

A message holds words for a page to be opened, never a latch code.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from django.conf import settings

from audit_app import origin
from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.reviews.source import source
from audit_app.trail import About
from requests_app import wake
from requests_app.models import AccessRequest, Grant, Message, Person
from requests_app.models.person import ADMIN_ROLE
from requests_app.notices import channels
from requests_app.notices.behalf import both
from requests_app.notices.planning import plan
from requests_app.notices.putting import put as _put
from requests_app.notices.putting import put_to, tell_channels
from requests_app.notices.topics import OVERDUE

DECIDED = "decided"
OPENED = "opened"
BEGINNING = "beginning"
ENDING = "ending"
EXTENDED = "extended"
SHORTENED = "shortened"
REMOVED = "removed"
CLOSED = "closed"
LAPSED = "lapsed"
ALERT = "alert"
# Its holder is told so long before the end, while more time can still be agreed to.
SOON: Final = timedelta(minutes=10)


def decided(access_request: AccessRequest, *, by: str, why: str = "") -> None:
    """The requester and who asked for them are told of the outcome, once; not who broke the glass: nobody was asked."""
    if access_request.break_glass:
        return
    kind = LAPSED if access_request.state == AccessRequest.State.LAPSED else DECIDED
    both(
        f"decided:{access_request.pk}",
        kind,
        access_request,
        outcome=access_request.state,
        by=by,
        why=why,
        asked=len(access_request.wanted),
        left_out=[
            {"name": item.entitlement.name, "by": str(item.left_out_by), "why": item.left_out_why}
            for item in access_request.wanted
            if item.left_out_at
        ],
        kept=len(access_request.kept),
        **_times(access_request),
    )


def _times(access_request: AccessRequest) -> dict[str, Any]:
    """Return when what was decided on may be activated: at the latest, and with windows when the first begins."""
    if access_request.decided_at is None:
        return {}
    if not access_request.windows:
        return {"activate_by": _iso(access_request.decided_at + access_request.activate_within)}
    left = access_request.windows_left(access_request.decided_at)
    if not left:
        return {}
    first = {"activate_from": _iso(left[0].starts_at), "activate_by": _iso(left[0].last_chance)}
    return {**first, "times": len(left)}


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


def beginning(grant: Grant) -> None:
    """The requester is told that the window has begun that this grant, with others of its request, is for; once."""
    _put(
        f"beginning:{grant.access_request_id}:{_iso(grant.activate_from)}",
        BEGINNING,
        grant.person,
        grant.access_request,
        activate_by=_iso(grant.activate_by),
        closes_by=_iso(grant.closes_by),
    )


def ending(grant: Grant, *, ask_by: datetime | None) -> None:
    """The requester is told that the door closes soon, with the way to more time if there is one; once for each end."""
    page = f"/requests/{grant.access_request_id}/"
    _of_grant(
        ENDING,
        grant,
        key=f"ending:{grant.pk}:{_iso(grant.expires_at)}",
        ask_by=_iso(ask_by),
        page=f"{page}?open=extend" if ask_by else page,
    )


def said(end: datetime | None, moment: datetime) -> datetime | None:
    """Return this end if it is so near that telling of it now leaves nothing to tell shortly before it; else None."""
    return end if end is not None and end <= moment + SOON else None


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
    words = {
        "entitlement": grant.entitlement.name,
        "resource": grant.entitlement.resource.name,
        "holder": str(grant.person),
        "late_seconds": int(late.total_seconds()),
    }
    key = f"overdue:{grant.pk}"
    for person in Person.objects.filter(groups__name=ADMIN_ROLE, enabled=True).exclude(mail=""):
        _put(f"{key}:{person.pk}", OVERDUE, person, grant.access_request, **words)
    tell_channels(channels.of(OVERDUE), key, OVERDUE, grant.access_request, **words)


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
    for person in people:
        words = {
            "page": f"/audit/reviews/{campaign.uid}/",
            "title": campaign.title,
            "due_at": campaign.due_at.isoformat(),
            "silence": campaign.silence,
            "question": source(campaign.source).question,
            "rows": campaign.items.asked_of(person.identity).waiting().count(),
        }
        when = plan(person, kind, now(), until=campaign.due_at)
        put_to(person, f"{kind}:{campaign.pk}:{person.pk}", kind, when, story=campaign.story, context=words)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
