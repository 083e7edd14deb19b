"""The policy as data.

What a loaded set holds. Reading files and deciding belong to `document` and `evaluate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Literal

from requests_app.policy.demand import Condition
from requests_app.policy.facts import EntitlementFacts, PersonFacts
from requests_app.policy.source import SourceRule
from requests_app.policy.windows import Later

ApproverKind = Literal["manager", "owner", "group", "role", "on_call", "person"]


@dataclass(frozen=True, slots=True)
class ApproverRule:
    """How a stage finds who may decide it.

    The requester's manager, the resource's owner, a group, whoever has an app role or is on call (`name` says which),
    or, where an approver added the stage, one person.
    """

    kind: ApproverKind
    group: str = ""
    group_oid: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who may decide as well once a stage stood undecided for `after`, or at once when nobody else is there."""

    after: timedelta
    to: ApproverRule


@dataclass(frozen=True, slots=True)
class StageRule:
    """One step of approval; it lapses when undecided for `lapse_after` since it became active.

    `everyone` asks for all who may decide, and `quorum` is then 1. `together_with` names the first of the stages that
    begin at the same time as this one.
    """

    name: str
    title: str
    approvers: ApproverRule
    quorum: int
    lapse_after: timedelta
    everyone: bool = False
    remind_every: timedelta | None = None
    escalation: Escalation | None = None
    together_with: str = ""


@dataclass(frozen=True, slots=True)
class Rota:
    """Who is on call: a list of people, or an iCalendar file at an address, whose attendees are."""

    name: str
    people: frozenset[str] = frozenset()
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a rule is for: any one of these is enough."""

    group_oids: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    anyone: bool = False

    def matches(self, person: PersonFacts) -> bool:
        return self.anyone or person.oid in self.people or not self.group_oids.isdisjoint(person.group_ids)


@dataclass(frozen=True, slots=True)
class Target:
    """What a rule is about.

    Every field that says something must hold, and any one value in a field is enough.
    """

    keys: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def matches(self, entitlement: EntitlementFacts) -> bool:
        return (
            (not self.keys or entitlement.key in self.keys)
            and (not self.resources or entitlement.resource_key in self.resources)
            and (not self.tags or not self.tags.isdisjoint(entitlement.tags))
            and (not self.environments or entitlement.environment in self.environments)
            and (not self.kinds or entitlement.kind in self.kinds)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may ask for what, for how long, past which stages and under which conditions."""

    name: str
    who: Who
    target: Target
    max_duration: timedelta
    activate_within: timedelta
    stages: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    auto_approve: bool = False
    auto_approve_when: tuple[Condition, ...] = ()
    later: Later = field(default_factory=Later)
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    # Who may ask for those the rule is for; nobody where it does not say.
    on_behalf: Who | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """How a person connects once it is open; `command` may hold {host}, {user} and {port}."""

    host: str
    user: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource as a catalogue file or the admin states it; `owner` is an oid or empty."""

    key: str
    name: str
    kind: str
    azure_id: str
    environment: str
    owner: str = ""
    tags: tuple[str, ...] = ()
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class EntitlementRow:
    """One way in.

    The NSGs that guard it, the private address behind them, Azure's protocol name, ports as text.
    """

    key: str
    name: str
    kind: str
    resource_key: str
    nsgs: tuple[str, ...]
    destination: str
    protocol: str
    ports: tuple[str, ...]
    connect: Connect | None = None
    tags: tuple[str, ...] = ()
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class PolicySet:
    """A whole, faultless policy; `hash` is the SHA-256 of what it says, whatever its layout and comments."""

    hash: str
    groups: Mapping[str, str]
    stages: tuple[StageRule, ...]
    rules: tuple[Rule, ...]
    source: SourceRule
    resources: tuple[ResourceRow, ...]
    entitlements: tuple[EntitlementRow, ...]
    rotas: tuple[Rota, ...] = ()
    emergency: tuple[Rule, ...] = ()

    @cached_property
    def in_emergency(self) -> "PolicySet":
        """The same policy for somebody who breaks the glass: what `break_glass` states stands in place of the rules."""
        return replace(self, rules=self.emergency, emergency=())

    def warm(self) -> None:
        """Builds the index now, so that no attempt waits for it."""
        _ = self._shelves

    @cached_property
    def _shelves(self) -> Mapping[tuple[str, str], tuple[int, ...]]:
        shelves: dict[tuple[str, str], list[int]] = {}
        for number, rule in enumerate(self.rules):
            for shelf in _shelves_of(rule.target):
                shelves.setdefault(shelf, []).append(number)
        return {shelf: tuple(numbers) for shelf, numbers in shelves.items()}

    def rules_about(self, entitlement: EntitlementFacts) -> tuple[Rule, ...]:
        """The rules whose target this entitlement is, in the order of the files.

        Found by index, not by scan.
        """
        numbers = set(self._shelves.get(("keys", entitlement.key), ()))
        for tag in entitlement.tags:
            numbers.update(self._shelves.get(("tags", tag), ()))
        for shelf in (
            ("resources", entitlement.resource_key),
            ("environments", entitlement.environment),
            ("kinds", entitlement.kind),
        ):
            numbers.update(self._shelves.get(shelf, ()))
        return tuple(
            self.rules[number] for number in sorted(numbers) if self.rules[number].target.matches(entitlement)
        )


def _shelves_of(target: Target) -> list[tuple[str, str]]:
    """A rule lies on the shelves of its narrowest field only, so few are looked at in vain."""
    for name in ("keys", "resources", "tags", "environments", "kinds"):
        values: frozenset[str] = getattr(target, name)
        if values:
            return [(name, value) for value in values]
    return []
