"""One batch to one destination: all of it, or all but those events that are at fault themselves. No rows here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from audit_app.models import Event
from audit_app.shipping.destination import Destination, Refused, Unavailable

# So many refused one by one and none taken: it is not the events that are at fault, but how the destination is set up.
_ALL_REFUSED: Final = 20
# Many at fault in one batch cost many calls; what is left then is the next batch's.
HALVING_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Packed:
    """An event as its destination takes it; with a `fault` it can not be sent at all."""

    event: Event
    encoded: bytes
    fault: str = ""


@dataclass
class Delivery:
    """How far a batch came: `done` events from its beginning are settled, those in `refused` among them."""

    done: int = 0
    refused: list[tuple[Event, str]] = field(default_factory=list)
    error: Unavailable | None = None


def deliver(destination: Destination, batch: Sequence[Packed]) -> Delivery:
    """Return how far the batch came. Never raises for what the destination said.

    A batch that is refused is halved until the event at fault stands alone. An event is set aside only when another of
    its batch was taken: a destination that takes nothing at all was set up wrong, and must lose nobody's trail.
    """
    halving = _Halving(destination)
    try:
        halving.run(batch)
    except Unavailable as error:
        halving.error = error
    return halving.told()


class _Halving:
    """The state of one batch: what was taken, what was refused alone, in the trail's order."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.taken = 0
        self.refused: list[tuple[Event, str]] = []
        self.error: Unavailable | None = None
        self.end = time.monotonic() + HALVING_SECONDS

    def run(self, part: Sequence[Packed]) -> None:
        # From left to right, so that what is settled is always the batch's beginning, wherever it ends.
        if self.taken and time.monotonic() > self.end:
            return
        try:
            self._send(part)
        except Refused as refusal:
            if len(part) > 1:
                middle = len(part) // 2
                self.run(part[:middle])
                self.run(part[middle:])
                return
            self.refused.append((part[0].event, str(refusal)))
            if not self.taken and len(self.refused) >= _ALL_REFUSED:
                raise Unavailable(f"it refuses every event: {refusal}") from refusal
        else:
            self.taken += len(part)

    def _send(self, part: Sequence[Packed]) -> None:
        fault = next((packed.fault for packed in part if packed.fault), "")
        if fault:
            raise Refused(fault)
        self.destination.send([packed.encoded for packed in part])

    def told(self) -> Delivery:
        if self.taken:
            return Delivery(self.taken + len(self.refused), self.refused, self.error)
        if self.error is None and self.refused:
            self.error = Unavailable(f"it refuses every event: {self.refused[-1][1]}")
        return Delivery(0, [], self.error)
