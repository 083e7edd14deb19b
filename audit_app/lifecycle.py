"""move(): the only writer of any state column, for every machine of the house; and the machines of access reviews.

A machine is a table of transitions; the floors above declare theirs on one screen each and hand them down by
declaring them.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from django.db import models, transaction

from audit_app.models import AccessReview, ReviewItem
from audit_app.trail import About, Party, record


class Stale(Exception):
    """Somebody else was first: the row is no longer in a state from which this may happen. Nothing was changed."""

    status = 409
    title = "Already decided"
    check = "nothing changed since you looked"
    way_on = "Go back to see where it stands now."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Moving(Protocol):
    """What move() needs of a row beside its state."""

    pk: Any
    state: str

    def about(self) -> About:
        """Return how the trail speaks of this row."""
        ...


@dataclass(frozen=True)
class Transition:
    """One arrow: from which states, to which one, what the trail calls it, and who may press it."""

    event: str
    sources: tuple[str, ...]
    target: str
    records: str
    who: frozenset[str] = frozenset()
    button: str = ""
    outcome: str = "success"


class Machine:
    """The table of one model's transitions. Declaring it registers it."""

    registry: dict[str, "Machine"] = {}

    def __init__(self, model: type[models.Model], noun: str, transitions: tuple[Transition, ...]) -> None:
        self.noun = noun
        self.transitions = {transition.event: transition for transition in transitions}
        if len(self.transitions) != len(transitions):
            raise ValueError(f"{noun}: two transitions share a name")
        Machine.registry[model._meta.label] = self

    def __getitem__(self, event: str) -> Transition:
        return self.transitions[event]

    def open_to(self, state: str, roles: frozenset[str]) -> tuple[Transition, ...]:
        """Return what somebody with these roles may do to a row in this state, in the table's order."""
        return tuple(t for t in self.transitions.values() if state in t.sources and roles & t.who)

    @classmethod
    def of(cls, obj: models.Model) -> "Machine":
        """Return the machine of this row's model; KeyError where none was declared."""
        return cls.registry[obj._meta.label]


def move(
    obj: Any, event: str, *, by: Party, why: str = "", data: dict[str, Any] | None = None, **fields: Any
) -> None:
    """The row has made the transition and its event stands in the trail; both or neither, and exactly once.

    Raises `Stale` when the row was not, in the database, in a state the transition starts from.
    """
    machine = Machine.of(obj)
    transition = machine[event]
    with transaction.atomic():
        rows = type(obj)._default_manager.filter(pk=obj.pk, state__in=transition.sources)
        if not rows.update(state=transition.target, **fields):
            raise Stale(_words(obj, machine, transition))
        obj.state = transition.target
        for name, value in fields.items():
            setattr(obj, name, value)
        record(transition.records, by=by, about=obj.about(), why=why, outcome=transition.outcome, data=data)


def _words(obj: Any, machine: Machine, transition: Transition) -> str:
    current = type(obj)._default_manager.filter(pk=obj.pk).values_list("state", flat=True).first()
    if current is None:
        return f"This {machine.noun} no longer exists."
    verb = transition.button.lower() or transition.event
    return f"This {machine.noun} is already {current}; it can not {verb} any more. Nothing was changed."


REVIEWER, RUNNER, SYSTEM = "reviewer", "runner", "system"
_reviewer, _runner, _system = frozenset({REVIEWER}), frozenset({RUNNER}), frozenset({SYSTEM})

REVIEWS = Machine(
    AccessReview,
    "campaign",
    (
        Transition("open", ("planned",), "open", "review.opened", _system),
        Transition("call_off", ("planned",), "closed", "review.called_off", _runner, "Call off"),
        Transition("close", ("open",), "closed", "review.closed", _runner | _system, "Sign off"),
    ),
)

ITEMS = Machine(
    ReviewItem,
    "row",
    (
        Transition("keep", ("undecided",), "keep", "review.kept", _reviewer, "Keep"),
        Transition("remove", ("undecided",), "remove", "review.removed", _reviewer, "Remove"),
        Transition("undo", ("keep", "remove"), "undecided", "review.undone", _reviewer, "Undo"),
        Transition("apply", ("keep", "remove"), "applied", "review.applied", _system),
    ),
)
