"""Durations as files write them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.policy.durations import in_words, parse_duration, write_duration

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30m", 30),
        ("4h", 240),
        ("1h30m", 90),
        ("90m", 90),
        ("1d", 1440),
        ("3d", 4320),
        ("60s", 1),
        ("PT30M", 30),
        ("PT1H30M", 90),
        ("P1D", 1440),
        ("P1DT1H", 1500),
        ("pt4h", 240),
        (" 4H ", 240),
    ],
)
def test_usual_spellings_are_read(text: str, minutes: int) -> None:
    assert parse_duration(text) == minutes * MINUTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "h",
        "1.5h",
        "-1h",
        "30m1h",
        "4 hours",
        "P",
        "PT",
        "P1DT",
        "1h30",
        "0m",
        "0h0m",
        "PT0S",
        "٣h",
        "1w",
        "9999999h",
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="“"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=60 * 60 * 24 * 365))
def test_what_is_written_reads_the_same(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(write_duration(duration)) == duration


@given(st.text(max_size=12))
def test_reading_either_gives_more_than_nothing_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_duration(text) > timedelta(0)


def test_words_are_short() -> None:
    assert in_words(timedelta(hours=1, minutes=30)) == "1 h 30 min"
    assert in_words(timedelta(0)) == "0 min"
