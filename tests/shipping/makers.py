"""Events and destinations for tests of shipping. No assertions here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from audit_app.models import Event, ShippingCursor
from audit_app.shipping.destination import Limits, Refused

TENANT = "11111111-1111-1111-1111-111111111111"
ADA, MO = "22222222-2222-2222-2222-222222222222", "33333333-3333-3333-3333-333333333333"
AT = datetime(2026, 11, 26, 8, 0, 0, 123456, tzinfo=UTC)


def event(kind: str = "grant.opened", **changes: Any) -> Event:
    """One event as a row would hold it, saved nowhere."""
    fields: dict[str, Any] = {
        "id": 7,
        "uid": UUID("44444444-4444-4444-8444-444444444444"),
        "at": AT,
        "kind": kind,
        "actor_id": f"{TENANT}:{ADA}",
        "actor_label": "Ada Lindqvist",
        "subject_id": f"{TENANT}:{MO}",
        "subject_label": "Mo Adeyemi",
        "object_kind": "grant",
        "object_id": "g-1",
        "object_label": "SSH to prod-web-01",
        "resource_label": "prod-web-01",
        "story": "request-1",
        "source_address": "81.2.69.142",
        "correlation_id": "c-1",
        "why": "Disk is full",
        "data": {"minutes": 30},
        **changes,
    }
    return Event(**fields)


@dataclass
class Shelf:
    """A destination that keeps what it takes, in order, and refuses these numbers; a stand-in for what lies outside."""

    refuses: frozenset[int] = frozenset()
    limits: Limits = field(default_factory=lambda: Limits(events=10, size=10_000))
    name: str = "shelf"
    title: str = "Shelf"
    kept: list[int] = field(default_factory=list)
    calls: int = 0
    failing: list[Exception] = field(default_factory=list)

    def encode(self, event: Event) -> bytes:
        return str(event.pk).encode()

    def send(self, encoded: Sequence[bytes]) -> None:
        self.calls += 1
        if self.failing:
            raise self.failing.pop(0)
        numbers = [int(one) for one in encoded]
        for number in numbers:
            if number in self.refuses:
                raise Refused(f"{number} is at fault")
        self.kept += numbers


def cursor(name: str = "shelf") -> ShippingCursor:
    """The destination's row as it is now."""
    return ShippingCursor.objects.get(pk=name)


def due(name: str = "shelf") -> None:
    """The destination's pause is over."""
    ShippingCursor.objects.filter(pk=name).update(due_at=None)
