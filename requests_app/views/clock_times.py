"""Clock times as people type them, of no zone yet. Which instant one is, and whether it may be, is for others to say."""

from datetime import datetime
from typing import Final

# What a browser sends for such a field, and what people write where it is a plain one.
_FORMATS: Final = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
WIDGET: Final = {"type": "datetime-local", "step": "60"}
HOW: Final = "Write a day and a time, like 2026-12-24 18:00."


def clock_time(written: str) -> datetime | None:
    """Return the day and time written, naive; None for anything else."""
    for shape in _FORMATS:
        try:
            return datetime.strptime(written.strip(), shape)  # noqa: DTZ007 - the zone is typed in beside it
        except ValueError:
            continue
    return None
