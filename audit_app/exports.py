"""What can be exported, and how it streams: datasets are registered here, some by the floors above. No page here.

A file is written by PostgreSQL itself (COPY), so that memory stays flat and a million rows take seconds. Cells that a
spreadsheet would take for a formula get a leading apostrophe, in SQL, whichever column they stand in.
"""

import json
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from django import forms
from django.db import connection, models, transaction

from audit_app.clock import now
from audit_app.models import Event, Export
from audit_app.progress import Progress
from audit_app.trail import About, Party, record

CHUNK: Final = 64 * 1024
# = + - @ tab, line feed, carriage return, and the full-width forms some spreadsheets read alike.
_FORMULA_STARTS: Final = (61, 43, 45, 64, 9, 10, 13, 0xFF1D, 0xFF0B, 0xFF0D, 0xFF20)
_GUARDED: Final = (
    "CASE WHEN ascii({0}) IN (" + ", ".join(map(str, _FORMULA_STARTS)) + ") THEN '''' || {0} ELSE {0} END"
)
_UTC: Final = "replace(({0} AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'"
# How each shape is written. A program reads JSON Lines, so there nothing is guarded against spreadsheets.
_SHAPES: Final = {
    "csv": {"text": _GUARDED, "json": _GUARDED, "time": _UTC, "plain": "{0}"},
    "jsonl": {"text": "{0}", "json": "({0})::json", "time": _UTC, "plain": "{0}"},
}
# JSON's text holds no control character, so with these as quote and delimiter nothing of it is ever escaped.
_COPY: Final = {
    "csv": "COPY ({0}) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')",
    "jsonl": "COPY (SELECT row_to_json(line)::text FROM ({0}) AS line) TO STDOUT "
    "WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02', ENCODING 'UTF8')",
}


@dataclass(frozen=True)
class Column:
    """One column: its header, what it means, and its shape.

    text (guarded in CSV), json (the same, an object in JSON Lines), time (UTC, ISO 8601) or plain (numbers, ids).
    """

    name: str
    doc: str
    shape: Literal["text", "json", "time", "plain"] = "text"


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


def start(
    *, by: Party, of: Dataset, filters: Mapping[str, str], form: str = Export.Form.CSV, packed: bool = False
) -> Export:
    """An export can be fetched, and the trail says who asked for what; both or neither.

    `filters` are the form's own texts, already found valid; `packed` is gzip. The export of the trail ends with the
    event before its own.
    """
    with transaction.atomic():
        made = drawn_up(by=by, of=of, filters=filters, form=form, packed=packed)
        keep(made)
    return made


def drawn_up(*, by: Party, of: Dataset, filters: Mapping[str, str], form: str, packed: bool) -> Export:
    """Return an export that can be streamed and stands nowhere yet, neither in the list nor in the trail."""
    return Export(
        dataset=of.name,
        filters={name: text for name, text in filters.items() if text},
        form=form,
        packed=packed,
        last_event=Event.objects.order_by("-id").values_list("id", flat=True).first() or 0,
        made_by_id=by.id,
        made_by_label=by.label[:200],
        created_at=now(),
    )


def keep(made: Export) -> None:
    """The export stands in the list, and the trail says who asked for what; both or neither."""
    about = About(kind="export", id=str(made.uid), label=dataset(made.dataset).title)
    asked = {"dataset": made.dataset, "filters": made.filters, "form": made.form}
    with transaction.atomic():
        made.save()
        record("export.started", by=Party(made.made_by_id, made.made_by_label), about=about, data=asked)


def stream(made: Export, schedule: int | None = None) -> Generator[bytes, None, None]:
    """Yield the file in chunks; afterwards the export knows its rows, its digest and when it was finished.

    Whoever stops reading early stops the query: the cursor is this generator's own. How far it came is told meanwhile,
    of the regular export it is for as well.
    """
    digest = sha256()
    with Progress(made, schedule=schedule, expected=lambda: expected(made)) as so_far:
        chunks = _lines(made, so_far)
        for chunk in _gzipped(chunks) if made.packed else chunks:
            digest.update(chunk)
            so_far.size += len(chunk)
            yield chunk
        made.rows, made.size, made.digest, made.finished_at = (
            so_far.rows,
            so_far.size,
            digest.hexdigest(),
            now(),
        )
        # One that stands nowhere yet takes them along when it is kept.
        Export.objects.filter(pk=made.pk).update(
            rows=made.rows, size=made.size, digest=made.digest, finished_at=made.finished_at
        )


def expected(made: Export) -> int | None:
    """Return how many rows are to come: as many as the last time, or what PostgreSQL guesses without counting."""
    if made.rows is not None:
        return made.rows
    inner, params = _query(made)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {inner}", params)
        (said,) = cursor.fetchone()
    (plan,) = json.loads(said) if isinstance(said, str) else said
    return int(plan["Plan"]["Plan Rows"])


def _lines(made: Export, so_far: Progress) -> Iterator[bytes]:
    # RFC 4180 ends a row with CR LF, JSON Lines with LF; a CSV begins with its header.
    end, header = (b"\r\n", 1) if made.form == Export.Form.CSV else (b"\n", 0)
    statement, params = _statement(made)
    written, size = -header, 0
    pending: list[bytes] = []
    with connection.cursor() as wrapped, wrapped.cursor.copy(statement, params) as copy:
        for row in copy:
            # libpq hands over one whole row at a time.
            pending.append(row[:-1])
            written += 1
            size += len(row)
            if size >= CHUNK:
                so_far.rows = written
                yield end.join((*pending, b""))
                pending.clear()
                size = 0
    so_far.rows = max(written, 0)
    if pending:
        yield end.join((*pending, b""))


def _gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)  # gzip's own frame, without a time in it
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def _query(made: Export) -> tuple[str, tuple[Any, ...]]:
    """The rows of this export, every value a parameter of psycopg's."""
    of = dataset(made.dataset)
    form = of.filters(made.filters)
    if not form.is_valid():
        raise ValueError(f"export {made.uid}: its filter is no longer valid: {form.errors.as_json()}")
    asked = {**form.cleaned_data, "last_event": made.last_event}
    inner, params = of.rows(asked).query.sql_with_params()
    return inner, params


def _statement(made: Export) -> tuple[str, tuple[Any, ...]]:
    """The COPY of this export."""
    of = dataset(made.dataset)
    inner, params = _query(made)
    quote, shapes = connection.ops.quote_name, _SHAPES[made.form]
    names = [quote(f"c{number}") for number in range(len(of.columns))]
    shaped = ", ".join(
        f"{shapes[column.shape].format(name)} AS {quote(column.name)}"
        for column, name in zip(of.columns, names, strict=True)
    )
    select = f"SELECT {shaped} FROM ({inner}) AS found({', '.join(names)})"  # noqa: S608  (our own names)
    return _COPY[made.form].replace("{0}", select), params
