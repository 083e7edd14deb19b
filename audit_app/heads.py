"""Every seal leaves the database at once, for a file, a syslog or a blob: only from outside a cut-off trail can be seen.

Handing over never stops sealing. What could not be handed over is tried again from where the destination's row stands;
a line may come twice, never not at all.
"""

import json
import os
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog
from django.conf import settings
from django.db.models import Q, Subquery, Value
from django.db.models.functions import Coalesce

from audit_app import blobs
from audit_app.chain import instant
from audit_app.clock import now
from audit_app.models import HeadCursor, Seal
from audit_app.sealing import as_sealed

log = structlog.get_logger("latch.heads")
AT_ONCE: Final = 500
# Longer than handing over may take: who died with it in hand is taken over from then on.
CLAIM: Final = timedelta(seconds=15)
PAUSE: Final = timedelta(seconds=10)
TIMEOUT_SECONDS: Final = 2.0
# Facility 13 is "log audit", severity 5 "notice".
_PRIORITY: Final = 13 * 8 + 5
# Of one day. A blob has 50,000 blocks at most, and a day 86,400 seconds.
_BLOBS: Final = 50
# How the day's blob that is not full yet is numbered, where it is not the first; forgotten with the process.
_number: Final[dict[str, int]] = {}
Send = Callable[[SplitResult, Sequence[bytes]], None]


def hand_over() -> int:
    """Every seal the destination was not told of is with it; returns how many were. Without one, nothing is done."""
    destination: str = settings.TRAIL_HEADS
    if not destination or not _news(destination):
        return 0
    cursor, _ = HeadCursor.objects.get_or_create(destination=destination)
    if not _claim(cursor):
        return 0
    seals = list(Seal.objects.filter(sequence__gt=cursor.sequence).order_by("sequence")[:AT_ONCE])
    parts = urlsplit(destination)
    try:
        SENDERS[parts.scheme](parts, [line(seal) for seal in seals])
    except OSError as error:
        _failed(cursor, error)
        return 0
    if cursor.failing_since:
        log.warning("heads.handed_over_again", destination=destination, since=instant(cursor.failing_since))
    HeadCursor.objects.filter(pk=cursor.pk).update(
        sequence=seals[-1].sequence, due_at=None, failing_since=None
    )
    return len(seals)


def line(seal: Seal) -> bytes:
    """Return what leaves: the seal's number and hash for people, and the signed seal itself."""
    said = {"seal": seal.sequence, "hash": as_sealed(seal).hash().hex(), "jws": seal.signature}
    return json.dumps(said, separators=(",", ":")).encode()


def _news(destination: str) -> bool:
    known = HeadCursor.objects.filter(destination=destination).values("sequence")
    return Seal.objects.filter(sequence__gt=Coalesce(Subquery(known), Value(0))).exists()


def _claim(cursor: HeadCursor) -> bool:
    """Whether this is ours to hand over now: nobody else has it in hand, and a failure is some seconds past."""
    moment = now()
    mine = HeadCursor.objects.filter(Q(due_at=None) | Q(due_at__lte=moment), pk=cursor.pk)
    if not mine.update(due_at=moment + CLAIM):
        return False
    cursor.refresh_from_db()
    return True


def _failed(cursor: HeadCursor, error: OSError) -> None:
    moment = now()
    since = cursor.failing_since or moment
    HeadCursor.objects.filter(pk=cursor.pk).update(due_at=moment + PAUSE, failing_since=since)
    log.error(
        "heads.not_handed_over",
        destination=cursor.destination,
        after=cursor.sequence,
        since=instant(since),
        error=str(error),
    )


def _to_file(where: SplitResult, lines: Sequence[bytes]) -> None:
    """The lines are at the file's end and on the disk. A line that was cut short by a crash is left behind whole ones."""
    path = Path(where.path)
    with path.open("ab") as file:
        torn = file.tell() > 0 and _last_byte(path) != b"\n"
        file.write(b"\n" * torn + b"".join(one + b"\n" for one in lines))
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def _to_socket(where: SplitResult, lines: Sequence[bytes]) -> None:
    """A datagram each, to the local socket or by UDP: nobody says whether it arrived."""
    local = not where.hostname
    kind = socket.AF_UNIX if local else _family(where)
    with socket.socket(kind, socket.SOCK_DGRAM) as out:
        out.settimeout(TIMEOUT_SECONDS)
        out.connect(where.path if local else (where.hostname, where.port or 514))
        for one in lines:
            out.send(_syslog(one))


def _to_stream(where: SplitResult, lines: Sequence[bytes]) -> None:
    """One connection, each message after its length (RFC 6587)."""
    address = (where.hostname or "", where.port or 601)
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as out:
        messages = [_syslog(one) for one in lines]
        out.sendall(b"".join(str(len(one)).encode() + b" " + one for one in messages))


def _to_blob(where: SplitResult, lines: Sequence[bytes]) -> None:
    """One block at the end of the day's append blob; one that is full is followed by another, with a number."""
    day, body = f"{where.geturl()}-{now():%Y-%m-%d}", b"".join(one + b"\n" for one in lines)
    for number in range(_number.get(day, 1), _BLOBS + 1):
        try:
            blobs.append(f"{day}.jsonl" if number == 1 else f"{day}-{number}.jsonl", body)
        except blobs.Full:
            continue
        _number.clear()
        _number[day] = number
        return
    raise blobs.Full(f"{day} has {_BLOBS} blobs, and all are full")


def _family(where: SplitResult) -> int:
    found = socket.getaddrinfo(where.hostname, where.port or 514, type=socket.SOCK_DGRAM)
    return found[0][0]


def _syslog(said: bytes) -> bytes:
    """The line as RFC 5424 has it."""
    head = f"<{_PRIORITY}>1 {instant(now())} {socket.gethostname() or '-'} latchportal - seal - "
    return head.encode() + said


SENDERS: Final[dict[str, Send]] = {
    "file": _to_file,
    "syslog": _to_socket,
    "syslog+tcp": _to_stream,
    "https": _to_blob,
    "http": _to_blob,
}
