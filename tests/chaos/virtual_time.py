"""A clock that only moves when told: days in a schedule cost nothing, and the same schedule runs the same way twice.

Whoever sleeps moves it. Nothing here knows Azure, a database, or a grant.
"""

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import time_machine
from azure.core.pipeline.transport import HttpTransport

from requests_app import wake
from requests_app.converge import lease, loop, pace
from requests_app.pacing import gate
from requests_app.targets import call

# Every module of the site that waits or measures; each has the clock in place of the module `time`.
_WAITING = (wake, lease, loop, pace, gate, call)
_FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC)
# Tokens are renewed when they are over, so schedules never go back in time; each begins this much after the one before.
APART = timedelta(days=4)


class Clock:
    """The time of day and the monotonic seconds of a schedule, which move together."""

    def __init__(self, traveller: Any) -> None:
        self._traveller = traveller
        self._seconds = 1000.0
        self._begin = _FIRST

    def monotonic(self) -> float:
        return self._seconds

    def monotonic_ns(self) -> int:
        return int(self._seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        """So much time has gone by: at least a thousandth of a second, so that nothing waits for ever."""
        seconds = round(max(seconds, 0.001), 3)
        self._seconds += seconds
        self._traveller.shift(timedelta(seconds=seconds))

    def next_schedule(self) -> datetime:
        """It is the first whole second of another schedule; returns it."""
        self._begin += APART
        before = datetime.now(UTC)
        self._begin = max(self._begin, (before + timedelta(hours=2)).replace(microsecond=0))
        self._seconds += (self._begin - before).total_seconds()
        self._traveller.move_to(self._begin, tick=False)
        return self._begin


class _Selector(selectors.DefaultSelector):
    """Waiting for a timer moves the clock to it; there is no socket to wait for."""

    clock: Clock

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or timeout == 0:
            return found
        if timeout is None:
            raise RuntimeError("the pretend Azure waits for something that never comes")
        self.clock.sleep(timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on that clock."""

    def __init__(self, clock: Clock) -> None:
        selector = _Selector()
        selector.clock = clock
        super().__init__(selector)
        self._clock = clock

    def time(self) -> float:
        return self._clock.monotonic()

    def next_timer(self) -> float | None:
        """In how many seconds the next timer goes off; None without one."""
        waiting = [handle.when() for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
        return max(0.0, min(waiting) - self.time()) if waiting else None


@contextmanager
def virtual_time() -> Iterator[Clock]:
    """Inside, the site and the SDK go by the clock handed out."""
    with ExitStack() as stack:
        traveller = stack.enter_context(time_machine.travel(_FIRST, tick=False))
        clock = Clock(traveller)
        for module in _WAITING:
            stack.enter_context(patch.object(module, "time", clock))
        stack.enter_context(patch.object(HttpTransport, "sleep", lambda _, seconds: clock.sleep(seconds)))
        yield clock
