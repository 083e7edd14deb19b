"""How fresh a sign-in has to be, and what it has to have proved: the demand of a rule, and asking it of a session.

Pure. How the session's facts came about, and the way through Entra to better ones, stand elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from requests_app.policy.checks import Check
from requests_app.policy.durations import in_words
from requests_app.policy.facts import (
    ACTIVATION,
    APPROVAL,
    BREAK_GLASS,
    REQUEST,
    Attempt,
    PersonFacts,
    SignInFacts,
)
from requests_app.policy.reading import Section

MOMENTS = {
    REQUEST: "asking",
    APPROVAL: "approving",
    ACTIVATION: "activating",
    BREAK_GLASS: "breaking the glass",
}
# Entra's clock and ours may differ by so much.
SKEW = timedelta(minutes=1)
WAY_ON = "Sign in again to prove it: you come back to this form."
_CONTEXT = re.compile(r"c[1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class Need:
    """What one sign-in has to show: every one of these authentication contexts, and to be no older than `within`."""

    contexts: tuple[str, ...] = ()
    within: timedelta | None = None

    def unproven(self, facts: SignInFacts | None) -> tuple[str, ...]:
        """Return the contexts that this sign-in does not show."""
        shown = facts.acrs if facts else frozenset()
        return tuple(context for context in self.contexts if context not in shown)

    def fresh(self, facts: SignInFacts | None, at: datetime) -> bool:
        """Return whether the sign-in is known to be recent enough; one whose time nobody told is not."""
        if self.within is None:
            return True
        if facts is None or facts.auth_time is None:
            return False
        return -SKEW <= at - facts.auth_time <= self.within

    def met(self, facts: SignInFacts | None, at: datetime) -> bool:
        """Return whether the sign-in shows all of it."""
        return not self.unproven(facts) and self.fresh(facts, at)

    def lacking(self, facts: SignInFacts | None, at: datetime) -> str:
        """Return in sentences what the sign-in does not show; nothing when it shows all."""
        said = []
        if unproven := self.unproven(facts):
            said.append(f"Your sign-in does not show the authentication context {' and '.join(unproven)}.")
        if self.within is not None and not self.fresh(facts, at):
            most = in_words(self.within)
            if facts is None or facts.auth_time is None:
                said.append(f"When you last proved who you are is not known; at most {most} ago will do.")
            elif at - facts.auth_time < -SKEW:
                said.append("The time of your sign-in lies in the future.")
            else:
                said.append(
                    f"You proved who you are {in_words(at - facts.auth_time)} ago; at most {most} will do."
                )
        return " ".join(said)

    def __str__(self) -> str:
        parts = [f"the authentication context {' and '.join(self.contexts)}"] if self.contexts else []
        parts += [f"a sign-in at most {in_words(self.within)} old"] if self.within is not None else []
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class FreshSignIn:
    """`sign_in: {context: c1, within: 15m, at: [request, approval, activation, break_glass]}`.

    The session's sign-in shows that authentication context and is that young, at those moments.
    """

    name: ClassVar[str] = "sign_in"
    title: ClassVar[str] = "Your sign-in is fresh and strong enough"
    context: str
    within: timedelta | None
    at: tuple[str, ...]

    @classmethod
    def parse(cls, section: Section) -> "FreshSignIn":
        section.only("context", "within", "at")
        context = section.text("context", default="")
        within = section.duration("within") if section.has("within") else None
        if context and not _CONTEXT.fullmatch(context):
            section.fault(
                "context", f"“{context}” is not an authentication context; they are called c1 to c99"
            )
        if not section.has("context") and within is None and not section.faulted("context", "within"):
            section.fault("within", "is missing, and so is context; say at least one of them")
        chosen = section.choices("at", MOMENTS, default=())
        if not chosen and not section.faulted("at"):
            section.fault("at", f"is missing; say when: {', '.join(MOMENTS)}")
        return cls(context, within, tuple(moment for moment in MOMENTS if moment in chosen))

    @property
    def need(self) -> Need:
        return Need((self.context,) if self.context else (), self.within)

    def check(self, attempt: Attempt) -> Check:
        asked = [moment for moment in attempt.moments if moment in self.at]
        if not asked:
            when = " and ".join(MOMENTS[moment] for moment in self.at)
            return Check(self.name, self.title, "pass", f"Not asked for now; {when} asks for {self.need}.")
        if lacking := self.need.lacking(attempt.sign_in, attempt.at):
            return Check(self.name, self.title, "fail", lacking, WAY_ON)
        return Check(self.name, self.title, "pass", f"Your sign-in shows {self.need}.")

    def rules_out(self, person: PersonFacts) -> bool:
        return False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the time in whole seconds."""
        within = None if self.within is None else int(self.within.total_seconds())
        return {"context": self.context, "within": within, "at": list(self.at)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FreshSignIn":
        """The demand `to_dict` was made of; KeyError or TypeError when it is something else."""
        within = data["within"]
        return cls(
            str(data["context"]), None if within is None else timedelta(seconds=within), tuple(data["at"])
        )


class Ruling(Protocol):
    """A rule, as far as it is looked at here."""

    @property
    def conditions(self) -> Iterable[object]:
        """What it demands."""


def demands_of(rules: Iterable[Ruling]) -> tuple[FreshSignIn, ...]:
    """Return what these rules ask of a sign-in, each demand once."""
    asked = (condition for rule in rules for condition in rule.conditions)
    return tuple(dict.fromkeys(condition for condition in asked if isinstance(condition, FreshSignIn)))


def void_contexts(demands: Iterable[FreshSignIn], attempt: Attempt) -> Iterator[Check]:
    """A context that Entra gives to anybody is said loudly; to refuse would keep out who can not help it."""
    for context in dict.fromkeys(demand.context for demand in demands):
        if words := attempt.void_contexts.get(context):
            way_on = "Tell an administrator; the status page says what has to be set in Entra."
            yield Check(
                "sign_in_context", "The authentication context means something", "warn", words, way_on
            )


def strictest(demands: Iterable[FreshSignIn], *moments: str) -> Need | None:
    """Return what these demands ask together at these moments: all contexts, the shortest time. None: nothing."""
    asked = [demand for demand in demands if not set(moments).isdisjoint(demand.at)]
    if not asked:
        return None
    contexts = dict.fromkeys(demand.context for demand in asked if demand.context)
    return Need(
        tuple(sorted(contexts, key=lambda context: (len(context), context))),
        min((demand.within for demand in asked if demand.within is not None), default=None),
    )


def read_facts(said: Mapping[str, Any] | None) -> SignInFacts | None:
    """Return what a session says of its sign-in; None where it says nothing, and nothing of what can not be read."""
    if not said:
        return None
    acrs = said.get("acrs")
    words = (
        frozenset(one for one in acrs if isinstance(one, str))
        if isinstance(acrs, list | tuple)
        else frozenset()
    )
    return SignInFacts(auth_time=_instant(said.get("auth_time")), acrs=words)


def _instant(text: object) -> datetime | None:
    try:
        made = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return made if made and made.tzinfo else None
