"""The one way round the trail's guards, for the flush of a test database. Nothing else touches triggers."""

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


def restore_guard(connection: BaseDatabaseWrapper) -> None:
    """The guards against TRUNCATE are as the migrations left them."""
    with connection.cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_truncate")
