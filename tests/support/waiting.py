"""Waiting for something that other threads or processes bring about. No tests, and no fixed pauses."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], what: str = "it", seconds: float = 20) -> T:
    """Return what `look` found, once that is true. Fails, in words, after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.05)
    return found
