"""Azure's budgets: token buckets per principal, the network provider's five minutes. Pure; given the time."""

import math
from collections import deque
from dataclasses import dataclass, field

from latchportal.devcloud.errors import ArmError, throttled

WINDOW_SECONDS = 300.0


@dataclass(frozen=True)
class Budget:
    """`size` tokens at most, `refill` more each second."""

    size: int
    refill: float


@dataclass(frozen=True)
class Limits:
    """ARM's budgets by kind of call, and Microsoft.Network's per five minutes in one region."""

    reads: Budget = Budget(250, 25)
    writes: Budget = Budget(200, 10)
    deletes: Budget = Budget(200, 10)
    network_reads: int = 10_000
    network_writes: int = 1_000

    def of(self, kind: str) -> Budget:
        return {"reads": self.reads, "writes": self.writes, "deletes": self.deletes}[kind]


@dataclass
class _Bucket:
    tokens: float
    at: float
    not_before: float = 0.0


@dataclass
class Throttle:
    """What is left of each budget."""

    limits: Limits = field(default_factory=Limits)
    _buckets: dict[tuple[str, str, str], _Bucket] = field(default_factory=dict)
    _windows: dict[tuple[str, str, str], deque[float]] = field(default_factory=dict)

    def spend(self, subscription: str, principal: str, method: str, now: float) -> dict[str, str]:
        """One call is paid for; answers the headers that say what is left. Raises ArmError 429.

        A caller who comes back before Retry-After is over is refused and waits anew, as Azure does it.
        """
        kind = kind_of(method)
        budget = self.limits.of(kind)
        bucket = self._buckets.setdefault((subscription, principal, kind), _Bucket(budget.size, now))
        bucket.tokens = min(float(budget.size), bucket.tokens + (now - bucket.at) * budget.refill)
        bucket.at = now
        if now < bucket.not_before or bucket.tokens < 1:
            wait = max(1, math.ceil((1 - bucket.tokens) / budget.refill))
            bucket.not_before = now + wait
            raise throttled(
                "SubscriptionRequestsThrottled",
                f"Number of {kind} for subscription '{subscription}' and principal '{principal}' exceeded "
                f"the limit. Please try again after '{wait}' seconds.",
                wait,
            )
        bucket.tokens -= 1
        return {f"x-ms-ratelimit-remaining-subscription-{kind}": str(int(bucket.tokens))}

    def spend_network(self, subscription: str, location: str, method: str, now: float) -> None:
        """One call of the network provider in this region is paid for. Raises ArmError 429."""
        kind = "reads" if kind_of(method) == "reads" else "writes"
        limit = self.limits.network_reads if kind == "reads" else self.limits.network_writes
        window = self._windows.setdefault((subscription, location.lower(), kind), deque())
        while window and window[0] <= now - WINDOW_SECONDS:
            window.popleft()
        if len(window) >= limit:
            raise _network_refusal(kind, math.ceil(window[0] + WINDOW_SECONDS - now))
        window.append(now)


def kind_of(method: str) -> str:
    """Which budget an HTTP method draws on: reads, writes or deletes."""
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")


def _network_refusal(kind: str, wait: int) -> ArmError:
    return throttled(
        "TooManyRequests",
        f"The request is being throttled: too many {kind} of Microsoft.Network in five minutes.",
        max(1, wait),
    )
