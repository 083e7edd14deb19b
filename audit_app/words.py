"""The words for each kind of event: a registry that the floors above fill. It knows no kind but the audit app's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from audit_app.models import Event

# A template with {object}, {resource}, {subject} and {actor}, or a function of the event.
Sentence = str | Callable[[Event], str]

_TONES: Final = {Event.Outcome.REFUSED: "wait", Event.Outcome.FAILURE: "bad"}
_ICONS: Final = {Event.Outcome.REFUSED: "ban", Event.Outcome.FAILURE: "error"}


@dataclass(frozen=True)
class Words:
    """How one kind of event is said and shown: a sentence without its actor, an icon and a tone."""

    sentence: Sentence
    icon: str
    tone: str


_registry: dict[str, Words] = {}


def register(kind: str, sentence: Sentence, *, icon: str = "active", tone: str = "quiet") -> None:
    """Events of this kind are told by this sentence, which leaves the actor to the page: "Asked for {object}"."""
    _registry[kind] = Words(sentence, icon, tone)


def known_kinds() -> tuple[str, ...]:
    """Return every registered kind, sorted: what a filter can offer without counting the trail."""
    return tuple(sorted(_registry))


def kind_label(kind: str) -> str:
    """Return the kind in words: "grant.opened" is "Grant opened"."""
    noun, _, verb = kind.partition(".")
    return f"{noun} {verb}".replace("_", " ").strip().capitalize()


def sentence(event: Event) -> str:
    """Return what happened in one sentence; for a kind nobody registered, its name and object."""
    words = _registry.get(event.kind)
    if words is None:
        return ": ".join(part for part in (kind_label(event.kind), event.object_label) if part)
    if callable(words.sentence):
        return words.sentence(event)
    said = words.sentence.format_map(
        {
            "object": event.object_label or event.resource_label or "something unnamed",
            "resource": event.resource_label,
            "subject": event.subject_label,
            "actor": event.actor_label,
        }
    )
    return said.strip()


def icon(event: Event) -> str:
    """Return the name of the icon beside the sentence; what went wrong has its own."""
    words = _registry.get(event.kind)
    return words.icon if words else _ICONS.get(Event.Outcome(event.outcome), "active")


def tone(event: Event) -> str:
    """Return the tone: what the kind says, else the outcome's, else quiet."""
    words = _registry.get(event.kind)
    if words and words.tone != "quiet":
        return words.tone
    return _TONES.get(Event.Outcome(event.outcome), "quiet")


register("export.started", "Exported {object}", icon="download")
register("shipping.set_aside", "Was not taken, and set aside: {object}", icon="error", tone="bad")
