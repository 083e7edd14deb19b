"""Where the work at hand came from: address and correlation id, carried beside the call. No models here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4


@dataclass(frozen=True)
class Origin:
    """The client's address, where one is known, and the id that ties trail, log and Azure together."""

    correlation_id: str
    source_address: str | None = None


_current: ContextVar[Origin | None] = ContextVar("latch_origin", default=None)


def current() -> Origin:
    """Return the origin of the work at hand; outside any, a fresh one with a new correlation id."""
    return _current.get() or Origin(correlation_id=str(uuid4()))


@contextmanager
def origin(correlation_id: str | None = None, source_address: str | None = None) -> Iterator[Origin]:
    """Everything recorded inside carries this address and this correlation id (a new one when none is given)."""
    here = Origin(correlation_id=correlation_id or str(uuid4()), source_address=source_address)
    token = _current.set(here)
    try:
        yield here
    finally:
        _current.reset(token)
