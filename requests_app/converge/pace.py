"""Whose turn it is to write: Azure's budgets, kept before Azure has to say so. How they are counted is pacing's."""

import time
from datetime import timedelta

from audit_app.clock import now
from requests_app import pacing
from requests_app.converge.pause import ends_at, reschedule
from requests_app.models import Container, Opening
from requests_app.targets.base import TargetError

# A worker waits this long for its turn; for longer it lets go of the container and serves another.
_PATIENCE_SECONDS = 2.0
# What Azure means by "too many" where it names no time.
_UNNAMED_SECONDS = 5.0


def turn(container: Container, *, closing: bool) -> float:
    """Return 0.0 when a write may be sent now, after waiting for it where that is short; else the seconds to let pass."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while (wait := pacing.admit(*_budget(container), closing=closing)) > 0:
        if time.monotonic() + wait > end:
            return wait
        time.sleep(wait)
    return 0.0


def defer(opening: Opening, seconds: float) -> None:
    """The opening is due again when its turn may have come, or when its time is over: that is no failure."""
    later = now() + timedelta(seconds=seconds)
    reschedule(opening, min(later, ends_at(opening.grant) or later))


def heed(container: Container, error: TargetError) -> None:
    """Nobody writes in this subscription and region for as long as Azure asked, if it was a budget that refused."""
    if error.kind == "throttled":
        pacing.pause(*_budget(container), error.retry_after or _UNNAMED_SECONDS)


def _budget(container: Container) -> tuple[str, str]:
    # /subscriptions/<id>/…
    return container.azure_id.split("/")[2], container.region
