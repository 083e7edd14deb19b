"""What the pretend Logs Ingestion endpoint has received, in order, and its budget for one minute. No HTTP."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from latchportal.devcloud.errors import ArmError, throttled

KEPT = 50_000
CALLS_KEPT = 10_000
WINDOW_SECONDS = 60.0


@dataclass
class Received:
    """Records and calls since the start or the last reset. Limits are Azure's for one data collection rule."""

    requests_per_minute: int = 12_000
    bytes_per_minute: int = 2 * 1024**3
    # Records whose Object is this are refused, as if Azure had a reason of its own.
    refuses: str = ""
    total: int = 0
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    _kept: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _paid: deque[tuple[float, int]] = field(default_factory=deque)

    def pay(self, size: int, now: float) -> None:
        """One call of so many bytes is paid for. Raises ArmError 429, saying when there is room again."""
        while self._paid and self._paid[0][0] <= now - WINDOW_SECONDS:
            self._paid.popleft()
        spent = sum(paid for _, paid in self._paid)
        if len(self._paid) >= self.requests_per_minute or spent + size > self.bytes_per_minute:
            oldest = self._paid[0][0] if self._paid else now
            raise too_many(max(1, math.ceil(oldest + WINDOW_SECONDS - now)))
        self._paid.append((now, size))

    def keep(self, stream: str, records: list[dict[str, Any]]) -> None:
        """These records stand at the end of what was received. Raises ArmError 400 when one is to be refused."""
        if self.refuses and any(record.get("Object") == self.refuses for record in records):
            raise ArmError(400, "InvalidPayload", f"A record about '{self.refuses}' is not taken here.")
        for record in records:
            self.total += 1
            self._kept.append({"number": self.total, "stream": stream, "record": record})

    def since(self, number: int) -> list[dict[str, Any]]:
        """Records with a greater number, oldest first."""
        return [one for one in self._kept if one["number"] > number]


def too_many(seconds: int) -> ArmError:
    """The refusal of a caller who sends too much."""
    return throttled(
        "TooManyRequests", "The data collection rule's limit for one minute is reached.", seconds
    )
