"""admit(): may a write go to Azure now? The door of pacing; how a budget is counted stands in `bucket` and `shared`.

Azure's budgets are kept before Azure has to say so, closings first: the last quarter of a budget is theirs. The
budget lies in Redis. While Redis is away each process keeps a small one of its own: that costs pace, never a
closing. A Redis that forgot hands out a full budget again; the harm is bounded by Azure itself, whose refusal and
Retry-After are obeyed, and remembered by the process that heard them whatever Redis knows.
"""

import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from requests_app.pacing import shared
from requests_app.pacing.bucket import ALONE, AZURE, SECOND, Bucket

log = structlog.get_logger("latch.pacing")
# A Redis that hangs costs one timeout, and then none for this long.
_QUIET_SECONDS: Final = 2.0
_WARNED_EVERY_SECONDS: Final = 60.0
# A URL that only Celery understands (sentinel://) is a Redis we cannot reach.
_AWAY: Final = (RedisError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left now: writes at once, writes in the five minutes, and seconds for which Azure wants none."""

    burst: float
    window: int
    paused_seconds: float


@dataclass
class _Here:
    """What this process knows by itself, by the monotonic clock. Only under its lock."""

    lock: Lock = field(default_factory=Lock)
    buckets: defaultdict[str, Bucket] = field(default_factory=lambda: defaultdict(lambda: Bucket(ALONE)))
    quiet_until: float = 0.0
    warn_again: float = 0.0


_here = _Here()


def admit(subscription: str, region: str, *, closing: bool) -> float:
    """Return 0.0 when a write may be sent now, and it is paid for; or after how many seconds to ask again.

    An unknown region ("") is a budget of its own. Takes a quarter of a second when Redis hangs, and raises nothing.
    """
    name = _name(subscription, region)
    paused = _paused_here(name)
    if paused > 0:
        return paused / SECOND
    if _redis_is_tried():
        try:
            return shared.take(settings.REDIS_URL, name, AZURE, closing=closing)[0] / SECOND
        except _AWAY as error:
            _leave_redis_alone(error)
    with _here.lock:
        return _here.buckets[name].take(_now(), closing=closing) / SECOND


def pause(subscription: str, region: str, seconds: float) -> None:
    """Nobody writes for so many seconds, 300 at most, closings neither: Azure said so for the whole budget.

    Only for a refusal by a budget ("throttled"): a group that is busy ("busy") says nothing about the others.
    """
    name, lasting = _name(subscription, region), round(min(max(seconds, 0.0), 300.0) * SECOND)
    with _here.lock:
        _here.buckets[name].pause(_now(), lasting)
    if not _redis_is_tried():
        return
    try:
        shared.pause(settings.REDIS_URL, name, AZURE, lasting)
    except _AWAY as error:
        _leave_redis_alone(error)


def left(subscription: str, region: str) -> Left | None:
    """Return what closings still have of the budget, None while Redis is away. Changes nothing, raises nothing."""
    if not _redis_is_tried():
        return None
    try:
        behind, sent, paused = shared.look(settings.REDIS_URL, _name(subscription, region), AZURE)
    except _AWAY as error:
        _leave_redis_alone(error)
        return None
    return Left(max(0.0, AZURE.burst - behind / AZURE.interval), max(0, AZURE.window - sent), paused / SECOND)


def forget() -> None:
    """This process knows nothing of the past any more; for tests."""
    with _here.lock:
        _here.buckets.clear()
        _here.quiet_until = _here.warn_again = 0.0


def _name(subscription: str, region: str) -> str:
    return f"{subscription.lower()}|{region.replace(' ', '').lower()}"


def _now() -> int:
    return time.monotonic_ns() // 1000


def _paused_here(name: str) -> int:
    with _here.lock:
        bucket = _here.buckets.get(name)
        return bucket.paused_until - _now() if bucket else 0


def _redis_is_tried() -> bool:
    with _here.lock:
        return time.monotonic() >= _here.quiet_until


def _leave_redis_alone(error: Exception) -> None:
    moment = time.monotonic()
    with _here.lock:
        _here.quiet_until = moment + _QUIET_SECONDS
        warn = moment >= _here.warn_again
        if warn:
            _here.warn_again = moment + _WARNED_EVERY_SECONDS
    if warn:
        log.warning("pacing.redis_away", error=str(error), pace="a small budget of this process alone")


def _after_fork() -> None:
    """The parent may have held the lock at that moment."""
    global _here
    _here = _Here()


os.register_at_fork(after_in_child=_after_fork)
