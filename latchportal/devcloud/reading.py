"""Reads plain YAML strictly: every fault is said with its file and field. Knows nothing of worlds."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar
from uuid import UUID

T = TypeVar("T")


class WorldError(Exception):
    """The file is not a world; the message names the file, the field and the reason."""


class Node:
    """One value of the file and where it stands."""

    def __init__(self, where: str, value: Any, path: str = "") -> None:
        self.where, self.value, self.path = where, value, path
        self.seen: set[str] = set()

    def refuse(self, reason: str) -> NoReturn:
        """Raises WorldError about this field."""
        raise WorldError(
            f"{self.where}: {self.path or 'the file'}: {reason} (found {str(self.value)[:80]!r})"
        )

    def __getitem__(self, field: str) -> "Node":
        if not isinstance(self.value, dict):
            self.refuse("must be a mapping")
        path = f"{self.path}.{field}" if self.path else field
        if field not in self.value:
            raise WorldError(f"{self.where}: {path}: is missing")
        self.seen.add(field)
        return Node(self.where, self.value[field], path)

    def no_other_fields(self) -> None:
        """Refuses a field nobody asked for, which is most often a slip of the pen."""
        for field in self.value:
            if field not in self.seen:
                self.refuse(f"has the unknown field {field!r}")

    def at(self, index: int) -> "Node":
        return Node(self.where, self.value[index], f"{self.path}[{index}]")

    def each(self, reader: Callable[["Node"], T]) -> tuple[T, ...]:
        if not isinstance(self.value, list):
            self.refuse("must be a list")
        return tuple(reader(self.at(index)) for index in range(len(self.value)))

    def text(self) -> str:
        if isinstance(self.value, str) and self.value.strip():
            return self.value
        return self.refuse("must be text (numbers and * in quotes) that is not empty")

    def texts(self) -> tuple[str, ...]:
        return self.each(Node.text)

    def number(self) -> int:
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        return self.refuse("must be a whole number")

    def flag(self) -> bool:
        if isinstance(self.value, bool):
            return self.value
        return self.refuse("must be true or false")

    def guid(self) -> str:
        try:
            if str(UUID(self.text())) == self.value:
                return self.text()
        except ValueError:
            pass
        return self.refuse("must be a GUID in lower case")

    def guid_or_none(self) -> str | None:
        return None if self.value is None else self.guid()

    def one_of(self, *allowed: str) -> str:
        if self.value in allowed:
            return self.text()
        return self.refuse(f"must be one of {', '.join(allowed)}")


def read(node: Node, kind: Callable[..., T], **fields: Callable[[Node], Any]) -> T:
    """Builds `kind` from exactly these fields of the node."""
    made = kind(**{field: reader(node[field]) for field, reader in fields.items()})
    node.no_other_fields()
    return made


def unique(node: Node, values: list[str], what: str) -> None:
    """Refuses a value that stands there twice, whatever the case."""
    for value, times in Counter(value.lower() for value in values).items():
        if times > 1:
            node.refuse(f"{what} {value!r} stands there {times} times")


def known(node: Node, ids: list[str] | tuple[str, ...], there: set[str], what: str) -> None:
    """Refuses an id that nothing has."""
    for missing in (one for one in ids if one not in there):
        node.refuse(f"no {what} has the id {missing!r}")
