"""settled(): up to which number the trail will never change again. Only this file knows why, so that it can be swapped.

Numbers are not committed in their order: a transaction may hold number 5 while 6 can be seen already, and a cursor that
passed 6 would never see 5. Every writer of the trail holds ROW EXCLUSIVE on its table from before it takes its number
(a statement locks its tables first) until after its rows can be seen by everybody (a commit becomes visible before its
locks are let go). So: look up the highest number that can be seen, then who writes at this moment. Once each of those
has ended, no number up to it can still appear. New writers get higher numbers.

Why not the transaction ids? `xmin` below the snapshot's horizon tells that a row is final, but not that no lower
number is still to come: a writer takes its number before PostgreSQL gives it an id, and may stand still in between.
Ids also wrap, mean nothing after a restore, and the horizon is held back by anybody's open transaction, even one that
only reads, or in another database. Locks on this one table have none of that.
"""

import time
from dataclasses import dataclass, field
from typing import Final

from django.db import connection

from audit_app.models import Event

# Writers end within milliseconds; whoever takes longer is waited for by the next round.
_PAUSES: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
_WRITERS: Final = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = %s::regclass AND granted
      AND pid IS DISTINCT FROM pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareUpdateExclusiveLock')
"""


@dataclass
class _Seen:
    """What this process knows: a number that is settled, and one that will be when these writers have ended."""

    settled: int = 0
    candidate: int = 0
    writers: frozenset[str] = field(default_factory=frozenset)


_seen = _Seen()


def settled() -> int:
    """Return the highest number up to which every event there will ever be can be seen by the next query.

    Must be called outside a transaction, or in one that reads what is committed meanwhile.
    """
    _look()
    for pause in _PAUSES:
        time.sleep(pause)
        _seen.writers &= _writers()
        if not _seen.writers:
            _seen.settled = _seen.candidate
            break
    return _seen.settled


def _look() -> None:
    """A new candidate stands, unless the one before still waits for a writer."""
    last = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    if last < _seen.settled:  # another database, or an older one: what was known holds no more
        _forget()
    if _seen.writers and not _seen.writers & _writers():
        _seen.settled, _seen.writers = _seen.candidate, frozenset()
    if not _seen.writers:
        # In this order: whoever begins to write after the number was seen gets a higher one.
        _seen.candidate, _seen.writers = last, _writers()


def _writers() -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS, [Event._meta.db_table])
        return frozenset(name for (name,) in cursor.fetchall())


def _forget() -> None:
    _seen.settled, _seen.candidate, _seen.writers = 0, 0, frozenset()
