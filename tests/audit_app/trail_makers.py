"""Rows of the trail for tests of its pages, written in bulk where many are needed. No assertions here."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from audit_app.clock import now
from audit_app.models import Event, SealedEvent
from audit_app.trail import About, Party, record

ADA = Party("11111111-1111-1111-1111-111111111111:22222222-2222-2222-2222-222222222222", "Ada Lindqvist")
MO = Party("11111111-1111-1111-1111-111111111111:33333333-3333-3333-3333-333333333333", "Mo Petersen")


def happened(
    kind: str = "request.submitted",
    by: Party = ADA,
    *,
    label: str = "SSH to prod-web-01",
    resource: str = "",
    story: str = "",
    subject: Party | None = None,
    outcome: str = Event.Outcome.SUCCESS,
    why: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """Return one event, recorded the way the site records it."""
    about = About("access_request", "1", label, resource=resource, story=story, subject=subject)
    with transaction.atomic():
        return record(kind, by=by, about=about, outcome=outcome, why=why, data=data)


def placed() -> None:
    """Every event has a place in the chain, as if it was sealed."""
    have = set(SealedEvent.objects.values_list("event_id", flat=True))
    after = len(have)
    SealedEvent.objects.bulk_create(
        SealedEvent(
            position=number,
            event_id=event.id,
            uid=event.uid,
            leaf=b"l" * 32,
            commitments=b"c",
            at=event.at,
            written_at=event.at,
        )
        for number, event in enumerate(Event.objects.exclude(id__in=have).order_by("id"), after + 1)
    )


# What differs from row to row, by number; in SQL, as Django takes 0.3 ms of the processor for each.
_EACH = {
    "uid": "gen_random_uuid()",
    "at": "%(at)s::timestamptz + number * interval '1 second'",
    "kind": "CASE WHEN number %% 2 = 1 THEN 'grant.opened' ELSE 'request.submitted' END",
    "outcome": "CASE WHEN number %% 10 = 0 THEN 'refused' ELSE 'success' END",
    "object_id": "number::text",
    "object_label": "'SSH to host-' || lpad(number::text, 6, '0')",
    "resource_label": "'host-' || lpad((number %% 25)::text, 2, '0')",
    "story": "'request-' || number / 8",
    "correlation_id": "'c-' || number",
}


def many(count: int, *, at: datetime | None = None, **more: Any) -> None:
    """`count` events stand in the trail, a second apart, every tenth refused."""
    like = Event(
        actor_id=ADA.id, actor_label=ADA.label, object_kind="grant", why="Because of a ticket", **more
    )
    values: dict[str, Any] = {}
    columns = {}
    for field in Event._meta.concrete_fields:
        if not field.primary_key and not field.has_db_default():
            values[field.column] = field.get_db_prep_save(getattr(like, field.attname), connection)
            columns[field.column] = f"%({field.column})s"
    columns |= _EACH
    values |= {"at": at or now(), "last": count - 1}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Event._meta.db_table} ({', '.join(columns)}) "
            f"SELECT {', '.join(columns.values())} FROM generate_series(0, %(last)s) AS number ORDER BY number",
            values,
        )
