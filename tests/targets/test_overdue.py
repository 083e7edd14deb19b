"""When the reaper leaves overdue rules to others: a table of looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from requests_app.targets.overdue import Key, Others

START = datetime(2026, 3, 1, tzinfo=UTC)


def keys(first: int, past: int) -> set[Key]:
    return {("nsg", str(number)) for number in range(first, past)}


@pytest.mark.parametrize(
    ("before", "now", "ours", "seconds", "swing"),
    [
        (keys(0, 1000), keys(150, 1000), set(), 15, True),
        (keys(0, 1000), keys(75, 1000), set(), 15, True),
        (keys(0, 1000), keys(74, 1000), set(), 15, False),
        (keys(0, 1000), keys(150, 1000), keys(0, 100), 15, False),
        (keys(0, 1000), keys(150, 1200), set(), 15, True),
        (keys(0, 10), set(), set(), 15, False),
        (set(), keys(0, 1000), set(), 15, False),
        (keys(0, 1000), keys(0, 1000), set(), 15, False),
        (keys(0, 1000), set(), set(), 0, False),
    ],
    ids=[
        "ten a second",
        "five a second",
        "less",
        "ours among them",
        "new ones came due",
        "all of a few",
        "all new",
        "a portal that hangs",
        "no time between",
    ],
)
def test_others_are_in_full_swing_when_azure_lets_nobody_close_faster(
    before: set[Key], now: set[Key], ours: set[Key], seconds: int, swing: bool
) -> None:
    others = Others()
    assert not others.in_full_swing(before, START), "one look knows nothing of others"
    for key in ours:
        others.closed_by_us(key)
    assert others.in_full_swing(now, START + timedelta(seconds=seconds)) is swing


def test_what_stopped_is_noticed_at_the_next_look() -> None:
    others = Others()
    others.in_full_swing(keys(0, 1000), START)
    assert others.in_full_swing(keys(500, 1000), START + timedelta(seconds=15))
    assert not others.in_full_swing(keys(500, 1000), START + timedelta(seconds=30))
