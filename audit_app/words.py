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
register("review.planned", "Planned the review “{object}”", icon="clock")
register("review.opened", "Review began: {object}", icon="people", tone="accent")
register("review.called_off", "Called off the review “{object}”", icon="ban")
register("review.reminded", "Reminded the reviewers of {object}", icon="clock")
register("review.escalated", "Asked others as well in {object}", icon="alert", tone="wait")
register("review.kept", "Kept {object} for {subject}", icon="check", tone="good")
register("review.removed", "Decided to remove {object} from {subject}", icon="ban", tone="bad")
register("review.undone", "Took back the decision about {object} of {subject}", icon="undo")
register("review.applied", "Carried out for {subject}: {object}", icon="check")
register("review.refused", "Was refused deciding rows of a review", icon="ban", tone="wait")
register("review.closed", "Review closed: {object}", icon="lock")
register("review.evidence_taken", "Downloaded the evidence of {object}", icon="download")
register("seal.late", "Sealing of the trail is late", icon="error", tone="bad")
register("seal.epoch_began", "Sealing went on in another database than before", icon="shield", tone="wait")
register("person.erased", "Erased a person from the trail", icon="shield", tone="wait")
register("export.scheduled", "Planned a regular export: {object}", icon="clock")
register("export.schedule_stopped", "Stopped a regular export: {object}", icon="ban")
register("export.not_written", "A regular export could not be written: {object}", icon="error", tone="bad")
register("alert.raised", lambda event: event.why or "Raised an alert", icon="alert", tone="bad")
register("alert.acknowledged", "Looked at the alert about {object}", icon="check")
register("shipping.set_aside", "Was not taken, and set aside: {object}", icon="error", tone="bad")
