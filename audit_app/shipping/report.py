"""How far shipping is behind, for a page. It reads rows alone; no destination is asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit_app.models import Event, ShippingCursor
from audit_app.shipping.configured import destinations
from audit_app.shipping.destination import Destination

# A destination may be away for a while without anybody having to rise; workers that do not try are another matter.
LATE: Final = timedelta(minutes=5)
COUNTED: Final = 10_000


@dataclass(frozen=True)
class Lag:
    """One destination: what waits for it, since when, and what went wrong last."""

    title: str
    waiting: int
    more: bool
    oldest: datetime | None
    cursor: ShippingCursor | None
    late: bool
    error: str

    @property
    def word(self) -> str:
        """The state in two words."""
        if self.late:
            return "Late"
        return "Trying again" if self.error else "On time"

    @property
    def tone(self) -> str:
        """The state as a badge's tone."""
        if self.late:
            return "bad"
        return "wait" if self.error else "good"

    @property
    def icon(self) -> str:
        """The badge's icon."""
        return {"good": "check", "wait": "hourglass", "bad": "error"}[self.tone]


def lags(moment: datetime) -> list[Lag]:
    """Return how far each destination is behind, in two queries for each and one for all."""
    found = destinations()
    if not found:
        return []
    cursors = {cursor.pk: cursor for cursor in ShippingCursor.objects.all()}
    return [_lag(destination, cursors.get(destination.name), moment) for destination in found]


def _lag(destination: Destination, cursor: ShippingCursor | None, moment: datetime) -> Lag:
    waiting = Event.objects.filter(id__gt=cursor.shipped_to if cursor else 0).order_by("id")
    oldest = waiting.values_list("at", flat=True).first()
    count = waiting[: COUNTED + 1].count() if oldest else 0
    tried = cursor.tried_at if cursor else None
    untried = tried is None or moment - tried > LATE + timedelta(minutes=1)
    late = oldest is not None and (moment - oldest > LATE or untried)
    error = cursor.last_error if cursor and cursor.failures else ""
    return Lag(destination.title, min(count, COUNTED), count > COUNTED, oldest, cursor, late, error)
