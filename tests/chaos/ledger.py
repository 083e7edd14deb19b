"""What was answered with success, kept outside the database: one line of JSON each, on disk before the next step."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Ledger:
    """A file that only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, kind: str, **words: Any) -> None:
        """This happened, and stays written whatever dies next."""
        line = json.dumps({"at": time.time(), "kind": kind, **words}) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> Iterator[dict[str, Any]]:
        """Return what was kept, oldest first; a line cut short by a death is none."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue
