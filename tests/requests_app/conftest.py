"""A real Redis for the tests of pacing, one for each process of the test run, empty for each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from latchportal.demo import redis
from latchportal.demo.processes import Part
from latchportal.demo.stack import free_ports
from requests_app import pacing


class Broker:
    """A Redis that can be stopped, hung and flushed."""

    def __init__(self, folder: Any) -> None:
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.part: Part = redis.redis_part(port=self.port, log=folder / "redis.log")

    def start(self) -> None:
        """It answers."""
        if not self.part.alive:
            self.part.start()
        self.part.wait_until(lambda: redis.answers(self.port), what="an answer")

    def flush(self) -> None:
        """It has forgotten everything."""
        redis.flush(self.port)


@pytest.fixture(scope="session")
def _running_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("redis"))
    broker.start()
    yield broker
    broker.part.stop()


@pytest.fixture
def broker(_running_broker: Broker, settings: Any) -> Iterator[Broker]:
    """A Redis that knows nothing yet, and the site pointed at it."""
    _running_broker.start()
    _running_broker.flush()
    settings.REDIS_URL = _running_broker.url
    pacing.forget()
    yield _running_broker
    pacing.forget()
