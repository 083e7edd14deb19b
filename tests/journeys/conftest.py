"""One running stack for all journeys of a test run: real processes, over HTTP."""

from collections.abc import Iterator

import pytest

from latchportal.demo.stack import Stack
from tests.support.stacks import running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Database, broker, pretend Azure, site, proxy, workers and beat, all running."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
