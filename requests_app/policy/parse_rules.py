"""Reads rules and the source rule of a policy file; stages and who decides them are read in `parse_stages`.

What they mean at an attempt stands in `evaluate`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from requests_app.policy.catalogue import ENTITLEMENT_KINDS
from requests_app.policy.conditions import CONDITIONS, OnCall, Reason
from requests_app.policy.demand import Condition
from requests_app.policy.facts import BREAK_GLASS
from requests_app.policy.faults import did_you_mean
from requests_app.policy.model import (
    EntitlementRow,
    ResourceRow,
    Rule,
    StageRule,
    Target,
    Who,
)
from requests_app.policy.reading import DAY, Section, is_guid
from requests_app.policy.sign_in import demands_of
from requests_app.policy.source import SourceRule, is_private_network
from requests_app.policy.windows import read_later
from requests_app.policy.yaml_lines import Fields, Node

LONGEST_RULE = timedelta(days=30)
ACTIVATE_WITHIN = timedelta(hours=1)
# Nobody agreed to it beforehand, so it is short, and says why at some length.
LONGEST_EMERGENCY = timedelta(hours=4)
EMERGENCY_REASON = 20


@dataclass(frozen=True)
class Names:
    """Every name a rule may use, so that a misspelt one is a fault and not a rule that says nothing."""

    groups: Mapping[str, str]
    stages: Sequence[str]
    targets: Mapping[str, Collection[str]]
    rotas: Collection[str] = ()

    @classmethod
    def of(
        cls,
        groups: Mapping[str, str],
        stages: Sequence[StageRule],
        resources: Sequence[ResourceRow],
        entitlements: Sequence[EntitlementRow],
        elsewhere: Mapping[str, tuple[str, ...]],
        rotas: Collection[str] = (),
    ) -> "Names":
        rows: tuple[ResourceRow | EntitlementRow, ...] = (*resources, *entitlements)
        targets = {
            "keys": {row.key for row in entitlements},
            "tags": {tag for row in rows for tag in row.tags},
            "environments": {row.environment for row in resources},
            "resources": {row.key for row in resources},
            "kinds": set(ENTITLEMENT_KINDS),
        }
        for key, words in elsewhere.items():
            targets[key].update(words)
        return cls(groups, [stage.name for stage in stages], targets, rotas)


def read_source(section: Section) -> SourceRule:
    """Which source addresses may be let in at all."""
    section.only("private_networks", "min_prefix_v4", "min_prefix_v6", "own_address_only")
    networks = section.networks("private_networks") if section.has("private_networks") else ()
    for network in networks:
        if not is_private_network(network):
            section.fault(
                "private_networks", f"{network} is not a private network; public ones need no listing"
            )
    return SourceRule(
        private_networks=networks,
        min_prefix_v4=section.integer("min_prefix_v4", least=16, most=32, default=32),
        min_prefix_v6=section.integer("min_prefix_v6", least=48, most=128, default=128),
        own_address_only=section.flag("own_address_only", default=True),
    )


def read_rule(section: Section, names: Names) -> Rule:
    """A rule with every name resolved."""
    section.only(
        "name",
        "for",
        "entitlements",
        "max_duration",
        "longer_than_a_day",
        "activate_within",
        "later",
        "stages",
        "auto_approve",
        "auto_approve_when",
        "conditions",
        "on_behalf",
    )
    most = LONGEST_RULE if section.flag("longer_than_a_day") else DAY
    return Rule(
        name=section.text("name"),
        who=_read_who(section, names.groups),
        target=_read_target(section, names.targets),
        max_duration=section.duration("max_duration", most=most),
        activate_within=section.duration("activate_within", default=ACTIVATE_WITHIN),
        stages=_read_stages(section, names.stages),
        conditions=_read_conditions(section, "conditions", names),
        auto_approve=section.flag("auto_approve"),
        auto_approve_when=_read_waivers(section, names),
        later=read_later(section),
        file=section.file,
        line=section.line,
        on_behalf=_read_who(section, names.groups, "on_behalf") if section.has("on_behalf") else None,
    )


def read_emergency(section: Section, names: Names) -> Rule:
    """Who may open what at once, with nobody asked: a short while, a reason of some length, a fresh sign-in."""
    section.only("name", "for", "entitlements", "max_duration", "conditions")
    conditions = _read_conditions(section, "conditions", names)
    if not any(isinstance(one, Reason) for one in conditions):
        conditions = (*conditions, Reason(EMERGENCY_REASON))
    rule = Rule(
        name=section.text("name"),
        who=_read_who(section, names.groups),
        target=_read_target(section, names.targets),
        max_duration=section.duration("max_duration", most=LONGEST_EMERGENCY),
        activate_within=ACTIVATE_WITHIN,
        stages=(),
        conditions=conditions,
        auto_approve=True,
        file=section.file,
        line=section.line,
    )
    moments = {moment for demand in demands_of([rule]) for moment in demand.at}
    if moments != {BREAK_GLASS}:
        more = "asks for it at that moment alone" if BREAK_GLASS in moments else "needs a fresh sign-in"
        words = "say - sign_in: {context: c1, within: 15m, at: [break_glass]}"
        section.fault("conditions", f"break-glass {more}; {words}")
    if any(one.min_length < EMERGENCY_REASON for one in conditions if isinstance(one, Reason)):
        section.fault("conditions", f"break-glass needs a reason of at least {EMERGENCY_REASON} characters")
    return rule


def _read_who(section: Section, groups: Mapping[str, str], key: str = "for") -> Who:
    inner = section.section(key)
    if inner is None:
        section.fault(key, "is missing; say for whom: groups, people or anyone")
        return Who()
    inner.only("groups", "people", "anyone")
    people = inner.texts("people")
    for oid in people:
        if not is_guid(oid):
            inner.fault("people", f"“{oid}” is not an object id (a GUID)")
    chosen = inner.choices("groups", groups, default=())
    anyone = inner.flag("anyone")
    if not (people or chosen or anyone or inner.faulted("groups", "people", "anyone")):
        section.fault(key, "names nobody; say groups, people or anyone: true")
    if anyone and (people or chosen):
        section.fault(key, "names anyone and somebody at once; keep one of them")
    return Who(frozenset(groups[name] for name in chosen), frozenset(oid.lower() for oid in people), anyone)


def _read_target(section: Section, known: Mapping[str, Collection[str]]) -> Target:
    inner = section.section("entitlements")
    if inner is None:
        section.fault("entitlements", f"is missing; say which by {', '.join(known)}")
        return Target()
    inner.only(*known)
    chosen = {key: frozenset(inner.choices(key, words, default=())) for key, words in known.items()}
    if not any(chosen.values()) and not inner.faulted(*known):
        section.fault("entitlements", f"names nothing; say which by {', '.join(known)}")
    return Target(**chosen)


def _read_stages(section: Section, declared: Sequence[str]) -> tuple[str, ...]:
    required = section.choices("stages", declared, default=())
    auto = section.flag("auto_approve")
    if not required and not auto and not section.faulted("stages"):
        section.fault("stages", "names no stage; if nobody is to decide, say so with auto_approve: true")
    if required and auto:
        section.fault("auto_approve", "cannot stand beside stages; keep one of them")
    return tuple(name for name in declared if name in required)


def _read_waivers(section: Section, names: Names) -> tuple[Condition, ...]:
    """What has to hold, all of it, for this rule to ask nobody."""
    if section.has("auto_approve_when") and not section.has("stages"):
        section.fault("auto_approve_when", "needs stages beside it, for when it does not hold")
    return _read_conditions(section, "auto_approve_when", names)


def _read_conditions(section: Section, key: str, names: Names) -> tuple[Condition, ...]:
    conditions = (_read_condition(section, key, node, names) for node in section.nodes(key))
    return tuple(condition for condition in conditions if condition is not None)


def _read_condition(section: Section, key: str, node: Node, names: Names) -> Condition | None:
    if not isinstance(node, Fields) or len(node.fields) != 1:
        section.fault(key, "each has to be one word with what it asks for, like - ticket: {…}", node.line)
        return None
    word, inner = next(iter(node.fields.items()))
    if word not in CONDITIONS:
        section.fault(key, f"“{word}” is not known{did_you_mean(word, CONDITIONS)}", node.line)
        return None
    read = CONDITIONS[word].parse(Section(section.faults, section.file, inner, f"{section.what}: {word}"))
    if isinstance(read, OnCall) and read.rota and read.rota not in names.rotas:
        section.fault(
            key,
            f"“{read.rota}” is not a declared rota of on_call{did_you_mean(read.rota, names.rotas)}",
            node.line,
        )
    return read
