"""record(): the only writer of events. It knows labels and ids, never the rows of the floors above."""

from functools import partial
from typing import Any

import structlog
from django.db import DEFAULT_DB_ALIAS, transaction

from audit_app import origin
from audit_app.clock import now
from audit_app.models import Event
from audit_app.parties import NOTHING, About, Party, system

__all__ = ["NOTHING", "About", "Party", "record", "system"]
log = structlog.get_logger("latch.trail")


def record(
    kind: str,
    *,
    by: Party,
    about: About = NOTHING,
    outcome: str = Event.Outcome.SUCCESS,
    why: str = "",
    data: dict[str, Any] | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Event:
    """One event stands in the trail if, and only if, the caller's transaction (of that connection) commits.

    Raises `transaction.TransactionManagementError` outside a transaction: an event beside its change, or neither.
    """
    if not transaction.get_connection(using).in_atomic_block:
        raise transaction.TransactionManagementError(
            f"{kind} must be recorded in the transaction of its change."
        )
    here = origin.current()
    event = Event.objects.using(using).create(
        at=now(),
        kind=kind,
        outcome=outcome,
        actor_id=by.id,
        actor_label=by.label[:200],
        subject_id=about.subject.id if about.subject else "",
        subject_label=about.subject.label[:200] if about.subject else "",
        object_kind=about.kind,
        object_id=about.id,
        object_label=about.label[:200],
        resource_label=about.resource[:200],
        story=about.story,
        source_address=here.source_address,
        correlation_id=here.correlation_id,
        why=why,
        data=data or {},
    )
    # Said once it is true: a change that is rolled back leaves no line in the log either.
    transaction.on_commit(partial(_say, event), using=using)
    return event


def _say(event: Event) -> None:
    log.info(
        event.kind,
        outcome=event.outcome,
        actor=event.actor_label,
        object=f"{event.object_kind}:{event.object_id}" if event.object_kind else "",
        story=event.story,
        resource=event.resource_label,
        correlation_id=event.correlation_id,
        why=event.why,
    )
