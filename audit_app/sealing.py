"""The sealer: what is safely committed gets its place in the chain, once and without gaps. Keys and heads live elsewhere.

Writers never wait for it. A transaction's events are taken once no older transaction is open in the whole cluster, so
that nothing can appear behind the seal afterwards. Transaction numbers mean nothing after a restore: in another cluster,
or on another line of its history, a new epoch begins with everything that has no place yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import structlog
from django.db import connection, transaction

from audit_app import alarms, chain, merkle, signing
from audit_app.clock import now
from audit_app.evidence import COLUMNS, WIDTH, evidence
from audit_app.jose import SEAL_TYPE
from audit_app.models import Event, Seal, SealedEvent
from audit_app.trail import About, record, system

log = structlog.get_logger("latch.sealing")
SEALER: Final = system("sealer")
TRAIL: Final = About(kind="trail", label="The audit trail")
# Of one seal: proving one event reads a whole seal's leaves.
BATCH: Final = 4096
# Of one wake, so that a backlog keeps no worker for long; the next second goes on.
ROUNDS: Final = 16
LATE: Final = timedelta(seconds=30)
LATE_KIND: Final = "seal.late"
EPOCH_KIND: Final = "seal.epoch_began"
_LOCK: Final = 0x6C61746368  # "latch"
_EPOCH: Final = "(SELECT s.system_identifier || '/' || c.timeline_id FROM pg_control_system() s, pg_control_checkpoint() c)"
_UNSEALED: Final = "NOT EXISTS (SELECT 1 FROM audit_app_sealedevent p WHERE p.event_id = e.id)"
# The oldest event without a place, by the index of (written_by, id); in another epoch the last seal bounds nothing.
_LOOK: Final = f"""
    WITH last AS (SELECT * FROM audit_app_seal ORDER BY sequence DESC LIMIT 1)
    SELECT {_EPOCH}, (SELECT epoch FROM last), (SELECT sequence FROM last), (SELECT sealed_at FROM last), (
        SELECT e.written_at FROM audit_app_event e
        WHERE (e.written_by, e.id) > (
            coalesce((SELECT horizon FROM last), '0'::xid8), coalesce((SELECT partly FROM last), 0))
        AND {_UNSEALED} ORDER BY e.written_by, e.id LIMIT 1)
"""  # noqa: S608 (our own texts)
_COMMITTED: Final = f"""
    SELECT {COLUMNS}, e.written_by FROM audit_app_event e
    WHERE (e.written_by, e.id) > (%s::xid8, %s) AND e.written_by < %s::xid8 AND {_UNSEALED}
    ORDER BY e.written_by, e.id LIMIT {BATCH}
"""  # noqa: S608
_LEFT_OVER: Final = f"""
    SELECT {COLUMNS}, e.written_by FROM audit_app_event e WHERE e.id > %s AND {_UNSEALED} ORDER BY e.id LIMIT {BATCH}
"""  # noqa: S608


@dataclass(frozen=True)
class _Look:
    """What one query says of the trail: this cluster, the last seal's, that seal, and since when the oldest event waits."""

    epoch: str
    sealed_in: str | None
    sequence: int | None
    sealed_at: datetime | None
    oldest: datetime | None

    @property
    def moved(self) -> bool:
        """Whether the last seal was made in another cluster, or before this one was put back to an earlier moment."""
        return self.sealed_in is not None and self.sealed_in != self.epoch

    @property
    def late(self) -> bool:
        """Whether the oldest event has waited for too long."""
        return self.oldest is not None and now() - self.oldest > LATE


def seal() -> int:
    """Every event that is safely committed has its place under a signed seal; returns how many got theirs.

    One sealer works at a time; another finds nothing to do. With nothing to seal it is one query. What has waited for
    30 seconds raises one alarm, whatever holds it up.
    """
    look = _look()
    if look.oldest is None and not look.moved:
        return 0
    done = 0
    try:
        for _ in range(ROUNDS):
            made = _round()
            if made is None:
                return done
            done += made
            if made < BATCH:
                break
    except signing.NoKey as error:
        log.error("seal.no_key", error=str(error))
    if not done and look.late:
        _raise_late()
    return done


def last_seal() -> chain.Seal | None:
    """Return the newest seal."""
    row = Seal.objects.order_by("-sequence").first()
    return None if row is None else as_sealed(row)


@dataclass(frozen=True)
class Progress:
    """How far sealing is: the newest seal's number and time, and since when the oldest event waits (None: none does)."""

    sequence: int | None
    sealed_at: datetime | None
    waits_since: datetime | None

    def late(self, moment: datetime) -> bool:
        """Whether an event waits for longer than sealing may take."""
        return self.waits_since is not None and moment - self.waits_since > LATE


def progress() -> Progress:
    """Return how far sealing is, for a page."""
    look = _look()
    return Progress(look.sequence, look.sealed_at, look.oldest)


