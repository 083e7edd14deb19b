"""A message as a mail: its words, its links, and the headers that make a conversation of all mails of one request."""

import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime

from requests_app import alert_mail
from requests_app.models import Message
from requests_app.policy.durations import in_words

_MOMENTS: Final = (
    "expires_at",
    "closed_at",
    "activate_by",
    "lapses_at",
    "due_at",
    "ask_by",
    "activate_from",
    "begins_at",
    "closes_by",
    "starts_at",
    "ends_at",
)
_REPLY: Final = "Re: "


def words(message: Message) -> dict[str, Any] | None:
    """Return what the mail's templates are handed; None when there is nothing left to say."""
    found = alert_mail.words(message) if message.kind == alert_mail.ALERTS else message.context
    if found is None:
        return None
    said: dict[str, Any] = dict(found)
    for name in _MOMENTS:
        if said.get(name):
            said[name] = parse_datetime(said[name])
    page = said.get("page") or f"/requests/{said['request_id']}/"
    return {
        **said,
        "name": str(message.recipient or message.address or message.channel),
        "duration": in_words(timedelta(seconds=said.get("duration_seconds", 0))),
        "url": f"{settings.BASE_URL}{page}",
        "instance": settings.LATCH_INSTANCE,
    }


def letter(message: Message, said: dict[str, Any]) -> EmailMultiAlternatives:
    """Return the mail, in plain text and HTML."""
    mail = EmailMultiAlternatives(
        subject=subject(message, said),
        body=render_to_string(f"emails/{message.kind}.txt", said),
        to=[message.recipient.mail if message.recipient else message.address],
        headers=_headers(message),
    )
    mail.attach_alternative(render_to_string(f"emails/{message.kind}.html", said), "text/html")
    return mail


def note(message: Message, said: dict[str, Any]) -> tuple[str, str]:
    """Return title and text for a channel: the mail's own words without the frame of a letter."""
    text = render_to_string(f"emails/{message.kind}.txt", {**said, "chat": True})
    return subject(message, said).removeprefix(_REPLY), text


def subject(message: Message, said: dict[str, Any]) -> str:
    """Return the subject; a reply keeps that of what it replies to, or mail programs would part the two."""
    text = " ".join(render_to_string(f"emails/{message.kind}.subject.txt", said).split())
    reply, text = (_REPLY, text.removeprefix(_REPLY)) if text.startswith(_REPLY) else ("", text)
    return f"{reply}[latchportal] {text}"


def message_id(message: Message) -> str:
    """Return the mail's Message-ID, the same at every try: by it a mail system knows a repetition."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    instance = re.sub(r"[^A-Za-z0-9-]", "-", settings.LATCH_INSTANCE)
    return f"<{message.pk}.{message.created_at:%Y%m%d%H%M%S}.{instance}@{host}>"


def _headers(message: Message) -> dict[str, str]:
    headers = {"Message-ID": message_id(message), "Auto-Submitted": "auto-generated"}
    if not message.story:
        return headers
    first = _first_of_story(message)
    if first:
        headers |= {"In-Reply-To": message_id(first), "References": message_id(first)}
    return {**headers, "X-Latch-Story": message.story}


def _first_of_story(message: Message) -> Message | None:
    mine = Message.objects.filter(
        recipient=message.recipient_id, address=message.address, channel="", digest=False
    )
    return mine.filter(story=message.story, sent_at__isnull=False, pk__lt=message.pk).order_by("pk").first()
