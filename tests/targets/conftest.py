"""Fixtures of the targets' tests: servers on loopback, and an identity for the real credential."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from latchportal.devcloud.identity import HEADER
from requests_app.targets.arm import warm
from tests.support.devcloud import running_devcloud
from tests.targets.pretend import WRITE_SECONDS, Pretend
from tests.targets.scripted import Scripted, scripted_server


@pytest.fixture(scope="session", autouse=True)
def sdk() -> None:
    """The SDK is imported, so that no test's short deadline is spent on that."""
    warm()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """A server that answers as the test tells it, with an identity endpoint."""
    with scripted_server() as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/identity/token")
        monkeypatch.setenv("IDENTITY_HEADER", "test-header")
        yield server


@pytest.fixture(scope="module")
def running() -> Iterator[Pretend]:
    """One pretend Azure for the tests of a file."""
    with running_devcloud(write_seconds=WRITE_SECONDS) as cloud:
        yield Pretend(cloud)


@pytest.fixture
def pretend(running: Pretend, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """The pretend Azure as the world file has it, with the portal's managed identity in the environment."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{running.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    running.reset()
    return running
