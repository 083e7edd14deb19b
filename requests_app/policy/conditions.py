"""What a rule may demand beyond its stages, one class a condition.

Copy one and name it in CONDITIONS to add another.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import ClassVar

from requests_app.policy.checks import Check
from requests_app.policy.demand import Condition, Demand
from requests_app.policy.durations import in_words
from requests_app.policy.facts import Attempt, PersonFacts
from requests_app.policy.hours import Hours
from requests_app.policy.reading import Section
from requests_app.policy.sign_in import FreshSignIn
from requests_app.policy.source import SourceRefused, inside

# A ticket longer than this is no ticket, and no pattern is let loose on more.
LONGEST_TICKET = 100


@dataclass(frozen=True, slots=True)
class Reason(Demand):
    """`reason: {min_length: 20}`: why access is needed, at least so many characters."""

    name: ClassVar[str] = "reason"
    title: ClassVar[str] = "A reason is given"
    min_length: int = 1

    @classmethod
    def parse(cls, section: Section) -> "Reason":
        section.only("min_length")
        return cls(section.integer("min_length", least=1, most=500, default=1))

    def check(self, attempt: Attempt) -> Check:
        length = len(" ".join(attempt.reason.split()))
        if not length:
            return self.failed("No reason was given.", "Say in a sentence what you need the access for.")
        if length < self.min_length:
            return self.failed(
                f"The reason has {length} characters; at least {self.min_length} are asked for.",
                "Say what you are going to do and why now.",
            )
        return self.passed("A reason is given.")


@dataclass(frozen=True, slots=True)
class Ticket(Demand):
    """`ticket: {pattern: "INC-[0-9]{4,}"}`: the whole ticket number must fit the pattern."""

    name: ClassVar[str] = "ticket"
    title: ClassVar[str] = "A ticket is named"
    pattern: str
    example: str = ""

    @classmethod
    def parse(cls, section: Section) -> "Ticket":
        section.only("pattern", "example")
        made = cls(section.text("pattern"), section.text("example", default=""))
        try:
            fits = _compiled(made.pattern).fullmatch(made.example)
        except re.error as error:
            section.fault("pattern", f"“{made.pattern}” is not a regular expression: {error}")
            return made
        if made.example and not fits:
            section.fault("example", f"“{made.example}” does not fit the pattern {made.pattern}")
        return made

    def check(self, attempt: Attempt) -> Check:
        ticket = attempt.ticket.strip()
        shape = f"like {self.example}" if self.example else f"of the form {self.pattern}"
        if not ticket:
            return self.failed("No ticket was named.", f"Name the ticket this belongs to, {shape}.")
        if len(ticket) > LONGEST_TICKET or not _compiled(self.pattern).fullmatch(ticket):
            return self.failed(f"“{ticket[:40]}” is not a ticket number.", f"Name a ticket {shape}.")
        return self.passed(f"Ticket {ticket} is named.")


@dataclass(frozen=True, slots=True)
class SourceNetworks(Demand):
    """`source: {networks: [...]}`: only from these networks, narrower than what policy allows at large."""

    name: ClassVar[str] = "source_networks"
    title: ClassVar[str] = "It comes from a network listed for this"
    networks: tuple[str, ...]

    @classmethod
    def parse(cls, section: Section) -> "SourceNetworks":
        section.only("networks")
        return cls(section.networks("networks"))

    def check(self, attempt: Attempt) -> Check:
        if _comes_from(attempt.source, self.networks):
            return self.passed(f"{attempt.source} is in a network listed for this.")
        return self.failed(
            f"{attempt.source or 'The address'} is in none of the networks listed for this.",
            f"Connect from {', '.join(self.networks)}, for example through the office or its VPN.",
        )


@dataclass(frozen=True, slots=True)
class Guests(Demand):
    """`guests: refused`: only members of the tenant, no guests."""

    name: ClassVar[str] = "guests"
    title: ClassVar[str] = "Guests are not let in"

    @classmethod
    def parse(cls, section: Section) -> "Guests":
        section.word("refused")
        return cls()

    def rules_out(self, person: PersonFacts) -> bool:
        return person.guest

    def check(self, attempt: Attempt) -> Check:
        if attempt.person.guest:
            return self.failed(
                "You are a guest of this tenant, and guests may not ask for this.",
                "Ask the colleague you work with to do it, or to have you made a member.",
            )
        return self.passed("You are a member of this tenant.")


@dataclass(frozen=True, slots=True)
class UpTo(Demand):
    """`duration: {up_to: 30m}`: asked for no longer than this."""

    name: ClassVar[str] = "up_to"
    title: ClassVar[str] = "It is asked for a short time"
    up_to: timedelta

    @classmethod
    def parse(cls, section: Section) -> "UpTo":
        section.only("up_to")
        return cls(section.duration("up_to"))

    def check(self, attempt: Attempt) -> Check:
        asked, most = in_words(attempt.duration), in_words(self.up_to)
        if attempt.duration <= self.up_to:
            return self.passed(f"{asked} is no longer than {most}.")
        return self.failed(f"{asked} is longer than {most}.", f"Ask for {most} or less.")


@dataclass(frozen=True, slots=True)
class OnCall(Demand):
    """`on_call: {rota: platform}`: whoever asks is on call at that moment."""

    name: ClassVar[str] = "on_call"
    title: ClassVar[str] = "You are on call"
    rota: str

    @classmethod
    def parse(cls, section: Section) -> "OnCall":
        section.only("rota")
        return cls(section.text("rota"))

    def check(self, attempt: Attempt) -> Check:
        if attempt.plan:
            return self.failed(
                f"Who is on call for {self.rota} then can not be known now.", "Ask for it when you need it."
            )
        if self.rota in attempt.person.on_call:
            return self.passed(f"You are on call for {self.rota}.")
        return self.failed(
            f"You are not on call for {self.rota} now.",
            "If you should be, have the rota corrected; it is read every few minutes.",
        )


# The order is the order of the checks in a verdict; the key is the word in a policy file.
CONDITIONS: Mapping[str, type[Condition]] = {
    "guests": Guests,
    "reason": Reason,
    "ticket": Ticket,
    "hours": Hours,
    "source": SourceNetworks,
    "duration": UpTo,
    "on_call": OnCall,
    "sign_in": FreshSignIn,
}


def _comes_from(source: str, networks: tuple[str, ...]) -> bool:
    try:
        return inside(source, networks)
    except SourceRefused:
        return False


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
