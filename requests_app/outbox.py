"""Sending what the outbox holds: mails from templates/emails, the hook's as they are; retried, never twice on purpose."""

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
from requests_app import alert_mail, hook
from requests_app.models import Message
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
    """The message is handed to the mail server, and marked so.

    False when another worker has it, when it failed, and when there is nothing left to say.
    """
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
            if not _handed_over(message):
                _moot(message)
                return False
        except _FAULTS as error:
            _failed(message, error)
            return False
        message.sent_at, message.due_at, message.last_error = now(), None, ""
        message.tries += 1
        message.save()
    log.info(
        "mail.sent",
        kind=message.kind,
        to=str(message.recipient or message.address or "the hook"),
        story=message.story,
        message=message.pk,
    )
    return True


def _handed_over(message: Message) -> bool:
    """The mail server or the hook has it; False when there was nothing left to say."""
    if message.recipient is None and not message.address:
        hook.post(message.pk, message.context)
        return True
    words = _words(message)
    if words is None:
        return False
    _mail(message, words).send()
    return True


def _moot(message: Message) -> None:
    message.due_at, message.last_error = None, "Not sent: there was nothing left to say."
    message.save()
    log.info("mail.moot", kind=message.kind, to=str(message.recipient or message.address), message=message.pk)


def _failed(message: Message, error: Exception) -> None:
    message.tries += 1
    message.last_error = f"{type(error).__name__}: {error}"
    pause = timedelta(seconds=min(3600, 5 * 2**message.tries))
    message.due_at = now() + pause if message.tries < _TRIES else None
    message.save()
    log.error(
        "mail.failed", kind=message.kind, tries=message.tries, error=message.last_error, story=message.story
    )


def _mail(message: Message, words: dict[str, Any]) -> EmailMultiAlternatives:
    headers = {"X-Latch-Story": message.story} if message.story else {}
    subject = render_to_string(f"emails/{message.kind}.subject.txt", words)
    mail = EmailMultiAlternatives(
        subject=" ".join(f"[latchportal] {subject}".split()),
        body=render_to_string(f"emails/{message.kind}.txt", words),
        to=[message.recipient.mail if message.recipient else message.address],
        headers={**headers, "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string(f"emails/{message.kind}.html", words), "text/html")
    return mail


def _words(message: Message) -> dict[str, Any] | None:
    found = alert_mail.words(message) if message.kind == alert_mail.ALERTS else message.context
    if found is None:
        return None
    words: dict[str, Any] = dict(found)
    for name in ("expires_at", "closed_at", "activate_by", "lapses_at", "due_at", "ask_by"):
        if words.get(name):
            words[name] = parse_datetime(words[name])
    page = words.get("page") or f"/requests/{words['request_id']}/"
    if message.kind == "approval_needed":
        page = "/inbox/"
    return {
        **words,
        "name": str(message.recipient or message.address),
        "duration": in_words(timedelta(seconds=words.get("duration_seconds", 0))),
        "url": f"{settings.BASE_URL}{page}",
        "instance": settings.LATCH_INSTANCE,
    }
