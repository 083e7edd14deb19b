"""The column type Django lacks, PostgreSQL's transaction number; and the defaults of what proves an event."""

import os
from typing import Any

from django.db import models


class TransactionField(models.Field):  # type: ignore[type-arg]  # generic for the type checker alone
    """A transaction's number (xid8): it never wraps, and means something within one cluster only."""

    def db_type(self, connection: Any) -> str:
        """Return PostgreSQL's own type."""
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        """Return the number; psycopg hands it over as text."""
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return the text PostgreSQL reads: no number type becomes an xid8 by itself."""
        return value if value is None or hasattr(value, "resolve_expression") else str(value)


def this_transaction() -> models.Func:
    """Return the number of the transaction that writes the row, the outermost one where they are nested."""
    return models.Func(function="pg_current_xact_id", output_field=TransactionField())


def fresh_salt() -> models.Func:
    """Return 32 bytes nobody can guess (244 of their bits are random), new for each row."""
    two = "(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
    return models.Func(template=two, output_field=models.BinaryField())


def new_salt() -> bytes:
    """Return 32 bytes nobody can guess, as `fresh_salt` does for what is written by SQL alone."""
    return os.urandom(32)
