"""Message rows, written in the transaction of what they tell. Who is told what: notify.py; sending is the outbox's."""

from collections.abc import Iterable
from typing import Any

from django.utils.dateparse import parse_datetime

from audit_app.clock import now
from requests_app import wake
from requests_app.models import AccessRequest, Message, Person
from requests_app.notices.planning import Plan, plan


def put(key: str, kind: str, person: Person, access_request: AccessRequest, **words: Any) -> None:
    """This person finds one message of this key, however often it is put; when and how is their choice."""
    asker = access_request.asked_by_id or access_request.requester_id
    when = plan(
        person,
        kind,
        now(),
        until=parse_datetime(_until(words)),
        asked_at=access_request.submitted_at if person.pk == asker else None,
    )
    put_to(person, key, kind, when, story=access_request.story, context={**facts(access_request), **words})


def _until(words: dict[str, Any]) -> str:
    """Return when it is too late to decide, or to activate what was approved; nothing where there is no such time."""
    to_activate = words.get("activate_by") if words.get("outcome") == "approved" else ""
    return str(words.get("lapses_at") or to_activate or "")


def put_to(
    person: Person, key: str, kind: str, when: Plan | None, *, story: str, context: dict[str, Any]
) -> None:
    """As planned, this person finds one message by mail and, if so chosen, one through a channel. Nobody without mail."""
    if when is None or not person.mail:
        return
    words = {"kind": kind, "recipient": person, "story": story, "context": context}
    _row(key, when, **words)
    if when.channel:
        _row(f"{key}:{when.channel}", when, channel=when.channel, **words)


def tell_channels(
    names: Iterable[str], key: str, kind: str, access_request: AccessRequest, **words: Any
) -> None:
    """Each of these channels finds one message of this key: a row each, so that none hears what another did not take."""
    context = {**facts(access_request), **words}
    for name in names:
        _row(
            f"{key}:{name}", Plan(now()), kind=kind, channel=name, story=access_request.story, context=context
        )


def _row(key: str, when: Plan, **words: Any) -> None:
    fields = {**words, "created_at": now(), "due_at": when.due_at, "digest": when.digest}
    message, made = Message.objects.get_or_create(key=key, defaults=fields)
    if made and when.due_at <= message.created_at:
        wake.wake(wake.SEND_MAIL, message.pk)


def facts(access_request: AccessRequest) -> dict[str, Any]:
    """Return what every message about this request may say."""
    about = access_request.about()
    return {
        "request_id": access_request.pk,
        "label": about.label,
        "resource_label": about.resource,
        "requester": str(access_request.requester),
        "asked_by": str(access_request.asked_by or ""),
        "reason": access_request.reason,
        "ticket": access_request.ticket,
        "source": access_request.source_address,
        "duration_seconds": int(access_request.duration.total_seconds()),
        **_later(access_request),
    }


def _later(access_request: AccessRequest) -> dict[str, Any]:
    """Return when it is wanted, where that is not now: the first beginning, and how often."""
    if not access_request.starts:
        return {}
    first = access_request.starts[0].isoformat()
    return {
        "begins_at": first,
        "windows": len(access_request.starts),
        "every": access_request.get_every_display(),
    }
