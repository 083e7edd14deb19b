"""What can be reviewed: sources of rows, registered by the floors above. The audit app itself knows no right."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit_app.models import AccessReview
from audit_app.parties import Party

Scope = dict[str, list[str]]


@dataclass(frozen=True)
class Dimension:
    """One way of narrowing what is reviewed: (value, label) pairs; none chosen means all."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    """One person and one right as they are now, with what a reviewer needs to decide."""

    key: str
    person: Party
    right_key: str
    right_label: str
    resource_label: str
    recommendation: str
    recommendation_why: str
    facts: dict[str, Any] = field(default_factory=dict)
    never_used: bool = False
    manager: Party | None = None
    owner: Party | None = None
    # Ids of those who have a part in it and are never asked, as the person themself is not.
    apart: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Source:
    """Rights that can be reviewed.

    `rows` raises NotReady while it can not say for sure; `tell(kind, people's ids, campaign)` writes notices in the
    transaction at hand.
    """

    name: str
    title: str
    dimensions: Callable[[], Sequence[Dimension]]
    people: Callable[[], Sequence[Party]]
    rows: Callable[[Scope], Iterable[Row]]
    version: Callable[[], str]
    tell: Callable[[str, Iterable[str], AccessReview], None]
    # What each row asks, and what a page says where there is no row.
    question: str = "Should they still be able to ask for this?"
    nothing: str = "Policy lets nobody ask for what this campaign looks at, so there is nothing to decide."
    # Who can be asked, and how the source calls them.
    reviewers: Mapping[str, str] = field(default_factory=lambda: dict(AccessReview.Reviewers.choices))
    # Whether people make campaigns about it; else they come about by what happened.
    by_hand: bool = True


class NotReady(Exception):
    """What is to be reviewed can not be read for sure just now; the campaign begins as soon as it can."""


class UnknownSource(Exception):
    """Nobody registered rights of this name."""

    status = 404
    title = "Not found"
    check = ""
    way_on = "Go back to the reviews."

    def __init__(self, name: str) -> None:
        self.reason = f"Nothing called “{name}” can be reviewed."
        super().__init__(self.reason)


_registry: dict[str, Source] = {}


def register(source: Source) -> None:
    """Campaigns about these rights can be made from now on."""
    _registry[source.name] = source


def source(name: str) -> Source:
    """Return the source of this name; raises UnknownSource."""
    try:
        return _registry[name]
    except KeyError:
        raise UnknownSource(name) from None


def sources() -> tuple[Source, ...]:
    """Return everything that people can make a campaign about, the usual first: in the order they were registered."""
    return tuple(one for one in _registry.values() if one.by_hand)
