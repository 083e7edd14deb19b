"""Whether this database may act on its beliefs. A new or restored one may only close, until somebody arms it.

What a portal that is not armed leaves undone is decided where it would be done.
"""

import structlog
from django.db import DatabaseError, connection
from django.db.models.expressions import RawSQL

from requests_app.models import Arming

log = structlog.get_logger("latch.arming")

# Which cluster, which line of its history, which database and which making of its tables: each of the ways in which
# a database comes to be another than the one that was armed changes one of these.
_FINGERPRINT = """
    SELECT concat_ws('.',
        (SELECT system_identifier FROM pg_control_system()),
        (SELECT timeline_id FROM pg_control_checkpoint()),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        to_regclass('requests_app_grant')::oid)
"""


def fingerprint() -> str:
    """Return what tells this very database from a new one, a copy, or one restored from a backup.

    Raises DatabaseError where PostgreSQL does not say. A disk put back to an earlier moment can not be told.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FINGERPRINT)
        found: str = cursor.fetchone()[0]
    return found


def is_armed() -> bool:
    """Return whether the last word about this very database was that it may open. A check that fails says no."""
    try:
        here = Arming.objects.filter(fingerprint=RawSQL(_FINGERPRINT, []))  # noqa: S611 (our own text)
        last = here.values_list("armed", flat=True).first()
    except DatabaseError as error:
        log.error("arming.unknown", error=str(error))
        return False
    return bool(last)


def last_word() -> Arming | None:
    """Return what was last said about this very database, and by whom; None when nobody ever armed it."""
    return Arming.objects.filter(fingerprint=fingerprint()).first()
