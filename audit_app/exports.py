"""What can be exported, and how it streams: datasets are registered here, some by the floors above. No page here.

A file is written by PostgreSQL itself (COPY), so that memory stays flat and a million rows take seconds. Cells that a
spreadsheet would take for a formula get a leading apostrophe, in SQL, whichever column they stand in.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from django import forms
from django.db import connection, models, transaction

from audit_app.clock import now
from audit_app.models import Event, Export
from audit_app.trail import About, Party, record

CHUNK: Final = 64 * 1024
# = + - @ tab, line feed, carriage return, and the full-width forms some spreadsheets read alike.
_FORMULA_STARTS: Final = (61, 43, 45, 64, 9, 10, 13, 0xFF1D, 0xFF0B, 0xFF0D, 0xFF20)
_SHAPES: Final = {
    "text": "CASE WHEN ascii({0}) IN ("
    + ", ".join(map(str, _FORMULA_STARTS))
    + ") THEN '''' || {0} ELSE {0} END",
    "time": "replace(({0} AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'",
    "plain": "{0}",
}


@dataclass(frozen=True)
class Column:
    """One column: its header, what it means, and its shape: text (guarded), time (UTC, ISO 8601) or plain (numbers)."""

    name: str
    doc: str
    shape: Literal["text", "time", "plain"] = "text"


@dataclass(frozen=True)
class Dataset:
    """Something that can be exported: `rows` takes a valid filter's cleaned_data and gives values in column order."""

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]
    filters: type[forms.Form]
    rows: Callable[[dict[str, Any]], "models.QuerySet[Any, Any]"]


class UnknownDataset(Exception):
    """Nobody registered a dataset of this name."""

    status = 404
    title = "Not found"
    way_on = "Choose one of those on the exports page."

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no export called “{name}”.")


_registry: dict[str, Dataset] = {}


def register(dataset: Dataset) -> None:
    """The dataset can be exported from now on."""
    _registry[dataset.name] = dataset


def datasets() -> tuple[Dataset, ...]:
    """Return what can be exported, by title."""
    return tuple(sorted(_registry.values(), key=lambda of: of.title))


def dataset(name: str) -> Dataset:
    """Return the dataset of this name; raises UnknownDataset."""
    try:
        return _registry[name]
    except KeyError:
        raise UnknownDataset(name) from None


def start(*, by: Party, of: Dataset, filters: Mapping[str, str]) -> Export:
    """An export can be fetched, and the trail says who asked for what; both or neither.

    `filters` are the form's own texts, already found valid. The export of the trail ends with the event before its own.
    """
    kept = {name: text for name, text in filters.items() if text}
    with transaction.atomic():
        made = Export.objects.create(
            dataset=of.name,
            filters=kept,
            last_event=Event.objects.order_by("-id").values_list("id", flat=True).first() or 0,
            made_by_id=by.id,
            made_by_label=by.label[:200],
            created_at=now(),
        )
        about = About(kind="export", id=str(made.uid), label=of.title)
        record("export.started", by=by, about=about, data={"dataset": of.name, "filters": kept})
    return made


def stream(made: Export) -> Iterator[bytes]:
    """Yield the file, header first, in chunks; afterwards the export knows its rows and when it was finished.

    Whoever stops reading early stops the query: the cursor is this generator's own.
    """
    statement, params = _statement(made)
    rows, size = -1, 0
    pending: list[bytes] = []
    with connection.cursor() as wrapped, wrapped.cursor.copy(statement, params) as copy:
        for row in copy:
            # libpq hands over one whole row at a time; RFC 4180 ends it with CR LF.
            pending.append(row[:-1])
            rows += 1
            size += len(row)
            if size >= CHUNK:
                yield b"\r\n".join((*pending, b""))
                pending.clear()
                size = 0
    if pending:
        yield b"\r\n".join((*pending, b""))
    Export.objects.filter(pk=made.pk).update(rows=max(rows, 0), finished_at=now())


def _statement(made: Export) -> tuple[str, tuple[Any, ...]]:
    """The COPY of this export, every value a parameter of psycopg's."""
    of = dataset(made.dataset)
    form = of.filters(made.filters)
    if not form.is_valid():
        raise ValueError(f"export {made.uid}: its filter is no longer valid: {form.errors.as_json()}")
    asked = {**form.cleaned_data, "last_event": made.last_event}
    inner, params = of.rows(asked).query.sql_with_params()
    quote = connection.ops.quote_name
    names = [quote(f"c{number}") for number in range(len(of.columns))]
    shaped = ", ".join(
        f"{_SHAPES[column.shape].format(name)} AS {quote(column.name)}"
        for column, name in zip(of.columns, names, strict=True)
    )
    select = f"SELECT {shaped} FROM ({inner}) AS found({', '.join(names)})"  # noqa: S608  (our own names)
    return f"COPY ({select}) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')", params
