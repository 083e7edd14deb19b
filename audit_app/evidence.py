"""How the chain reads an event from the database: the columns, and what becomes of them. What is sealed is chain.py's."""

from collections.abc import Sequence
from typing import Any, Final

from audit_app.chain import PERSONAL, PUBLIC, Evidence, instant

# In the order of `evidence`; the table is called e. Data as the very text PostgreSQL writes, so that no reader's idea
# of numbers changes it.
COLUMNS: Final = ", ".join(
    (
        *(f"e.{name}" for name in PUBLIC),
        *(
            {"source_address": "abbrev(e.source_address)", "data": "e.data::text"}.get(name, f"e.{name}")
            for name in PERSONAL
        ),
        "e.salt",
    )
)
WIDTH: Final = len(PUBLIC) + len(PERSONAL) + 1


def evidence(row: Sequence[Any]) -> Evidence:
    """Return the event these columns hold."""
    public: dict[str, str | int] = dict(zip(PUBLIC, row, strict=False))
    public["uid"] = str(public["uid"])
    public["at"], public["written_at"] = instant(row[2]), instant(row[3])
    personal = dict(zip(PERSONAL, row[len(PUBLIC) :], strict=False))
    salt = row[WIDTH - 1]
    return Evidence(public, personal, None if salt is None else bytes(salt))
