"""Fixtures of the targets' tests: servers on loopback, and an identity for the real credential."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.targets.scripted import Scripted, scripted_server


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """A server that answers as the test tells it, with an identity endpoint."""
    with scripted_server() as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/identity/token")
        monkeypatch.setenv("IDENTITY_HEADER", "test-header")
        yield server