def epoch() -> str:
    """Return which cluster this is, and which line of its history."""
    return _here()[0]


def as_sealed(row: Seal) -> chain.Seal:
    """Return a row's seal as it was hashed and signed."""
    return chain.Seal(
        sequence=row.sequence,
        epoch=row.epoch,
        first=row.first,
        last=row.last,
        count=row.count,
        root=row.root,
        previous=row.previous,
        sealed_at=chain.instant(row.sealed_at),
        horizon=row.horizon,
        partly=row.partly,
        kid=row.kid,
    )


def _look() -> _Look:
    with connection.cursor() as cursor:
        cursor.execute(_LOOK)
        return _Look(*cursor.fetchone())


def _round() -> int | None:
    """One seal more, or none; in a new epoch as many as it takes. All of it in one transaction, or nothing.

    Returns how many events were sealed; None where another sealer is at work.
    """
    signer = signing.signer()
    with transaction.atomic():
        if not _alone():
            return None
        before = last_seal()
        here, horizon = _here()
        if before is None or before.epoch != here:
            return _begin_epoch(signer, before, here, horizon)
        rows = _rows(_COMMITTED, (str(before.horizon), before.partly, str(horizon)))
        if len(rows) == BATCH:
            _write(signer, before, rows, here, horizon=int(rows[-1][WIDTH]), partly=rows[-1][0])
        elif rows:
            _write(signer, before, rows, here, horizon=horizon, partly=0)
        return len(rows)


def _begin_epoch(signer: chain.Signer, before: chain.Seal | None, epoch: str, horizon: int) -> int:
    """Whatever has no place gets one, by its absence alone; what is still being written lies above the horizon."""
    if before is not None:
        why = f"The database is another than the one sealed in before ({before.epoch}, now {epoch}): restored or moved."
        record(EPOCH_KIND, by=SEALER, about=TRAIL, why=why, data={"before": before.epoch, "now": epoch})
    done, after = 0, 0
    rows = _rows(_LEFT_OVER, (after,))
    while rows:
        after = rows[-1][0]
        following = _rows(_LEFT_OVER, (after,))
        partly = after if following else 0
        before = _write(signer, before, rows, epoch, horizon=horizon, partly=partly)
        done += len(rows)
        rows = following
    return done


def _write(
    signer: chain.Signer,
    before: chain.Seal | None,
    rows: Sequence[tuple[Any, ...]],
    epoch: str,
    *,
    horizon: int,
    partly: int,
) -> chain.Seal:
    """These events stand in the chain, by their ids, under one seal more."""
    places = [_place(row) for row in sorted(rows)]
    made = chain.follow(
        before,
        root=merkle.root([leaf for _, _, leaf, *_ in places]),
        count=len(places),
        epoch=epoch,
        sealed_at=now(),
        horizon=horizon,
        partly=partly,
        kid=signer.kid,
    )
    names = "position, event_id, uid, leaf, commitments, at, written_at"
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {SealedEvent._meta.db_table} ({names}) FROM STDIN") as copy,
    ):
        for position, place in enumerate(places, made.first):
            copy.write_row((position, *place))
    signature = signer.sign(made.to_bytes(), SEAL_TYPE)
    fields = {name: getattr(made, name) for name in chain.Seal.__slots__ if name != "sealed_at"}
    Seal.objects.create(**fields, sealed_at=datetime.fromisoformat(made.sealed_at), signature=signature)
    return made


def _place(row: tuple[Any, ...]) -> tuple[Any, ...]:
    event = evidence(row)
    committed = chain.commitments(cast("bytes", event.salt), event.personal)
    return row[0], row[1], chain.leaf(event.public, committed), committed, row[2], row[3]


def _rows(query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _alone() -> bool:
    """Whether no other sealer is at work; nobody else can begin before this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _here() -> tuple[str, int]:
    """This cluster, and the oldest transaction still open in any of its databases: below it all is decided."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_EPOCH}, pg_snapshot_xmin(pg_current_snapshot())")
        here, horizon = cursor.fetchone()
        return here, int(horizon)


def _raise_late() -> None:
    """The alarm stands in the trail, once: as long as it waits to be sealed itself, it is still the same one."""
    with transaction.atomic():
        # Another sealer may have been done in the meantime.
        if not _alone() or not (look := _look()).late or look.oldest is None:
            return
        told = Event.objects.filter(kind=LATE_KIND).order_by("-id").values_list("id", flat=True).first()
        if told is not None and not SealedEvent.objects.filter(event_id=told).exists():
            return
        seconds = round((now() - look.oldest).total_seconds())
        why = (
            f"An event waits since {look.oldest:%H:%M:%S} UTC to be sealed. A transaction is open in this PostgreSQL "
            "cluster, perhaps in another database, or there is no key to sign with."
        )
        alarms.alarm(LATE_KIND, by=SEALER, about=TRAIL, why=why, data={"seconds": seconds})
