"""The mark: names and descriptions by which our rules are known, and only ours."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.targets.mark import belongs_to, describe, read_end, rule_name
from tests.targets.examples import END, GRANT_UID

AZURE_NAME = re.compile(r"[A-Za-z0-9]([\w.-]{0,78}\w)?")


def test_name_says_instance_grant_and_number() -> None:
    assert rule_name("prod-eu", GRANT_UID, 3) == "latch-prod-eu-6f0b0f5e3f5f-3"


@given(
    st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True), st.uuids(), st.integers(0, 9999)
)
def test_every_name_is_one_azure_takes_and_is_known_again(instance: str, uid: object, n: int) -> None:
    name = rule_name(instance, str(uid), n)
    assert AZURE_NAME.fullmatch(name)
    assert belongs_to(instance, name)
    assert belongs_to(instance, name.upper())


@pytest.mark.parametrize("instance", ["", "Prod", "a_b", "-a", "a-", "a" * 33, "a b", "prod\n"])
def test_an_instance_that_cannot_stand_in_a_name_is_refused(instance: str) -> None:
    with pytest.raises(ValueError, match="instance"):
        rule_name(instance, GRANT_UID, 0)


@pytest.mark.parametrize(
    "name",
    [
        "latch-prod-eu-6f0b0f5e3f5f-0",  # another instance whose name starts with ours
        "latch-prod-6f0b0f5e3f5f",
        "latch-prod-6f0b0f5e3f5-0",
        "latch-prod-6f0b0f5e3f5f-0-x",
        "latch-prod-6f0b0f5e3f5f-0\n",
        "xlatch-prod-6f0b0f5e3f5f-0",
        "latch-prod-",
        "allow-https",
    ],
)
def test_a_foreign_name_is_foreign(name: str) -> None:
    assert not belongs_to("prod", name)


def test_the_end_is_read_back_as_written() -> None:
    text = describe("G-12", 9, END)
    assert text == "latch end=2026-11-22T23:05:00Z grant=G-12 req=9"
    assert read_end(text) == END


def test_the_end_is_in_utc_and_never_earlier_than_asked() -> None:
    local = datetime(2026, 11, 22, 23, 5, 0, 1, tzinfo=timezone(timedelta(hours=1)))
    assert read_end(describe("g", "r", local)) == datetime(2026, 11, 22, 22, 5, 1, tzinfo=UTC)


def test_an_end_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        describe("g", "r", datetime(2026, 1, 1))  # noqa: DTZ001


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_label_can_hide_or_forge_the_end(label: str, number: str) -> None:
    text = describe(f"end=2030-01-01T00:00:00Z {label}", number, END)
    assert len(text) <= 140
    assert text.isascii()
    assert read_end(text) == END


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "allow https",
        "latch end=2026-13-01T00:00:00Z grant=x",
        "latch end=tomorrow",
        "note: latch end=2026-11-22T23:05:00Z",
        "latch end=2026-11-22T23:05:00Zebra",
    ],
)
def test_what_is_no_end_reads_as_none(text: str | None) -> None:
    assert read_end(text) is None
