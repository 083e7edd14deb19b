"""beat(): note that a recurring piece of work did its round. Reading it is the status page's business."""

from datetime import timedelta
from typing import Any

from audit_app.clock import now
from requests_app.models import Heartbeat

_last: dict[str, Any] = {}


def beat(name: str, *, every: timedelta = timedelta(0), data: dict[str, Any] | None = None) -> None:
    """The round is noted; at most once per `every` and process, so that an idle tick stays one query."""
    moment = now()
    before = _last.get(name)
    if before is not None and timedelta(0) <= moment - before < every:
        return
    Heartbeat.objects.update_or_create(name=name, defaults={"at": moment, "data": data or {}})
    _last[name] = moment
