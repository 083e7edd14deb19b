"""Sending what the outbox holds: mails and notes from templates/emails, the hook's as they are; never twice on purpose.

A message is handed over in the transaction that marks it so. A worker that is killed between the two leaves it due, and it
is handed over again: under the same Message-ID, or number, by which a receiver can tell. Nothing is ever left out.
"""

import time
from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.db import transaction
from django.template import TemplateDoesNotExist

from audit_app.clock import now
from requests_app import hook
from requests_app.models import Message
from requests_app.notices import channels, letters, still
from requests_app.notices.still import Worth

log = structlog.get_logger("latch.outbox")
# So long it is tried; a mail server that is away for a weekend costs no notice.
_PATIENCE = timedelta(days=3)
_LONGEST_PAUSE = timedelta(hours=1)
# The next look is ten seconds away.
_LOOK_SECONDS, _BATCH = 8.0, 200
# Whether it is still worth saying hangs on a mail that is being sent at this moment.
_A_MOMENT = timedelta(seconds=5)
# A mail server that is away, and a mail that can not be made at all: one bad mail must not stop those behind it.
_FAULTS = (SMTPException, OSError, ValueError, TypeError, LookupError, TemplateDoesNotExist)


def send_due() -> int:
    """Every due message was tried, until the next look is near; returns how many were sent."""
    until, sent = time.monotonic() + _LOOK_SECONDS, 0
    while time.monotonic() < until:
        due = Message.objects.filter(due_at__lte=now()).order_by("due_at").values_list("pk", flat=True)
        went = sum(send(pk) for pk in due[:_BATCH] if time.monotonic() < until)
        sent += went
        # What is left is another worker's, or can not be sent now.
        if not went:
            break
    return sent


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
        to=message.whom,
        story=message.story,
        message=message.pk,
    )
    return True


def _handed_over(message: Message) -> bool:
    """The mail server or the hook has it; False when there was nothing left to say."""
    if not (message.recipient or message.address or message.channel):
        hook.post(message.pk, message.context)
        return True
    words = letters.words(message)
    if words is None:
        return False
    if message.channel:
        channels.hand_over(message, *letters.note(message, words))
    else:
        letters.letter(message, words).send()
    return True


def _moot(message: Message) -> None:
    message.due_at, message.last_error = None, "Not sent: there was nothing left to say."
    message.save()
    log.info("mail.moot", kind=message.kind, to=message.whom, message=message.pk)


def _failed(message: Message, error: Exception) -> None:
    message.tries += 1
    message.last_error = f"{type(error).__name__}: {error}"
    again = now() + min(_LONGEST_PAUSE, timedelta(seconds=5 * 2 ** min(message.tries, 12)))
    message.due_at = again if again < message.created_at + _PATIENCE else None
    message.save()
    log.error(
        "mail.failed" if message.due_at else "mail.given_up",
        kind=message.kind,
        to=message.whom,
        tries=message.tries,
        error=message.last_error,
        story=message.story,
    )
