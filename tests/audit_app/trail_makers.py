"""Rows of the trail for tests of its pages, written in bulk where many are needed. No assertions here."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from audit_app.clock import now
from audit_app.models import Event
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


def many(count: int, *, at: datetime | None = None, **more: Any) -> None:
    """`count` events stand in the trail, a second apart, every tenth refused."""
    moment = at or now()
    for start in range(0, count, 5000):
        Event.objects.bulk_create(
            Event(
                at=moment + timedelta(seconds=number),
                kind="grant.opened" if number % 2 else "request.submitted",
                outcome="refused" if number % 10 == 0 else "success",
                actor_id=ADA.id,
                actor_label=ADA.label,
                object_kind="grant",
                object_id=str(number),
                object_label=f"SSH to host-{number:06d}",
                resource_label=f"host-{number % 25:02d}",
                story=f"request-{number // 8}",
                correlation_id=f"c-{number}",
                why="Because of a ticket",
                **more,
            )
            for number in range(start, min(start + 5000, count))
        )
