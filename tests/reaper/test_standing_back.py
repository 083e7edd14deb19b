"""The reaper beside a portal that is closing: it neither takes its writes nor trusts it for ever."""

import json
from datetime import timedelta
from typing import Any

import pytest

from latchportal import reaper
from tests.reaper.makers import OURS, PRODUCTION, WEB, actions, put, said


def looking(azure: Any, grace: float = 15) -> reaper.Reaper:
    """Return a reaper that was told to close, to be made to look."""
    return reaper.Reaper(
        reaper.configuration(), "test", (PRODUCTION,), apply=True, grace=timedelta(seconds=grace)
    )


def look(one: reaper.Reaper, capsys: Any) -> list[str]:
    capsys.readouterr()
    one.look()
    one.finish()
    return actions([json.loads(line) for line in capsys.readouterr().out.splitlines()])


def test_it_stands_back_while_the_portal_closes_as_fast_as_azure_lets_anyone(
    azure: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_app.targets.overdue._FULL_SWING", 0.2)
    for number in range(6):
        put(azure, f"{OURS}-{number}", said(-14), priority=300 + number)
    one = looking(azure)
    assert look(one, capsys) == [], "none is 15 s past its end"
    for number in range(4):  # the portal closes four
        azure.control("DELETE", f"rules/{WEB}/{OURS}-{number}")
    put(azure, f"{OURS}-4", said(-40), priority=304)
    put(azure, f"{OURS}-5", said(-130), priority=305)
    assert look(one, capsys) == ["standing_back", "closed"]
    assert f"{OURS}-4" in azure.rules(WEB), "left to the portal"
    assert f"{OURS}-5" not in azure.rules(WEB), "two minutes past its end it is nobody's but the reaper's"
    assert look(one, capsys) == ["closed"], "nobody closed anything since"
    assert f"{OURS}-4" not in azure.rules(WEB)


def test_what_it_closed_itself_does_not_make_it_stand_back(
    azure: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_app.targets.overdue._FULL_SWING", 0.2)
    one = looking(azure)
    for number in range(3):
        put(azure, f"{OURS}-{number}", said(-60), priority=300 + number)
    assert look(one, capsys) == ["closed"] * 3
    put(azure, f"{OURS}-7", said(-60), priority=307)
    assert look(one, capsys) == ["closed"]
