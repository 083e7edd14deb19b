"""So many calls in so many seconds, for each name, as far as this process knows: against what runs wild."""

from threading import Lock
from time import monotonic

# Names are told by whoever calls; past so many the count begins anew.
_MOST_NAMES = 10_000


class Rate:
    """A budget of calls for each name, renewed every so many seconds."""

    def __init__(self, calls: int, seconds: int) -> None:
        self.calls, self.seconds = calls, seconds
        self._lock = Lock()
        self._window = 0
        self._counts: dict[str, int] = {}

    def spent(self, name: str) -> bool:
        """Return whether this name has nothing left in these seconds. Counts nothing."""
        with self._lock:
            self._renew()
            return self._counts.get(name, 0) >= self.calls

    def count(self, name: str) -> None:
        """One call of this name is counted."""
        with self._lock:
            self._renew()
            self._counts[name] = self._counts.get(name, 0) + 1

    def _renew(self) -> None:
        window = int(monotonic() // self.seconds)
        if window != self._window or len(self._counts) > _MOST_NAMES:
            self._window, self._counts = window, {}
