"""Notices that wait for one mail a day: which go together, and that mail. When they are due was planned before."""

from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.template.loader import render_to_string

from audit_app.clock import now
from requests_app.models import Message
from requests_app.notices import letters
from requests_app.notices.topics import ASKING, SETTLED

# Any number will do, if nothing else locks by it.
_LOCK: Final = 0x6C61_7463


def others(message: Message) -> list[Message] | None:
    """Return what else is due in the same digest, locked; None while another worker sends that one.

    The caller holds the message's row, in a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, message.recipient_id])
        row = cursor.fetchone()
    if not row or not row[0]:
        return None
    due = Message.objects.filter(recipient=message.recipient_id, digest=True, due_at__lte=now())
    locked = due.exclude(pk=message.pk).select_for_update(skip_locked=True, of=("self",))
    return list(locked.select_related("recipient").order_by("pk"))


def letter(found: list[tuple[Message, dict[str, Any]]]) -> EmailMultiAlternatives:
    """Return one mail that tells all of these to the one person they are for."""
    first = found[0][0]
    asks = any(message.kind in ASKING for message, _ in found)
    said = {
        "name": str(first.recipient),
        "title": f"{len(found)} notices",
        "items": [_line(message, words) for message, words in found],
        "url": f"{settings.BASE_URL}{'/inbox/' if asks else '/'}",
        "asks": asks,
        "instance": settings.LATCH_INSTANCE,
    }
    mail = EmailMultiAlternatives(
        subject=f"[latchportal] {said['title']}",
        body=render_to_string("emails/digest.txt", said),
        to=[first.recipient.mail if first.recipient else first.address],
        headers={"Message-ID": letters.message_id(first), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("emails/digest.html", said), "text/html")
    return mail


def _line(message: Message, words: dict[str, Any]) -> dict[str, Any]:
    if message.kind == SETTLED:
        text = f"Nothing to decide any more: {words['label']} for {words['requester']}"
    else:
        text = letters.subject(message, words).removeprefix("[latchportal] ")
    return {"text": text, "at": message.created_at, "url": words["url"]}
