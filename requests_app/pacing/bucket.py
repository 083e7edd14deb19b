"""The arithmetic of a budget: a bucket that refills and a sliding window. Pure; given the time, in whole microseconds.

`shared` does the same sums inside Redis; a test holds the two together.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

SECOND: Final = 1_000_000
# Nobody waits longer at Azure's word than this; asking again then costs one more refusal.
LONGEST_PAUSE: Final = 300 * SECOND


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `burst` writes at once and one more each `interval`; at most `window` in any `span`. Microseconds.

    The last of both, `kept_burst` and `kept_window`, is for closings alone.
    """

    burst: int
    interval: int
    window: int
    span: int
    kept_burst: int
    kept_window: int

    def ahead(self, *, closing: bool) -> int:
        """Return how far ahead of its refilling the bucket may run for this kind of write."""
        return (self.burst - (0 if closing else self.kept_burst)) * self.interval

    def within(self, *, closing: bool) -> int:
        """Return how many writes the window may hold after this kind of write."""
        return self.window - (0 if closing else self.kept_window)


# Azure's own numbers are 200, 10 a second, 1,000 in 300 s, and it counts when a write arrives. Writes travel for
# different times, the first (a new connection) for the longest: half a second of the burst and two seconds of the
# window are left for that, or a budget spent to the end would be refused now and then, and a refusal costs more.
AZURE: Final = Budget(195, SECOND // 10, 1_000, 302 * SECOND, kept_burst=49, kept_window=250)
# What one process allows itself while it cannot ask the others: ten of them together may still be refused, and then
# Azure's word counts.
ALONE: Final = Budget(20, SECOND // 2, 500, 302 * SECOND, kept_burst=5, kept_window=125)


@dataclass(slots=True)
class Bucket:
    """What is left of one budget; new, it is full. `now` must never go back."""

    budget: Budget
    full_at: int = 0
    sent: deque[int] = field(default_factory=deque)
    paused_until: int = 0

    def take(self, now: int, *, closing: bool) -> int:
        """Return 0, and one write is paid for; or after how many microseconds to ask again, and nothing is."""
        wait = max(self._pause(now), self._refill(now, closing=closing), self._window(now, closing=closing))
        if wait > 0:
            return wait
        self.full_at = max(self.full_at, now) + self.budget.interval
        self.sent.append(now)
        return 0

    def pause(self, now: int, lasting: int) -> None:
        """Nothing is taken for so long; a pause that is longer already stays."""
        self.paused_until = max(self.paused_until, now + min(lasting, LONGEST_PAUSE))

    def _pause(self, now: int) -> int:
        return max(0, self.paused_until - now)

    def _refill(self, now: int, *, closing: bool) -> int:
        behind = max(self.full_at, now) + self.budget.interval - now
        return max(0, behind - self.budget.ahead(closing=closing))

    def _window(self, now: int, *, closing: bool) -> int:
        while self.sent and self.sent[0] <= now - self.budget.span:
            self.sent.popleft()
        over = len(self.sent) - self.budget.within(closing=closing)
        return self.sent[over] + self.budget.span - now if over >= 0 else 0
