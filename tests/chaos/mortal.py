"""A target whose process can die at any call: right before it, or right after Azure did it. No assertions here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from requests_app import gateways
from requests_app.targets.base import Target


class Killed(BaseException):
    """The process is gone at this very point: nothing of ours catches it, and nothing after it happens."""


@dataclass
class Mortal:
    """A real target, until its next calls are counted down; then the process dies, before the call or after it."""

    inner: Target
    calls_left: int = -1
    after: bool = False
    unsent: tuple[str, Any] | None = None

    def _call(self, act: Callable[..., Any], *words: Any, **more: Any) -> Any:
        dies = self.calls_left == 0
        self.calls_left -= 1
        if dies and not self.after:
            raise Killed
        answer = act(*words, **more)
        if dies:
            raise Killed
        return answer

    def read(self, container_id: str, *, correlation_id: str) -> Any:
        """As the real one, while it lives."""
        return self._call(self.inner.read, container_id, correlation_id=correlation_id)

    def write(self, container_id: str, spec: Any, *, correlation_id: str) -> Any:
        """As the real one, while it lives; what was about to be sent may still land."""
        if self.calls_left == 0 and not self.after:
            self.unsent = (container_id, spec)
        return self._call(self.inner.write, container_id, spec, correlation_id=correlation_id)

    def remove(self, container_id: str, name: str, *, correlation_id: str) -> Any:
        """As the real one, while it lives."""
        return self._call(self.inner.remove, container_id, name, correlation_id=correlation_id)


@contextmanager
def mortal() -> Iterator[Mortal]:
    """Inside, every target of the site is this one."""
    gateways.target.cache_clear()
    real = gateways.target
    one = Mortal(real("nsg"))
    gateways.target = lambda kind: one  # type: ignore[assignment]
    try:
        yield one
    finally:
        gateways.target = real
