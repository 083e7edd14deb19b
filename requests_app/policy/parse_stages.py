"""Reads groups, rotas and stages of a policy file: who is there to decide, in which order and by when.

What they mean at an attempt stands in `evaluate` and `staffing`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from requests_app.policy.durations import in_words, write_duration
from requests_app.policy.faults import did_you_mean
from requests_app.policy.model import ApproverRule, Escalation, Rota, StageRule
from requests_app.policy.reading import Section, is_guid
from requests_app.policy.yaml_lines import Fields, Scalar

LAPSE_AFTER = timedelta(days=3)
LONGEST_LAPSE = timedelta(days=30)
SHORTEST_TIMER = timedelta(minutes=1)
MOST_VOTES = 20
_ONE_PERSON = ("manager", "owner")
_KINDS = ("group", "role", "on_call")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class Staff:
    """Who is known by name before the stages are read: groups with their object ids, and rotas."""

    groups: Mapping[str, str] = field(default_factory=dict)
    rotas: Sequence[str] = ()


def read_group(top: Section) -> Iterator[tuple[str, str]]:
    """Name and object id of every group declared in this file."""
    section = top.section("groups")
    if section is None:
        return
    if not isinstance(section.node, Fields):
        section.note(section.line, "groups: has to be a mapping from name to object id")
    for name in section.fields:
        yield name, section.guid(name)


def read_rotas(top: Section) -> Iterator[Rota]:
    """Every rota declared in this file: `name: {people: [oid]}` or `name: {calendar: https://…}`."""
    section = top.section("on_call")
    if section is None:
        return
    if not isinstance(section.node, Fields):
        section.note(section.line, "on_call: has to be a mapping from name to people or a calendar")
    for name in section.fields:
        inner = section.section(name)
        if inner is not None:
            yield _read_rota(name, inner)


def _read_rota(name: str, section: Section) -> Rota:
    section.only("people", "calendar")
    people = section.texts("people")
    for oid in people:
        if not is_guid(oid):
            section.fault("people", f"“{oid}” is not an object id (a GUID)")
    calendar = section.text("calendar", default="")
    if calendar and not _may_be_read(calendar):
        section.fault("calendar", "has to be an address that begins with https://")
    if bool(people) == bool(calendar) and not section.faulted("people", "calendar"):
        section.fault("people", "say either people or calendar")
    return Rota(name, frozenset(oid.lower() for oid in people), calendar)


def _may_be_read(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        return False


def read_stage(section: Section, staff: Staff, before: Sequence[StageRule]) -> StageRule:
    """A stage; approvers are `manager`, `owner`, `{group: name}`, `{role: name}` or `{on_call: name}`."""
    section.only(
        "name", "title", "approvers", "quorum", "lapse_after", "remind_every", "escalate", "together_with"
    )
    name = section.text("name")
    lapse_after = section.duration("lapse_after", default=LAPSE_AFTER, most=LONGEST_LAPSE)
    approvers = _read_approvers(section, "approvers", staff)
    everyone = _everyone(section)
    return StageRule(
        name=name,
        title=section.text("title", default=name.capitalize()),
        approvers=approvers,
        quorum=1 if everyone else _read_quorum(section),
        lapse_after=lapse_after,
        everyone=everyone,
        remind_every=_read_timer(section, "remind_every", lapse_after),
        escalation=_read_escalation(section, staff, approvers, lapse_after),
        together_with=_read_together(section, before),
    )


def _read_approvers(section: Section, key: str, staff: Staff) -> ApproverRule:
    node = section.fields.get(key)
    if isinstance(node, Fields):
        return _read_several(Section(section.faults, section.file, node, f"{section.what}: {key}"), staff)
    word = section.text(key)
    if word == "manager":
        return ApproverRule("manager")
    if word != "owner" and not section.faulted(key):
        section.fault(key, f"“{word}” can be manager, owner, {{group: …}}, {{role: …}} or {{on_call: …}}")
    return ApproverRule("owner")


def _read_several(inner: Section, staff: Staff) -> ApproverRule:
    inner.only(*_KINDS)
    said = [kind for kind in _KINDS if inner.has(kind)]
    if len(said) != 1:
        inner.note(inner.line, f"{inner.what}: say one of {', '.join(_KINDS)}")
        return ApproverRule("owner")
    kind = said[0]
    name = inner.text(kind)
    if kind == "role":
        return ApproverRule("role", name=name)
    known = staff.groups if kind == "group" else staff.rotas
    if name and name not in known:
        what = "group" if kind == "group" else "rota of on_call"
        inner.fault(kind, f"“{name}” is not a declared {what}{did_you_mean(name, known)}")
    if kind == "on_call":
        return ApproverRule("on_call", name=name)
    return ApproverRule("group", name, staff.groups.get(name, ""))


def _everyone(section: Section) -> bool:
    node = section.fields.get("quorum")
    everyone = isinstance(node, Scalar) and node.value == "all"
    _no_crowd(section, "all of them" if everyone else "")
    return everyone


def _read_quorum(section: Section) -> int:
    quorum = section.integer("quorum", least=1, most=MOST_VOTES, default=1)
    _no_crowd(section, f"{quorum} people" if quorum > 1 else "")
    return quorum


def _no_crowd(section: Section, asked: str) -> None:
    node = section.fields.get("approvers")
    if asked and isinstance(node, Scalar) and node.value in _ONE_PERSON:
        section.fault("quorum", f"{asked} are asked for, but there is only one {node.value}")


def _read_timer(section: Section, key: str, lapse_after: timedelta) -> timedelta | None:
    if not section.has(key):
        return None
    timer = section.duration(key, most=LONGEST_LAPSE)
    if section.faulted(key):
        return None
    if timer < SHORTEST_TIMER:
        section.fault(key, f"has to be at least {in_words(SHORTEST_TIMER)}")
    if timer >= lapse_after:
        section.fault(key, f"never comes: the stage lapses after {write_duration(lapse_after)}")
    return timer


def _read_escalation(
    section: Section, staff: Staff, approvers: ApproverRule, lapse_after: timedelta
) -> Escalation | None:
    inner = section.section("escalate")
    if inner is None:
        return None
    inner.only("after", "to")
    after = _read_timer(inner, "after", lapse_after)
    if after is None and not inner.has("after"):
        inner.fault("after", "is missing")
    if _everyone(section):
        section.fault("escalate", "all have to agree, so nobody can join them; name a quorum instead")
    to = _read_approvers(inner, "to", staff)
    if to == approvers:
        inner.fault("to", "are the same people as those of the stage itself")
    return Escalation(after or LAPSE_AFTER, to)


def _read_together(section: Section, before: Sequence[StageRule]) -> str:
    """The first of the stages this one begins with; only those right before it can be meant."""
    if not section.has("together_with"):
        return ""
    name = section.text("together_with")
    leaders = {stage.name: stage.together_with or stage.name for stage in before}
    if name and name not in leaders:
        section.fault(
            "together_with", f"“{name}” is not a stage that stands before{did_you_mean(name, leaders)}"
        )
    elif name and leaders[name] != leaders[before[-1].name]:
        section.fault("together_with", f"“{name}” has to stand right before it")
    return leaders.get(name, "")
