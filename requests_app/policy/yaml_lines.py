"""Reads the plain part of YAML into nodes that know their line; what the nodes mean belongs to `reading`.

Refused: tags, anchors, aliases and merge keys (a policy says what it says where it says it, and no small file
may
grow into a large one), several documents in a file, duplicate keys. Scalars follow YAML 1.2's core: `on`,
`08:30` and
`2024-01-01` are text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from requests_app.policy.faults import Fault, PolicyFaults

# The parser in C reads some ten times as fast, which a starting web process feels.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LARGEST_FILE = 2_000_000
DEEPEST = 12
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Scalar:
    value: str | int | bool | None
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple["Node", ...]
    line: int


@dataclass(frozen=True, slots=True)
class Fields:
    fields: Mapping[str, "Node"]
    key_lines: Mapping[str, int]
    line: int


Node = Scalar | Items | Fields


def read_yaml(file: str, text: str) -> Node:
    """The one document of a file as nodes.

    Raises PolicyFaults with the line of whatever is not plain YAML.
    """
    if len(text) > LARGEST_FILE:
        raise PolicyFaults([Fault(file, 0, f"is larger than {LARGEST_FILE} characters")])
    try:
        return _Builder(file, yaml.parse(text, Loader=_LOADER)).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be read"
        raise PolicyFaults([Fault(file, mark.line + 1 if mark else 0, f"is not YAML: {problem}")]) from None


class _Builder:
    """Turns parser events into nodes; stops at the first thing that is not plain, before building on it."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self.file = file
        self.events = events
        self.duplicates: list[Fault] = []

    def document(self) -> Node:
        node: Node = Fields({}, {}, 1)
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._stop(event, "holds several documents; make each a file of its own")
                node = self._node(next(self.events), 0)
        if self.duplicates:
            raise PolicyFaults(self.duplicates)
        return node

    def _node(self, event: Event, depth: int) -> Node:
        self._refuse_clever(event, depth)
        if isinstance(event, ScalarEvent):
            return Scalar(_plain(event.value) if not event.style else event.value, _line(event))
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, depth)
        items = []
        while not isinstance(following := next(self.events), SequenceEndEvent):
            items.append(self._node(following, depth + 1))
        return Items(tuple(items), _line(event))

    def _mapping(self, start: Event, depth: int) -> Fields:
        fields: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            self._refuse_clever(event, depth)
            if not isinstance(event, ScalarEvent):
                raise self._stop(event, "a key has to be a plain word")
            key = event.value
            value = self._node(next(self.events), depth + 1)
            if key in fields:
                words = f"“{key}” stands here twice (first in line {key_lines[key]})"
                self.duplicates.append(Fault(self.file, _line(event), words))
                continue
            fields[key], key_lines[key] = value, _line(event)
        return Fields(fields, key_lines, _line(start))

    def _refuse_clever(self, event: Event, depth: int) -> None:
        if isinstance(event, AliasEvent):
            raise self._stop(event, f"“*{event.anchor}”: aliases are not used in a policy; write it out")
        if isinstance(event, NodeEvent) and event.anchor is not None:
            raise self._stop(event, f"“&{event.anchor}”: anchors are not used in a policy; write it out")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            raise self._stop(event, f"“{event.tag}”: tags are not used in a policy")
        if depth > DEEPEST:
            raise self._stop(event, f"is nested more than {DEEPEST} deep")

    def _stop(self, event: Event, message: str) -> PolicyFaults:
        return PolicyFaults([*self.duplicates, Fault(self.file, _line(event), message)])


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _plain(text: str) -> str | int | bool | None:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if _INTEGER.fullmatch(text) else text
