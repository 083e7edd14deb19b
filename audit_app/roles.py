"""What the site's database role may do to the tables. Roles themselves are made by the operator, not here."""

from typing import Any

from django.conf import settings
from django.db import connections

OWNER = "owner"
# Rows of these tables are written once: the site may add and read them, whatever it is told to do.
APPEND_ONLY = ("audit_app_event", "audit_app_seal", "audit_app_sealedevent")


def grant_to_site(*, using: str, **_: Any) -> None:
    """After a migration through the owner's connection the site's role can work, and can not rewrite the trail.

    Does nothing where one role does both (a developer's database); `check --deploy` complains of that.
    """
    site = settings.DATABASES["default"].get("USER", "")
    if using != OWNER or not site or site == settings.DATABASES[OWNER].get("USER"):
        return
    connection = connections[using]
    role = connection.ops.quote_name(site)
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        tables = set(connection.introspection.table_names(cursor))
        for table in tables.intersection(APPEND_ONLY):
            name = connection.ops.quote_name(table)
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {name} FROM {role}")
