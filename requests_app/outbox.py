"""Sending what the outbox holds: mails from templates/emails, the hook's as they are; retried, never twice on purpose."""

from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.db import transaction
from django.template import TemplateDoesNotExist

from audit_app.clock import now
from requests_app import hook
from requests_app.models import Message
from requests_app.notices import letters, still
from requests_app.notices.still import Worth

log = structlog.get_logger("latch.outbox")
_TRIES = 12
# Whether it is still worth saying hangs on a mail that is being sent at this moment.
_A_MOMENT = timedelta(seconds=5)
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
            worth = still.worth(message)
            if worth is Worth.WAIT:
                message.due_at = now() + _A_MOMENT
                message.save(update_fields=["due_at"])
                return False
            if worth is Worth.NOTHING or not _handed_over(message):
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
    words = letters.words(message)
    if words is None:
        return False
    letters.letter(message, words).send()
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
