"""Reading one iCalendar address: who is on it, from when to when. Whom that lets decide is `rotas`' business."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import requests

# Two megabytes are some ten thousand shifts; a feed that never ends must not fill a worker.
LARGEST = 2 * 1024 * 1024
_TIMEOUT = (3.05, 10)
_MAILTO = "mailto:"


class Unreadable(Exception):
    """The address did not answer with a calendar; the text says how."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One person on the calendar, by the name they sign in with, in lower case."""

    who: str
    starts_at: datetime
    ends_at: datetime


def read(address: str, *, since: datetime, until: datetime) -> list[Entry]:
    """Return everybody on the calendar between two instants, repeated events unfolded; raises Unreadable.

    People are the attendees' addresses. All-day events begin and end at midnight UTC; what was called off is left out.
    """
    import icalendar
    import recurring_ical_events

    try:
        calendar = icalendar.Calendar.from_ical(_fetched(address))
        events = recurring_ical_events.of(calendar).between(since, until)
        return [entry for event in events for entry in _entries(event)]
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"This is no calendar that can be read: {type(error).__name__}: {error}") from error


def _fetched(address: str) -> bytes:
    try:
        # A redirect could lead anywhere; the address in the policy is the one that was looked at.
        with requests.get(address, timeout=_TIMEOUT, stream=True, allow_redirects=False) as answer:
            if answer.status_code != 200:
                raise Unreadable(f"It answered {answer.status_code}.")
            body = answer.raw.read(LARGEST + 1, decode_content=True)
    except requests.RequestException as error:
        raise Unreadable(f"It did not answer: {type(error).__name__}.") from error
    if len(body) > LARGEST:
        raise Unreadable(f"It is larger than {LARGEST // 1024 // 1024} MB.")
    return bytes(body)


def _entries(event: Any) -> Iterator[Entry]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    starts_at, ends_at = _instant(event.start), _instant(event.end)
    attendees = event.get("ATTENDEE", [])
    for attendee in attendees if isinstance(attendees, list) else [attendees]:
        address = str(attendee).strip().lower()
        if address.startswith(_MAILTO) and starts_at < ends_at:
            yield Entry(address.removeprefix(_MAILTO), starts_at, ends_at)


def _instant(at: date | datetime) -> datetime:
    if not isinstance(at, datetime):
        return datetime.combine(at, time(), UTC)
    # A time without a zone is everybody's own; for a rota of many people that can only mean UTC.
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
