"""Sending what the outbox holds: mails and notes from templates/emails, the hook's as they are; never twice on purpose.

A message is handed over in the transaction that marks it so. A worker that is killed between the two leaves it due, and it
is handed over again: under the same Message-ID, or number, by which a receiver can tell. Nothing is ever left out.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import structlog
from django.db import transaction
from django.template import TemplateDoesNotExist

from audit_app.clock import now
from requests_app import hook
from requests_app.models import Message
from requests_app.notices import channels, digests, letters, still
from requests_app.notices.still import Worth

log = structlog.get_logger("latch.outbox")
# So long it is tried; a mail server that is away for a weekend costs no notice.
_PATIENCE = timedelta(days=3)
_LONGEST_PAUSE = timedelta(hours=1)
# The next look is ten seconds away.
_LOOK_SECONDS, _BATCH = 8.0, 200
_SLOW_SECONDS, _REST_SECONDS = 2.0, 30.0
# Until when, by the monotonic clock, this process leaves a carrier alone.
_rests: dict[str, float] = {}
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
    """The message is handed over, with all that goes into the same digest, and marked so.

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
        others = digests.others(message) if message.digest else []
        if others is None:
            return False
        prepared = [(one, _prepared(one)) for one in sorted([message, *others], key=lambda one: one.pk)]
        found = [(one, words) for one, words in prepared if words is not None]
        if not found or not _handed_over(found):
            return False
    for one, _ in found:
        log.info("mail.sent", kind=one.kind, to=one.whom, story=one.story, message=one.pk)
    return True


def _prepared(message: Message) -> dict[str, Any] | None:
    """Return what to say; None when it waits, when nothing is left to say or when that fails: then it is marked so."""
    try:
        worth = still.worth(message)
        if worth is Worth.WAIT:
            message.due_at = now() + _A_MOMENT
            message.save(update_fields=["due_at"])
            return None
        words = _words(message) if worth is Worth.SAY else None
    except _FAULTS as error:
        _failed(message, error)
        return None
    if words is None:
        _moot(message)
    return words


def _words(message: Message) -> dict[str, Any] | None:
    for_the_hook = not (message.recipient or message.address or message.channel)
    return message.context if for_the_hook else letters.words(message)


def _handed_over(found: list[tuple[Message, dict[str, Any]]]) -> bool:
    """The mail server, the channel or the hook has it, and the rows say so; False when it failed."""
    try:
        with _patiently(_carrier(found[0][0])):
            if len(found) > 1:
                digests.letter(found).send()
            else:
                _hand_over(*found[0])
    except _FAULTS as error:
        for message, _ in found:
            _failed(message, error)
        return False
    for message, _ in found:
        message.sent_at, message.due_at, message.last_error = now(), None, ""
        message.tries += 1
        message.save()
    return True


def _hand_over(message: Message, words: dict[str, Any]) -> None:
    if message.channel:
        channels.hand_over(message, *letters.note(message, words))
    elif message.recipient or message.address:
        letters.letter(message, words).send()
    else:
        hook.post(message.pk, words)


def _carrier(message: Message) -> str:
    return message.channel or ("mail" if message.recipient or message.address else "the hook")


@contextmanager
def _patiently(carrier: str) -> Iterator[None]:
    """Inside, a message goes out by this carrier. One that kept this worker waiting and failed is left alone for a while:

    what goes out by others must not wait for a chat that hangs. Raises OSError then.
    """
    began = time.monotonic()
    if began < _rests.get(carrier, 0.0):
        raise OSError(f"{carrier} kept a worker waiting a moment ago")
    try:
        yield
    except _FAULTS:
        if time.monotonic() - began > _SLOW_SECONDS:
            _rests[carrier] = time.monotonic() + _REST_SECONDS
        raise


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
