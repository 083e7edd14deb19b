"""What every condition of a rule is: a demand, in words, that an attempt meets or does not."""

from typing import ClassVar, Protocol

from requests_app.policy.checks import Check
from requests_app.policy.facts import Attempt, PersonFacts
from requests_app.policy.reading import Section


class Condition(Protocol):
    """A demand of a rule.

    Read once from the file, then asked at every attempt; whatever it raises refuses.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @classmethod
    def parse(cls, section: Section) -> "Condition":
        """The condition as written; faults go to the section, which then yields something harmless."""

    def check(self, attempt: Attempt) -> Check:
        """Whether this attempt meets it, in words."""

    def rules_out(self, person: PersonFacts) -> bool:
        """Whether this person can never meet it, so that the catalogue need not offer it."""


class Demand:
    """What the conditions below share: their words as checks, and that they rule nobody out."""

    name: ClassVar[str]
    title: ClassVar[str]

    def rules_out(self, person: PersonFacts) -> bool:
        return False

    def passed(self, reason: str) -> Check:
        return Check(self.name, self.title, "pass", reason)

    def failed(self, reason: str, way_on: str) -> Check:
        return Check(self.name, self.title, "fail", reason, way_on)
