"""The one way round the trail's guard, for the flush of a test database. Nothing else touches triggers."""

from django.db.backends.base.base import BaseDatabaseWrapper

TRUNCATE_GUARD = "audit_app_event_no_truncate"


class NotATestDatabase(Exception):
    """The trail of a database that is not a test's would have lost its guard; nothing was changed."""


def let_flush(connection: BaseDatabaseWrapper) -> None:
    """The flush of a TransactionTestCase works here: the guard against TRUNCATE, and it alone, is off.

    Raises NotATestDatabase unless the database connected to is called test_… by its own account.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        name = cursor.fetchone()[0]
        if not name.startswith("test_"):
            raise NotATestDatabase(f"{name!r} does not start with test_: the trail keeps its guards.")
        cursor.execute(f"ALTER TABLE audit_app_event DISABLE TRIGGER {TRUNCATE_GUARD}")


def restore_guard(connection: BaseDatabaseWrapper) -> None:
    """The guard against TRUNCATE is as the migration left it."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE audit_app_event ENABLE ALWAYS TRIGGER {TRUNCATE_GUARD}")
