"""Once: what several attempts of the same moment have in common is looked up a single time. Knows nothing of policy."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

Found = TypeVar("Found")


class Once:
    """Answers that were found already, by a key that says all they hang on. For one page or action, never kept longer."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}

    def __call__(self, key: Hashable, look: Callable[[], Found]) -> Found:
        """Return what was found under this key, by `look` where nobody looked before."""
        if key not in self._found:
            self._found[key] = look()
        return cast(Found, self._found[key])
