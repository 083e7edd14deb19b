"""Reads typed values out of a YAML mapping and notes every fault with its line.

What the values mean stands elsewhere.
"""

from collections.abc import Collection, Iterator
from datetime import time, timedelta
from ipaddress import ip_network
from uuid import UUID
from zoneinfo import ZoneInfo

from requests_app.policy.durations import in_words, parse_duration
from requests_app.policy.faults import Fault, did_you_mean
from requests_app.policy.yaml_lines import Fields, Items, Node, Scalar

DAY = timedelta(hours=24)


class Section:
    """One mapping of a file as it is being read.

    Every method notes a fault and yields something harmless instead of raising, so one reading finds all
    faults;
    whoever reads must not use the outcome when `faults` is not empty.
    """

    def __init__(self, faults: list[Fault], file: str, node: Node, what: str) -> None:
        self.faults = faults
        self.file = file
        self.node = node
        self.what = what
        self.line = node.line
        self.fields = node.fields if isinstance(node, Fields) else {}
        self.key_lines = node.key_lines if isinstance(node, Fields) else {}
        self._faulted: set[str] = set()

    def only(self, *known: str) -> None:
        """Notes a fault for every key that is not known here, and for anything that is no mapping at all."""
        if not isinstance(self.node, Fields):
            self.note(self.line, f"{self.what} has to be a mapping with {', '.join(known)}")
            self._faulted.update(known)
        for key in self.fields:
            if key not in known:
                self.note(
                    self.key_lines[key], f"{self.what}: “{key}” is not known here{did_you_mean(key, known)}"
                )

    def note(self, line: int, message: str) -> None:
        self.faults.append(Fault(self.file, line, message))

    def fault(self, key: str, message: str, line: int | None = None) -> None:
        """Notes a fault of one key, at its line."""
        self._faulted.add(key)
        self.note(line or self.line_of(key), f"{self.what}: {key}: {message}")

    def faulted(self, *keys: str) -> bool:
        """Whether any of these keys already has a fault, so that a second one about it would be noise."""
        return not self._faulted.isdisjoint(keys)

    def line_of(self, key: str) -> int:
        return self.key_lines.get(key, self.line)

    def has(self, key: str) -> bool:
        return key in self.fields

    def text(self, key: str, *, default: str | None = None) -> str:
        """One line of text; a number is taken as written."""
        node = self.fields.get(key)
        if node is None:
            return self._absent(key, default)
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            self.fault(key, "has to be text")
            return default or ""
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            self.fault(key, "has to be one line without control characters")
            return default or ""
        return value.strip()

    def integer(self, key: str, *, least: int, most: int, default: int) -> int:
        if key not in self.fields:
            return default
        node = self.fields[key]
        value = node.value if isinstance(node, Scalar) else None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.fault(key, f"has to be a whole number from {least} to {most}")
            return default
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        if key not in self.fields:
            return default
        node = self.fields[key]
        value = node.value if isinstance(node, Scalar) else None
        if not isinstance(value, bool):
            if not self.faulted(key):
                self.fault(key, "has to be true or false")
            return default
        return value

    def duration(
        self, key: str, *, default: timedelta | None = None, most: timedelta | None = DAY
    ) -> timedelta:
        """A duration above nothing and up to `most`; DAY where nothing better is known."""
        written = self.text(key, default="" if default else None) if default is None or self.has(key) else ""
        if not written:
            return default or DAY
        try:
            duration = parse_duration(written)
        except ValueError as error:
            self.fault(key, str(error))
            return default or DAY
        if most is not None and duration > most:
            self.fault(key, f"{written} is more than the {in_words(most)} allowed")
        return duration

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, numbers taken as written; nothing when the key is absent."""
        texts = []
        for node in self.nodes(key):
            value = node.value if isinstance(node, Scalar) else None
            if isinstance(value, bool) or value is None or not str(value).strip():
                self.fault(key, "has to be a list of words", node.line)
            else:
                texts.append(str(value).strip())
        for text in sorted({text for text in texts if texts.count(text) > 1}):
            self.fault(key, f"“{text}” is named twice")
        return tuple(texts)

    def nodes(self, key: str) -> tuple[Node, ...]:
        """The entries of a list.

        An absent key has none, an empty list is a fault (leave the key out instead).
        """
        node = self.fields.get(key)
        if node is None:
            return ()
        if not isinstance(node, Items):
            self.fault(key, "has to be a list")
            return ()
        if not node.items:
            self.fault(key, "is an empty list; leave it out or fill it")
        return node.items

    def sections(self, key: str, what: str) -> Iterator["Section"]:
        """The mappings of a list, each named after its own `name` or `key` in what is said of it."""
        for number, node in enumerate(self.nodes(key), 1):
            fields = node.fields if isinstance(node, Fields) else {}
            named = fields.get("key") or fields.get("name")
            label = str(named.value) if isinstance(named, Scalar) and named.value else f"number {number}"
            yield Section(self.faults, self.file, node, f"{what} {label}")

    def section(self, key: str) -> "Section | None":
        node = self.fields.get(key)
        return None if node is None else Section(self.faults, self.file, node, f"{self.what}: {key}")

    def choices(self, key: str, known: Collection[str], *, default: Collection[str]) -> tuple[str, ...]:
        """Some of the known words."""
        if key not in self.fields:
            return tuple(default)
        for word in (chosen := self.texts(key)):
            if word not in known:
                self.fault(key, f"“{word}” is not known{did_you_mean(word, known)}")
        return tuple(word for word in chosen if word in known)

    def clock(self, key: str) -> time:
        written = self.text(key)
        try:
            return time.fromisoformat(written) if len(written) == 5 else _no_time()
        except ValueError:
            if not self.faulted(key):
                self.fault(key, f"“{written}” is not a time of day; write it as 08:30")
            return time(0)

    def timezone(self, key: str) -> str:
        written = self.text(key, default="UTC")
        try:
            return ZoneInfo(written).key
        except (ValueError, OSError, LookupError):
            self.fault(key, f"“{written}” is not a time zone; write it as Europe/Berlin")
            return "UTC"

    def networks(self, key: str) -> tuple[str, ...]:
        """A list of networks in CIDR, at least one."""
        networks = []
        for written in self.texts(key):
            try:
                networks.append(str(ip_network(written)))
            except ValueError as error:
                self.fault(key, str(error))
        if not networks and not self.faulted(key):
            self.fault(key, "names no network")
        return tuple(networks)

    def guid(self, key: str, *, default: str | None = None) -> str:
        written = self.text(key, default=default)
        if written and not is_guid(written):
            self.fault(key, f"“{written}” is not an object id (a GUID)")
        return written.lower()

    def word(self, expected: str) -> None:
        """Notes a fault unless this is no mapping but the one word expected."""
        if not isinstance(self.node, Scalar) or self.node.value != expected:
            self.note(self.line, f"{self.what}: can only be “{expected}”")

    def _absent(self, key: str, default: str | None) -> str:
        if default is None and not self.faulted(key):
            self.fault(key, "is missing")
        return default or ""


def is_guid(text: str) -> bool:
    """Whether this is an id as Entra and Azure write it: 36 characters with hyphens."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _no_time() -> time:
    raise ValueError
