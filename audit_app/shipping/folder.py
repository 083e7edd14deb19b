"""A folder of OCSF JSON Lines as a destination: one file for each day of the trail (UTC). No schema here."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from django.conf import settings

from audit_app import words
from audit_app.models import Event
from audit_app.shipping import ocsf
from audit_app.shipping.destination import Limits, Unavailable

_LIMITS: Final = Limits(events=1000, size=4_000_000)
_DAY: Final = len("2026-11-26")


@dataclass(frozen=True)
class Folder:
    """The folder events are appended to; something else takes the files from there."""

    path: Path
    name: str = "ocsf"
    title: str = "OCSF files"
    limits: Limits = _LIMITS

    def encode(self, event: Event) -> bytes:
        """Return the event's day, by which its file is called, and its line."""
        told = ocsf.told(
            event,
            sentence=words.sentence(event),
            instance=settings.LATCH_INSTANCE,
            version=settings.LATCH_VERSION,
        )
        line = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        return f"{event.at:%Y-%m-%d}{line}\n".encode()

    def send(self, encoded: Sequence[bytes]) -> None:
        """These lines are on disk, as far as the disk tells the truth. Raises Unavailable."""
        try:
            self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
            for day, lines in groupby(encoded, key=lambda line: line[:_DAY]):
                self._append(day.decode(), (line[_DAY:] for line in lines))
        except OSError as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error

    def _append(self, day: str, lines: Iterable[bytes]) -> None:
        path = self.path / f"latchportal-{day}.jsonl"
        new = not path.exists()
        # People's names and addresses stand in it: the owner writes, a group may read, nobody else.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640), "ab") as file:
            _cut_torn_line(path)
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        if new:  # a file's name is the folder's, and has to reach the disk too
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _cut_torn_line(path: Path) -> None:
    """What a crash left of a last line is gone: its event was not counted as shipped, and comes again whole."""
    size = path.stat().st_size
    with path.open("rb+") as file:
        keep, step = size, 65_536
        while keep:
            start = max(0, keep - step)
            file.seek(start)
            found = file.read(keep - start).rfind(b"\n")
            if found >= 0:
                keep = start + found + 1
                break
            keep = start
        if keep < size:
            file.truncate(keep)
