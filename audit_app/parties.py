"""Who and what the trail speaks of: labels and ids that outlive the rows they name. No models, no I/O here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Party:
    """A person or a part of the system, as the trail knows it: an id and a label."""

    id: str
    label: str


@dataclass(frozen=True)
class About:
    """What an event speaks of: the object, its resource, the person it happens to and the story it belongs to."""

    kind: str = ""
    id: str = ""
    label: str = ""
    resource: str = ""
    subject: Party | None = None
    story: str = ""


def system(part: str) -> Party:
    """Return the party that stands for a part of the portal itself, such as "convergence"."""
    return Party(id=f"system:{part}", label=f"latchportal {part}")


NOTHING = About()
