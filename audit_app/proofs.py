"""Proofs for the outside: the chain as the database holds it, an export of it, one event's proof. Nothing is judged."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit_app import lines, merkle, signing
from audit_app.chain import Evidence, Seal, canonical, instant
from audit_app.clock import now
from audit_app.evidence import COLUMNS, WIDTH, evidence
from audit_app.jose import MANIFEST_TYPE
from audit_app.models import Event, SealedEvent
from audit_app.models import Seal as SealRow
from audit_app.sealing import as_sealed
from audit_app.verify import EVENTS_FILE, EXPORT, MANIFEST_FILE, PROOF
from audit_app.walk import Place

AT_ONCE: Final = 4096
_FURTHEST: Final = 2**63 - 1
_PLACE: Final = f"{COLUMNS}, p.position, p.uid, p.leaf, p.commitments, p.at, p.written_at"
_PLACES: Final = f"""
    SELECT {_PLACE} FROM audit_app_sealedevent p LEFT JOIN audit_app_event e ON e.id = p.event_id
    WHERE p.position > %s AND p.position <= %s ORDER BY p.position LIMIT {AT_ONCE}
"""  # noqa: S608 (our own names)
_PLACES_OF_STORY: Final = f"""
    SELECT {_PLACE} FROM audit_app_sealedevent p JOIN audit_app_event e ON e.id = p.event_id
    WHERE e.story = %s AND p.position > %s ORDER BY p.position LIMIT {AT_ONCE}
"""  # noqa: S608


class NotSealed(Exception):
    """The event is too young: it has no place in the chain yet."""

    status = 409
    title = "Not sealed yet"
    check = "sealed"
    way_on = "Events are sealed within seconds. Come back in a moment."

    def __init__(self) -> None:
        super().__init__("This event is not sealed yet, so there is no proof of it.")


@contextmanager
def snapshot() -> Iterator[None]:
    """Inside, everything is read as of one moment, and nothing is written; the sealer is not held back by it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def parts(first: int = 1, last: int | None = None) -> Iterator[Place | tuple[Seal, str]]:
    """Yield the chain from one seal to another, each after its places; without a last one, then what no seal holds."""
    rows = places(_before(first))
    waiting = next(rows, None)
    for seal, token in _seals(first, last):
        while waiting is not None and waiting.position <= seal.last:
            yield waiting
            waiting = next(rows, None)
        yield seal, token
    while waiting is not None and last is None:
        yield waiting
        waiting = next(rows, None)


def places(after: int, up_to: int = _FURTHEST) -> Iterator[Place]:
    """Return the chain's places behind one position, up to another, read so many at a time."""
    return _read(lambda after: (_PLACES, (after, up_to)), after)


def _read(query: Callable[[int], tuple[str, tuple[Any, ...]]], after: int) -> Iterator[Place]:
    while True:
        with connection.cursor() as cursor:
            cursor.execute(*query(after))
            rows = cursor.fetchall()
        yield from map(_place, rows)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1][WIDTH]


def proof(uid: UUID) -> dict[str, Any]:
    """Return one event's proof: its line, its seal and the path between; raises Event.DoesNotExist and NotSealed."""
    event = Event.objects.only("id").get(uid=uid)
    found = SealedEvent.objects.filter(event_id=event.id).values_list("position", flat=True).first()
    if found is None:
        raise NotSealed
    (place,) = places(found - 1, found)
    seal, paths = _tree(found)
    return {"format": PROOF, **_proved(place, seal, paths), "seal": seal.signature}


def of_story(story: str) -> Iterator[dict[str, Any]]:
    """Yield the proofs of a story's events that have a place in the chain: one seal's, each a line, then that seal."""
    held: tuple[SealRow, merkle.Paths] | None = None
    for place in _read(lambda after: (_PLACES_OF_STORY, (story, after)), 0):
        if held is None or place.position > held[0].last:
            if held is not None:
                yield lines.seal_line(held[0].signature)
            held = _tree(place.position)
        yield _proved(place, *held)
    if held is not None:
        yield lines.seal_line(held[0].signature)


def is_sealed(events: QuerySet[Event]) -> bool:
    """Return whether every one of these events has its place in the chain."""
    return not events.exclude(Exists(SealedEvent.objects.filter(event_id=OuterRef("pk")))).exists()


def _tree(position: int) -> tuple[SealRow, merkle.Paths]:
    """Return the seal over this position, and the ways to its root."""
    seal = SealRow.objects.filter(last__gte=position).order_by("last").first()
    if seal is None:
        raise NotSealed
    within = SealedEvent.objects.filter(position__range=(seal.first, seal.last)).order_by("position")
    return seal, merkle.Paths([bytes(leaf) for leaf in within.values_list("leaf", flat=True)])


def _proved(place: Place, seal: SealRow, paths: merkle.Paths) -> dict[str, Any]:
    steps = paths.of(place.position - seal.first)
    return {"event": lines.event_line(place), "path": [step.hex() for step in steps]}


def export(folder: Path, first: int = 1, last: int | None = None) -> dict[str, Any]:
    """The folder holds the chain from one seal to another and a signed manifest of it; returns what that says.

    Raises NotSealed where there is nothing to export, NoKey where nothing can be signed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made_at = instant(now())
    with snapshot(), (folder / EVENTS_FILE).open("wb") as file:
        seals, about_file = _write(file, parts(first, last if last is not None else _newest()))
    if not seals:
        raise NotSealed
    said = {
        "format": EXPORT,
        "instance": settings.LATCH_INSTANCE,
        "made_at": made_at,
        "file": EVENTS_FILE,
        **about_file,
        "first_seal": seals[0].sequence,
        "last_seal": seals[-1].sequence,
        "first_position": seals[0].first,
        "last_position": seals[-1].last,
        "head": seals[-1].hash().hex(),
    }
    signature = signing.signer().sign(canonical(said), MANIFEST_TYPE)
    text = json.dumps({"manifest": said, "signature": signature}, indent=1) + "\n"
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")
    return said


def _write(
    file: BinaryIO, found: Iterable[Place | tuple[Seal, str]]
) -> tuple[tuple[Seal, ...], dict[str, Any]]:
    """The file holds these parts; returns its first and last seal, and what the manifest says of the file."""
    digest, count = sha256(), 0
    seals: tuple[Seal, ...] = ()
    for part in found:
        if isinstance(part, Place):
            said = lines.event_line(part)
        else:
            said, seals = lines.seal_line(part[1]), (*seals[:1], part[0])
        line = canonical(said) + b"\n"
        file.write(line)
        digest.update(line)
        count += 1
    return seals, {"sha256": digest.hexdigest(), "lines": count}


def _place(row: tuple[Any, ...]) -> Place:
    event: Evidence | None = evidence(row) if row[0] is not None else None
    position, uid, leaf, commitments, at, written_at = row[WIDTH:]
    return Place(position, str(uid), bytes(leaf), bytes(commitments), instant(at), instant(written_at), event)


def _seals(first: int, last: int | None) -> Iterator[tuple[Seal, str]]:
    while True:
        rows = SealRow.objects.filter(sequence__gte=first).order_by("sequence")[:AT_ONCE]
        for row in rows:
            if last is not None and row.sequence > last:
                return
            yield as_sealed(row), row.signature
        if len(rows) < AT_ONCE:
            return
        first = rows[AT_ONCE - 1].sequence + 1


def _before(seal: int) -> int:
    return (
        SealRow.objects.filter(sequence__lt=seal).order_by("-last").values_list("last", flat=True).first()
        or 0
    )


def _newest() -> int:
    return SealRow.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
