"""As much of the Kusto query language as the portal asks in, read and run strictly; all else is an error in Azure's words.

    Table | where <column> == | startswith | in | in~ …, with and, or, brackets | extend <name> = <value>, …
          | project <column>, … | order by <column> asc|desc | take <number>

A value is a column, a property of a dynamic column, tostring(), tolower(), coalesce(), split(value, "/")[-1]. Pure.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Value = Callable[[Row], Any]
Step = Callable[[list[Row]], list[Row]]
_TOKEN = re.compile(r'\s*(?:(in~|==|[|(),=.\[\]])|("[^"\\\n]*")|(-?\d+)|([A-Za-z_]\w*))')


class SyntaxProblem(Exception):
    """The text is no query of this subset."""


class SemanticProblem(Exception):
    """The query speaks of a table, column or function there is not; `message` in Kusto's words."""


@dataclass(frozen=True)
class Result:
    """The columns of the answer, with their types, and its rows in the same order."""

    columns: tuple[tuple[str, str], ...]
    rows: list[list[Any]]


def run(query: str, tables: dict[str, tuple[dict[str, str], Sequence[Row]]]) -> Result:
    """What the query answers over these tables, each with its columns. Raises SyntaxProblem or SemanticProblem."""
    reader = _Reader(_tokens(query))
    name = reader.word()
    if name not in tables:
        raise SemanticProblem(
            f"'where' operator: Failed to resolve table or column expression named '{name}'"
        )
    reader.columns, rows = dict(tables[name][0]), list(tables[name][1])
    for step in reader.steps():
        rows = step(rows)
    return Result(tuple(reader.columns.items()), [[row[one] for one in reader.columns] for row in rows])


def _tokens(query: str) -> list[str]:
    found, at, end = [], 0, len(query.rstrip())
    while at < end:
        match = _TOKEN.match(query, at)
        if match is None:
            raise SyntaxProblem
        found.append(match[0].strip())
        at = match.end()
    return found


@dataclass
class _Reader:
    """Reads the tokens from the left, knowing which columns there are by now."""

    tokens: list[str]
    at: int = 0
    columns: dict[str, str] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        kinds: dict[str, Callable[[], Step]] = {
            "where": self._where,
            "extend": self._extend,
            "project": self._project,
            "order": self._order,
            "take": self._take,
        }
        found = []
        while self.at < len(self.tokens):
            self.expect("|")
            kind = self.word()
            if kind not in kinds:
                raise SyntaxProblem
            found.append(kinds[kind]())
        return found

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        if self.at > len(self.tokens):
            raise SyntaxProblem
        return self.tokens[self.at - 1]

    def expect(self, token: str) -> None:
        if self.next() != token:
            raise SyntaxProblem

    def take_if(self, token: str) -> bool:
        found = self.peek() == token
        self.at += found
        return found

    def word(self) -> str:
        token = self.next()
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise SyntaxProblem
        return token

    def text(self) -> str:
        token = self.next()
        if not token.startswith('"'):
            raise SyntaxProblem
        return token[1:-1]

    def number(self) -> int:
        token = self.next()
        if not re.fullmatch(r"-?\d+", token):
            raise SyntaxProblem
        return int(token)

    def column(self, operator: str) -> str:
        name = self.word()
        if name not in self.columns:
            raise SemanticProblem(
                f"'{operator}' operator: Failed to resolve column or scalar expression named '{name}'"
            )
        return name

    def _where(self) -> Step:
        holds = self._either()
        return lambda rows: [row for row in rows if holds(row)]

    def _extend(self) -> Step:
        made: list[tuple[str, Value]] = []
        while True:
            name = self.word()
            self.expect("=")
            made.append((name, self._value("extend")))
            self.columns[name] = "string"
            if not self.take_if(","):
                break

        def step(rows: list[Row]) -> list[Row]:
            for name, value in made:
                rows = [{**row, name: value(row)} for row in rows]
            return rows

        return step

    def _project(self) -> Step:
        names = [self.column("project")]
        while self.take_if(","):
            names.append(self.column("project"))
        self.columns = {name: self.columns[name] for name in names}
        return lambda rows: rows

    def _order(self) -> Step:
        self.expect("by")
        name = self.column("order")
        way = self.word()
        if way not in ("asc", "desc"):
            raise SyntaxProblem
        return lambda rows: sorted(rows, key=lambda row: row[name], reverse=way == "desc")

    def _take(self) -> Step:
        count = self.number()
        if count < 0:
            raise SyntaxProblem
        return lambda rows: rows[:count]

    def _either(self) -> Value:
        parts = [self._both()]
        while self.take_if("or"):
            parts.append(self._both())
        return lambda row: any(part(row) for part in parts)

    def _both(self) -> Value:
        parts = [self._condition()]
        while self.take_if("and"):
            parts.append(self._condition())
        return lambda row: all(part(row) for part in parts)

    def _condition(self) -> Value:
        if self.take_if("("):
            inner = self._either()
            self.expect(")")
            return inner
        value, operator = self._value("where"), self.next()
        if operator == "==":
            same = self.text()
            return lambda row: bool(value(row) == same)
        if operator == "startswith":
            start = self.text().lower()
            return lambda row: str(value(row)).lower().startswith(start)
        if operator in ("in", "in~"):
            return _among(value, self._list(), any_case=operator == "in~")
        raise SyntaxProblem

    def _list(self) -> list[str]:
        self.expect("(")
        found = [self.text()]
        while self.take_if(","):
            found.append(self.text())
        self.expect(")")
        return found

    def _value(self, operator: str) -> Value:
        if self.at + 1 < len(self.tokens) and self.tokens[self.at + 1] == "(":
            return self._call(operator)
        name = self.column(operator)
        if not self.take_if("."):
            return lambda row: row[name]
        if self.columns[name] != "dynamic":
            raise SemanticProblem(f"'{operator}' operator: '{name}' must be of type dynamic")
        part = self.word()
        return lambda row: row[name].get(part)

    def _call(self, operator: str) -> Value:
        name = self.word()
        self.expect("(")
        if name == "split":
            return self._split(operator)
        arguments = [self._value(operator)]
        while name == "coalesce" and self.take_if(","):
            arguments.append(self._value(operator))
        self.expect(")")
        first = arguments[0]
        if name == "coalesce":
            return lambda row: next((found for one in arguments if (found := one(row))), "")
        if name in ("tostring", "tolower"):
            change = str.lower if name == "tolower" else str
            return lambda row: change("" if first(row) is None else str(first(row)))
        raise SemanticProblem(f"'{operator}' operator: Unknown function: '{name}'")

    def _split(self, operator: str) -> Value:
        whole = self._value(operator)
        self.expect(",")
        by = self.text()
        self.expect(")")
        self.expect("[")
        index = self.number()
        self.expect("]")
        return lambda row: _part(str(whole(row)).split(by), index)


def _among(value: Value, wanted: list[str], *, any_case: bool) -> Value:
    if not any_case:
        return lambda row: value(row) in wanted
    lower = [one.lower() for one in wanted]
    return lambda row: str(value(row)).lower() in lower


def _part(parts: list[str], index: int) -> str | None:
    return parts[index] if -len(parts) <= index < len(parts) else None
