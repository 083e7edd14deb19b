"""What every destination of the trail is to the shipping: encode one event, send many, and two ways to fail.

Which destinations there are is settings' business, how each sends stands in its own file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from audit_app.models import Event


class Refused(Exception):
    """The destination has read what it was sent and will not take it, now or later: one of these events is at fault."""


class Unavailable(Exception):
    """Nothing is known to have been taken, and sending again may help; not before `retry_after` seconds, if it said so.

    A destination that was set up wrong is of this kind too: no event is at fault, so none is set aside.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Limits:
    """How much may be sent at once: whole events, and bytes as encoded."""

    events: int
    size: int


class Destination(Protocol):
    """A place the trail is shipped to."""

    @property
    def name(self) -> str:
        """Its cursor's key."""
        ...

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    @property
    def limits(self) -> Limits:
        """How much it takes at once."""
        ...

    def encode(self, event: Event) -> bytes:
        """Return the event as this destination takes it; always within `limits.size`."""
        ...

    def send(self, encoded: Sequence[bytes]) -> None:
        """All of these were taken. Raises Refused or Unavailable; then some may have been taken all the same."""
        ...
