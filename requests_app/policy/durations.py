"""Durations as policy files write them and as people read them; no limits are set here."""

import re
from datetime import timedelta
from functools import lru_cache

_PLAIN = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")
_ISO = re.compile(r"P(?:(\d{1,5})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?")


def parse_duration(text: str) -> timedelta:
    """A duration from “30m”, “1h30m”, “3d” or ISO 8601 (“PT30M”).

    ValueError for anything else, zero included.
    """
    written = text.strip()
    found = _PLAIN.fullmatch(written.lower()) or _ISO.fullmatch(written.upper())
    if not written.isascii() or found is None or not any(found.groups()):
        raise ValueError(f"“{written[:40]}” is not a duration; write it as 30m, 4h, 1h30m or PT30M")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not duration:
        raise ValueError(f"“{written}” is no time at all")
    return duration


def write_duration(duration: timedelta) -> str:
    """The shortest way a policy file could say it (“1h30m”); whole seconds, at least one."""
    return "".join(f"{count}{unit}" for count, unit in _parts(duration)) or "0m"


@lru_cache(maxsize=1024)
def in_words(duration: timedelta) -> str:
    """For people: “1 h 30 min”."""
    names = {"d": "d", "h": "h", "m": "min", "s": "s"}
    return " ".join(f"{count} {names[unit]}" for count, unit in _parts(duration)) or "0 min"


def _parts(duration: timedelta) -> list[tuple[int, str]]:
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    counted = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return [(count, unit) for count, unit in counted if count]
