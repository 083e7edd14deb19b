"""Sending what the outbox holds: mails from templates/emails, alerts as they are; retried, never twice on purpose."""

from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime

from audit_app.clock import now
from requests_app import hook
from requests_app.models import Message, Person
from requests_app.policy.durations import in_words

log = structlog.get_logger("latch.outbox")
_TRIES = 12
# A mail server that is away, and a mail that can not be made at all: one bad mail must not stop those behind it.
_FAULTS = (SMTPException, OSError, ValueError, TypeError, LookupError, TemplateDoesNotExist)


def send_due() -> int:
    """Every due message was tried; returns how many were sent."""
    due = Message.objects.filter(due_at__lte=now()).order_by("due_at").values_list("pk", flat=True)[:200]
    return sum(send(pk) for pk in due)


def send(message_id: int) -> bool:
    """The message is handed to the mail server, and marked so; False when another worker has it, or it failed."""
    with transaction.atomic():
        message = (
            Message.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("recipient")
            .filter(pk=message_id, due_at__lte=now())
            .first()
        )
        if message is None:
            return False
        try:
            if message.recipient is None:
                hook.post(message.pk, message.context)
            else:
                _mail(message, message.recipient).send()
        except _FAULTS as error:
            _failed(message, error)
            return False
        message.sent_at, message.due_at, message.last_error = now(), None, ""
        message.tries += 1
        message.save()
    log.info(
        "mail.sent",
        kind=message.kind,
        to=str(message.recipient or "the hook"),
        story=message.story,
        message=message.pk,
    )
    return True


def _failed(message: Message, error: Exception) -> None:
    message.tries += 1
    message.last_error = f"{type(error).__name__}: {error}"
    pause = timedelta(seconds=min(3600, 5 * 2**message.tries))
    message.due_at = now() + pause if message.tries < _TRIES else None
    message.save()
    log.error(
        "mail.failed", kind=message.kind, tries=message.tries, error=message.last_error, story=message.story
    )


def _mail(message: Message, recipient: Person) -> EmailMultiAlternatives:
    words = _words(message)
    subject = render_to_string(f"emails/{message.kind}.subject.txt", words)
    mail = EmailMultiAlternatives(
        subject=" ".join(f"[latchportal] {subject}".split()),
        body=render_to_string(f"emails/{message.kind}.txt", words),
        to=[recipient.mail],
        headers={"X-Latch-Story": message.story, "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string(f"emails/{message.kind}.html", words), "text/html")
    return mail


def _words(message: Message) -> dict[str, Any]:
    words: dict[str, Any] = dict(message.context)
    for name in ("expires_at", "closed_at", "activate_by", "lapses_at", "due_at"):
        if words.get(name):
            words[name] = parse_datetime(words[name])
    page = words.get("page") or f"/requests/{words['request_id']}/"
    if message.kind == "approval_needed":
        page = "/inbox/"
    return {
        **words,
        "name": str(message.recipient),
        "duration": in_words(timedelta(seconds=words.get("duration_seconds", 0))),
        "url": f"{settings.BASE_URL}{page}",
        "instance": settings.LATCH_INSTANCE,
    }
