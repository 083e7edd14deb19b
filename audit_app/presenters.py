"""Events, exports and filters as the pages show them. No query and no decision here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from audit_app import words
from audit_app.models import Event

_DEPTH: Final = 3
_LONG_LIST: Final = 12
BADGES: Final = {
    Event.Outcome.SUCCESS: ("good", "check"),
    Event.Outcome.REFUSED: ("wait", "ban"),
    Event.Outcome.FAILURE: ("bad", "error"),
}


@dataclass(frozen=True)
class Line:
    """One event, said: its sentence, its badge, and all its details by name."""

    event: Event
    sentence: str
    icon: str
    tone: str
    badge_tone: str
    badge_icon: str
    by_system: bool
    details: tuple[tuple[str, str], ...]

    @property
    def why(self) -> str:
        """Return what was said of it; nothing where the sentence says it already, as an alert's does."""
        return "" if self.event.why == self.sentence else self.event.why


def line(event: Event) -> Line:
    """Return the event as a page shows it."""
    badge_tone, badge_icon = BADGES[Event.Outcome(event.outcome)]
    return Line(
        event=event,
        sentence=words.sentence(event),
        icon=words.icon(event),
        tone=words.tone(event),
        badge_tone=badge_tone,
        badge_icon=badge_icon,
        by_system=event.actor_id.startswith("system:"),
        details=tuple(_details(event)),
    )


def lines(events: Iterable[Event]) -> list[Line]:
    """Return these events as a page shows them, in the same order."""
    return [line(event) for event in events]


def _details(event: Event) -> Iterable[tuple[str, str]]:
    """Whatever else the row holds; empty values are left to the template."""
    yield "Event", str(event.uid)
    yield "Number", str(event.id)
    yield "Kind", event.kind
    yield "Who", f"{event.actor_label} ({event.actor_id})"
    if event.subject_id:
        yield "Whom it concerns", f"{event.subject_label} ({event.subject_id})"
    if event.object_kind:
        what = event.object_kind.replace("_", " ")
        yield "What", " ".join(part for part in (what, event.object_id, event.object_label) if part)
    yield "Resource", event.resource_label
    yield "Address", event.source_address or ""
    yield "Correlation id", event.correlation_id
    yield from _flat(event.data)


def _flat(value: Any, name: str = "", depth: int = 0) -> Iterable[tuple[str, str]]:
    """The data's leaves, each under the names that lead to it."""
    if isinstance(value, dict) and depth < _DEPTH:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}, {key}" if name else str(key), depth + 1)
    elif isinstance(value, list):
        shown = ", ".join(str(part) for part in value[:_LONG_LIST])
        more = f" and {len(value) - _LONG_LIST} more" if len(value) > _LONG_LIST else ""
        yield _named(name), (shown or "none") + more
    else:
        yield _named(name), "none" if value is None else str(value)


def _named(name: str) -> str:
    return name.replace("_", " ")[:1].upper() + name.replace("_", " ")[1:] or "Data"


def filter_words(filters: dict[str, str]) -> str:
    """Return an export's filter in one line, “everything” where there is none."""
    return "; ".join(f"{name}: {text}" for name, text in filters.items()) or "everything"
