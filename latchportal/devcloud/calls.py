"""The log of calls to ARM, newest last, for tests and for the watch page. In memory only."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 10_000


@dataclass
class Call:
    """One call. `status` is None until answered, 0 when the connection was dropped; `at` is ISO, UTC."""

    number: int
    at: str
    method: str
    path: str
    correlation_id: str
    principal: str = ""
    status: int | None = None
    code: str = ""
    fault: str = ""


class Calls:
    """The newest KEPT calls; numbers only ever grow until `clear()`."""

    def __init__(self) -> None:
        self._kept: deque[Call] = deque(maxlen=KEPT)
        self._last = 0

    def begin(self, at: str, method: str, path: str, correlation_id: str) -> Call:
        """A call came in; its end is written into what is returned."""
        self._last += 1
        call = Call(self._last, at, method, path, correlation_id)
        self._kept.append(call)
        return call

    def since(self, number: int) -> list[dict[str, Any]]:
        """Calls with a greater number, oldest first."""
        return [asdict(call) for call in self._kept if call.number > number]

    def latest(self, count: int) -> list[Call]:
        """The newest calls, newest first."""
        return list(reversed(self._kept))[:count]

    def clear(self) -> None:
        self._kept.clear()
        self._last = 0
