"""PURE: the mark by which a rule is known as ours: its name, and the end written into its description."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

MAX_NAME: Final = 80
MAX_DESCRIPTION: Final = 140
_INSTANCE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_TAIL: Final = re.compile(r"[0-9a-f]{12}-[0-9]{1,4}")
_END: Final = re.compile(r"\Alatch end=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)(?: |\Z)")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._:/@-]+")


def check_instance(instance: str) -> str:
    """The instance, when it can stand in a rule's name. ValueError if not."""
    if not _INSTANCE.fullmatch(instance):
        raise ValueError(
            f"instance {instance!r} must be 1 to 32 of a-z, 0-9 and '-', with no '-' at either end"
        )
    return instance


def rule_name(instance: str, grant_uid: UUID | str, n: int) -> str:
    """`latch-<instance>-<first 12 hex digits of the grant's uid>-<n>`: the same for the same opening."""
    if not 0 <= n <= 9999:
        raise ValueError(f"n must be 0 to 9999, not {n}")
    return f"latch-{check_instance(instance)}-{UUID(str(grant_uid)).hex[:12]}-{n}"


def belongs_to(instance: str, name: str) -> bool:
    """True when this instance named the rule; another portal's rules are foreign. Case does not count."""
    prefix = f"latch-{check_instance(instance)}-"
    name = name.lower()
    return name.startswith(prefix) and _TAIL.fullmatch(name.removeprefix(prefix)) is not None


def describe(grant: str, request_number: str | int, hard_end: datetime) -> str:
    """At most 140 characters from which `read_end` reads the end again, rounded up to a second."""
    if hard_end.tzinfo is None:
        raise ValueError("hard_end must be an aware datetime")
    end = hard_end.astimezone(UTC)
    if end.microsecond:
        end = datetime.fromtimestamp(int(end.timestamp()) + 1, UTC)
    text = f"latch end={end:%Y-%m-%dT%H:%M:%SZ} grant={_plain(grant)} req={_plain(str(request_number))}"
    return text[:MAX_DESCRIPTION].rstrip()


def read_end(description: str | None) -> datetime | None:
    """The end that `describe` wrote, in UTC; None when there is none or it is no date."""
    found = _END.match(description or "")
    try:
        return datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _plain(text: str) -> str:
    """Without blanks or signs, so that no label can look like a second `end=`."""
    return _PLAIN.sub("_", text)[:48]
