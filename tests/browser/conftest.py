"""A Chromium for the tests of one file, and people's windows in it, watched until they are closed."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from latchportal.demo.stack import Stack
from tests.support.browser import Visitor, closed_all, running_chromium

Visit = Callable[..., Visitor]


# Not for longer than a file: while it runs, this thread has an event loop, and Django's database refuses to work.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def visit(chromium: Browser, stack: Stack) -> Iterator[Visit]:
    """Return a maker of signed-in windows, by the person's key; at the end none of them may have complained."""
    visitors: list[Visitor] = []

    def visitor(key: str, *, scripts: bool = True) -> Visitor:
        one = Visitor(chromium, stack, key, scripts=scripts)
        visitors.append(one)
        one.sign_in()
        return one

    yield visitor
    closed_all(visitors)
