"""How long work that Azure refused waits before it is tried again. It never gives up by itself."""

from datetime import datetime, timedelta

from requests_app.models import Opening


def put_off(openings: list[Opening], moment: datetime, retry_after: float | None = None) -> None:
    """What was due is due again after a pause that grows with each failure, and never under what Azure asked for."""
    for opening in openings:
        if opening.due_at is None or opening.due_at > moment:
            continue
        pause = max(backoff(opening.failures, opening.pk), timedelta(seconds=retry_after or 0))
        Opening.objects.filter(pk=opening.pk).update(due_at=moment + pause, failures=opening.failures + 1)


def backoff(failures: int, salt: int) -> timedelta:
    """Return the pause after so many failures: 1 s, 2 s, 4 s … at most 30 s, spread by up to a quarter."""
    seconds = min(30.0, float(2 ** min(failures, 5)))
    return timedelta(seconds=seconds * (1 + (salt * 7 % 25) / 100))
