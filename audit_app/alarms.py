"""An alarm of the ground floor: in the trail, in the log, and with whoever the floors above named. No rule lives here."""

from collections.abc import Callable
from typing import Any

import structlog
from django.db import transaction

from audit_app.models import Event
from audit_app.trail import About, Party, record

log = structlog.get_logger("latch.alarm")
Listener = Callable[[str, str, About], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """From now on this is called for each alarm, in the transaction of its event: kind, why, what it is about."""
    if listener not in _listeners:
        _listeners.append(listener)


def alarm(
    kind: str,
    *,
    by: Party,
    about: About,
    why: str,
    data: dict[str, Any],
    outcome: str = Event.Outcome.FAILURE,
) -> None:
    """The alarm stands in the trail, and all who listen were told; both or neither. The log has it at ERROR.

    `outcome` is that of what the alarm tells of: most tell of something that failed.
    """
    with transaction.atomic():
        record(kind, by=by, about=about, outcome=outcome, why=why, data=data)
        for listener in _listeners:
            listener(kind, why, about)
    log.error(kind, why=why, **data)
