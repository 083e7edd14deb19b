"""Loads a policy from the text of its files, all or nothing.

Finding and reading the files belongs to the caller.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import time, timedelta
from typing import Any

from requests_app.policy.faults import Fault, PolicyFaults
from requests_app.policy.model import (
    ApproverRule,
    Connect,
    EntitlementRow,
    PolicySet,
    ResourceRow,
    Rota,
    Rule,
    StageRule,
    Target,
    Who,
)
from requests_app.policy.parse_catalogue import read_resource
from requests_app.policy.parse_rules import Names, read_emergency, read_rule, read_source
from requests_app.policy.parse_stages import Staff, read_group, read_rotas, read_stage
from requests_app.policy.reading import Section
from requests_app.policy.source import SourceRule
from requests_app.policy.yaml_lines import Fields, read_yaml

__all__ = [
    "ApproverRule",
    "Connect",
    "EntitlementRow",
    "Fault",
    "PolicyFaults",
    "PolicySet",
    "ResourceRow",
    "Rule",
    "SourceRule",
    "StageRule",
    "Target",
    "Who",
    "load",
]

TOP_KEYS = ("groups", "on_call", "stages", "rules", "break_glass", "source", "resources", "known")
# Their order or their single voice matters, so they cannot be spread over files.
_IN_ONE_FILE = ("on_call", "stages", "source", "known")


@dataclass
class _Gathered:
    """What was read so far; used only when no fault was noted."""

    groups: dict[str, str] = field(default_factory=dict)
    rotas: list[Rota] = field(default_factory=list)
    stages: list[StageRule] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    emergency: list[Rule] = field(default_factory=list)
    source: SourceRule = field(default_factory=SourceRule)
    resources: list[ResourceRow] = field(default_factory=list)
    entitlements: list[EntitlementRow] = field(default_factory=list)


def load(files: Mapping[str, str]) -> PolicySet:
    """The policy these files state together (name -> text); raises PolicyFaults with every fault there is."""
    faults: list[Fault] = []
    tops = _open(files, faults)
    gathered = _Gathered()
    _read_singles(tops, gathered)
    _read_catalogue(tops, gathered)
    _read_rules(tops, gathered)
    if not gathered.rules and not faults:
        faults.append(
            Fault(min(files, default="policy"), 0, "no file states any rules, so nobody may ask for anything")
        )
    if faults:
        raise PolicyFaults(faults)
    return _finished(gathered)


def _open(files: Mapping[str, str], faults: list[Fault]) -> list[Section]:
    tops = []
    for file in sorted(files):
        try:
            node = read_yaml(file, files[file])
        except PolicyFaults as found:
            faults.extend(found.faults)
            continue
        top = Section(faults, file, node, "the file")
        if isinstance(node, Fields) and not node.fields:
            continue
        top.only(*TOP_KEYS)
        tops.append(top)
    for key in _IN_ONE_FILE:
        for again in [top for top in tops if top.has(key)][1:]:
            again.fault(key, "stands in another file already; keep it in one")
    return tops


def _read_singles(tops: list[Section], gathered: _Gathered) -> None:
    for top in tops:
        for name, oid in read_group(top):
            if name in gathered.groups:
                top.fault("groups", f"“{name}” is declared twice", top.line_of("groups"))
            gathered.groups[name] = oid
        gathered.rotas.extend(read_rotas(top))
    staff = Staff(gathered.groups, [rota.name for rota in gathered.rotas])
    for top in tops:
        if source := top.section("source"):
            gathered.source = read_source(source)
        for section in top.sections("stages", "stage"):
            stage = read_stage(section, staff, gathered.stages)
            _once(section, "name", stage.name, {known.name for known in gathered.stages})
            gathered.stages.append(stage)


def _read_catalogue(tops: list[Section], gathered: _Gathered) -> None:
    for top in tops:
        for section in top.sections("resources", "resource"):
            resource, entitlements = read_resource(section)
            _once(section, "key", resource.key, {known.key for known in gathered.resources})
            gathered.resources.append(resource)
            seen = {known.key for known in gathered.entitlements}
            for entitlement in entitlements:
                if entitlement.key and entitlement.key in seen:
                    section.note(entitlement.line, f"entitlement {entitlement.key}: key: stands here twice")
                seen.add(entitlement.key)
            gathered.entitlements.extend(entitlements)


def _read_rules(tops: list[Section], gathered: _Gathered) -> None:
    names = Names.of(
        gathered.groups,
        gathered.stages,
        gathered.resources,
        gathered.entitlements,
        _known_elsewhere(tops),
        [rota.name for rota in gathered.rotas],
    )
    seen: set[str] = set()
    for top in tops:
        for section in top.sections("rules", "rule"):
            rule = read_rule(section, names)
            _once(section, "name", rule.name, seen)
            seen.add(rule.name)
            gathered.rules.append(rule)
        for section in top.sections("break_glass", "break-glass rule"):
            rule = read_emergency(section, names)
            _once(section, "name", rule.name, seen)
            seen.add(rule.name)
            gathered.emergency.append(rule)


def _known_elsewhere(tops: list[Section]) -> dict[str, tuple[str, ...]]:
    """Names that only rows kept in the admin carry, declared so that a misspelt one is still found."""
    known: dict[str, tuple[str, ...]] = {}
    for top in tops:
        if section := top.section("known"):
            section.only("keys", "tags", "environments", "resources")
            known = {key: section.texts(key) for key in ("keys", "tags", "environments", "resources")}
    return known


def _once(section: Section, key: str, value: str, seen: set[str]) -> None:
    if value and value in seen:
        section.fault(key, f"“{value}” is declared twice")


def _finished(gathered: _Gathered) -> PolicySet:
    policy = PolicySet(
        hash="",
        groups=gathered.groups,
        stages=tuple(gathered.stages),
        rules=tuple(gathered.rules),
        source=gathered.source,
        resources=tuple(gathered.resources),
        entitlements=tuple(gathered.entitlements),
        rotas=tuple(gathered.rotas),
        emergency=tuple(gathered.emergency),
    )
    said = json.dumps(canonical(policy), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    made = PolicySet(**{**vars(policy), "hash": hashlib.sha256(said.encode()).hexdigest()})
    made.warm()
    return made


def canonical(value: Any) -> Any:
    """Plain JSON data that says the same for equal values; where in a file something stood is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        said = {part.name: canonical(getattr(value, part.name)) for part in fields(value) if part.compare}
        return {"is": type(value).__name__, **said}
    if isinstance(value, Mapping):
        return {str(key): canonical(one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(canonical(one) for one in value)
    if isinstance(value, tuple | list):
        return [canonical(one) for one in value]
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    return value.isoformat() if isinstance(value, time) else value
