"""The reaper's surroundings."""

from typing import Any

import pytest

from tests.reaper.makers import told


@pytest.fixture(autouse=True)
def _surroundings(azure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reaper is told what the site is told."""
    for name, value in told(azure).items():
        monkeypatch.setenv(name, value)
