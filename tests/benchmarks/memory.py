"""What a process holds and has used, by Linux's own books. Megabytes are a million bytes."""

import os
from pathlib import Path

PROC = Path("/proc")


def held(pid: int) -> dict[str, float]:
    """Return rss and pss of a process in MB; raises OSError where /proc does not tell."""
    found = _kilobytes(PROC / str(pid) / "smaps_rollup")
    return {"rss": _mb(found["Rss"]), "pss": _mb(found["Pss"])}


def peak(pid: int) -> float:
    """Return the most the process held since the last forget_peak(), in MB."""
    return _mb(_kilobytes(PROC / str(pid) / "status")["VmHWM"])


def forget_peak(pid: int) -> None:
    """The peak counts from what is held now."""
    (PROC / str(pid) / "clear_refs").write_text("5")


def children(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    text = (PROC / str(pid) / "task" / str(pid) / "children").read_text()
    return [int(word) for word in text.split()]


def processor_seconds(pids: list[int]) -> float:
    """Return the seconds of the processor these processes have used so far, all together."""
    ticks = 0
    for pid in pids:
        # The name, in brackets, may hold blanks; user and system time are fields 14 and 15 of the whole line.
        after_name = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _kilobytes(file: Path) -> dict[str, int]:
    rows = (line.split() for line in file.read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}


def _mb(kilobytes: int) -> float:
    return round(kilobytes * 1024 / 1e6, 1)
