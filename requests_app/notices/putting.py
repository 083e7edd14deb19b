"""Message rows, written in the transaction of what they tell. Who is told what: notify.py; sending is the outbox's."""

from collections.abc import Iterable
from typing import Any

from audit_app.clock import now
from requests_app import wake
from requests_app.models import AccessRequest, Message, Person


def put(key: str, kind: str, person: Person, access_request: AccessRequest, **words: Any) -> None:
    """This person finds one message of this key, however often it is put; nobody without an address does."""
    if not person.mail:
        return
    moment = now()
    message, made = Message.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "recipient": person,
            "story": access_request.story,
            "created_at": moment,
            "due_at": moment,
            "context": {**facts(access_request), **words},
        },
    )
    if made:
        wake.wake(wake.SEND_MAIL, message.pk)


def tell_channels(
    names: Iterable[str], key: str, kind: str, access_request: AccessRequest, **words: Any
) -> None:
    """Each of these channels finds one message of this key: a row each, so that none hears what another did not take."""
    moment = now()
    for name in names:
        message, made = Message.objects.get_or_create(
            key=f"{key}:{name}",
            defaults={
                "kind": kind,
                "channel": name,
                "story": access_request.story,
                "created_at": moment,
                "due_at": moment,
                "context": {**facts(access_request), **words},
            },
        )
        if made:
            wake.wake(wake.SEND_MAIL, message.pk)


def facts(access_request: AccessRequest) -> dict[str, Any]:
    """Return what every message about this request may say."""
    about = access_request.about()
    return {
        "request_id": access_request.pk,
        "label": about.label,
        "resource_label": about.resource,
        "requester": str(access_request.requester),
        "reason": access_request.reason,
        "ticket": access_request.ticket,
        "source": access_request.source_address,
        "duration_seconds": int(access_request.duration.total_seconds()),
    }
