"""The one way round the trail's guards, for the flush of a test database, and a flush that takes what is there to take.

Nothing else touches triggers.
"""

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

# Each is called after its table.
GUARDED = ("audit_app_event", "audit_app_seal", "audit_app_sealedevent")


class NotATestDatabase(Exception):
    """The trail of a database that is not a test's would have lost its guard; nothing was changed."""


def let_flush(connection: BaseDatabaseWrapper) -> None:
    """The flush of a TransactionTestCase works here: the guards against TRUNCATE, and they alone, are off.

    Raises NotATestDatabase unless the database connected to is called test_… by its own account.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        name = cursor.fetchone()[0]
        if not name.startswith("test_"):
            raise NotATestDatabase(f"{name!r} does not start with test_: the trail keeps its guards.")
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_truncate")
    connection.ops.sql_flush = _flush_of(connection)  # type: ignore[method-assign]


def _flush_of(connection: BaseDatabaseWrapper) -> Any:
    """Return what says how to empty these tables: a few rows are sooner deleted than sixty files made anew.

    A table that refuses DELETE is truncated, as Django would do with all; like there, whoever still writes is waited
    for. Keys of one row to another are looked at when the flush commits, so the order does not matter.
    """

    def sql_flush(_style: Any, tables: Iterable[str], **_: Any) -> list[str]:
        quoted = {table: connection.ops.quote_name(table) for table in sorted(tables)}
        guarded = [quoted.pop(table) for table in GUARDED if table in quoted]
        words = [f"LOCK TABLE {', '.join([*quoted.values(), *guarded])}"]
        words += [f"DELETE FROM {name}" for name in quoted.values()]
        if guarded:
            full = " OR ".join(f"EXISTS (SELECT FROM {name})" for name in guarded)
            words.append(f"IF {full} THEN TRUNCATE {', '.join(guarded)}; END IF")
        return [f"DO $$ BEGIN {'; '.join(words)}; END $$"]

    return sql_flush


def restore_guard(connection: BaseDatabaseWrapper) -> None:
    """The guards against TRUNCATE are as the migrations left them."""
    with connection.cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_truncate")
