"""Every convergence test ends with the invariants: nothing forgotten, nothing foreign touched, no impossible story."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import invariants


class Watch:
    """The foreign rules as they must be at the end."""

    def __init__(self, azure: Any) -> None:
        self.azure = azure
        self.accept()

    def accept(self) -> None:
        """The foreign rules as they are now are how they must stay: a test changed some by hand."""
        self.foreign = invariants.foreign_rules(self.azure)

    def hold(self) -> None:
        """Every invariant holds now."""
        invariants.hold(self.azure, self.foreign)


@pytest.fixture(autouse=True)
def watch(people: Any, policy: Any, azure: Any) -> Iterator[Watch]:
    """The invariants hold when the test is over."""
    watching = Watch(azure)
    yield watching
    watching.hold()
