"""Many rows at once, by COPY, with their ids taken beforehand so that rows can point at each other. No meaning here."""

from collections.abc import Iterable, Iterator

from django.db import DEFAULT_DB_ALIAS, connection, connections, models


def take_ids(model: type[models.Model], count: int) -> Iterator[int]:
    """Return so many ids of this table that nobody else will get."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [model._meta.db_table, model._meta.pk.column, count],
        )
        return iter([row[0] for row in cursor.fetchall()])


def copy_rows(rows: Iterable[models.Model]) -> int:
    """These rows, all of one model, are in the database; returns how many. Their ids must be set."""
    found, here = list(rows), connections[DEFAULT_DB_ALIAS]
    if not found:
        return 0
    meta = found[0]._meta
    fields = [field for field in meta.concrete_fields if not (field.generated or field.has_db_default())]
    names = ", ".join(connection.ops.quote_name(field.column or field.attname) for field in fields)
    table = connection.ops.quote_name(meta.db_table)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in found:
            copy.write_row([field.get_db_prep_save(getattr(row, field.attname), here) for field in fields])
    return len(found)
