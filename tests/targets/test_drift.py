"""What a change by hand means: more than was agreed is put right, less is a revocation, the rest is nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.targets.base import RuleSpec, RuleState
from requests_app.targets.drift import judge
from requests_app.targets.mark import describe

END = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NAME = "latch-test-0123456789ab-1"
WANTED = RuleSpec(NAME, 200, "9.9.9.0/28", "10.20.1.4", "Tcp", ("22", "8000-8010"), describe("g", 1, END))
FOUND = RuleState(
    name=NAME,
    priority=200,
    direction="Inbound",
    access="Allow",
    protocol="TCP",
    sources=("9.9.9.0/28",),
    destinations=("10.20.1.4/32",),
    ports=("8000-8010", "22-22"),
    description=WANTED.description,
)


def ends(seconds: int) -> str:
    return describe("g", 1, END + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("change", "drift", "words"),
    [
        ({}, "same", ""),
        ({"name": NAME.upper()}, "same", ""),
        ({"priority": 300}, "same", ""),
        ({"description": WANTED.description + " checked"}, "same", ""),
        ({"sources": ("9.9.9.0/27",)}, "wider", "9.9.9.0/27"),
        ({"sources": ("*",)}, "wider", "lets in *"),
        ({"sources": ("Internet",)}, "wider", "Internet"),
        ({"sources": ("9.9.9.0/28", "8.8.8.8")}, "wider", "8.8.8.8"),
        ({"sources": ("8.8.8.8",)}, "wider", "8.8.8.8"),
        ({"sources": ("2a00::/64",)}, "wider", "2a00::/64"),
        ({"sources": ("9.9.9.1",)}, "narrower", "9.9.9.1"),
        ({"sources": ()}, "narrower", "nobody"),
        ({"destinations": ("10.20.1.0/24",)}, "wider", "10.20.1.0/24"),
        ({"destinations": ("10.20.1.5",)}, "wider", "10.20.1.5"),
        ({"ports": ("22", "8000-8011")}, "wider", "8000-8011"),
        ({"ports": ("*",)}, "wider", "*"),
        ({"ports": ("22",)}, "narrower", "22"),
        ({"ports": ("22", "8000-8005", "8006-8010")}, "same", ""),
        ({"source_ports": ("1024-65535",)}, "narrower", "source ports"),
        ({"protocol": "*"}, "wider", "protocol"),
        ({"protocol": "Udp"}, "wider", "protocol"),
        ({"direction": "Outbound"}, "wider", "direction"),
        ({"access": "Deny"}, "narrower", "Deny"),
        ({"access": "Deny", "sources": ("*",)}, "narrower", "Deny"),
        ({"priority": 150}, "wider", "150"),
        ({"description": ""}, "wider", "does not say"),
        ({"description": "ours"}, "wider", "does not say"),
        ({"description": ends(60)}, "wider", "12:01:00"),
        ({"description": ends(-60)}, "narrower", "11:59:00"),
        ({"description": ends(60), "ports": ("22",)}, "wider", "12:01:00"),
    ],
    ids=str,
)
def test_each_change_by_hand_is_judged_by_what_it_lets_in(change: dict, drift: str, words: str) -> None:
    found = judge(WANTED, replace(FOUND, **change))
    assert found.drift == drift, found
    assert words in " ".join(found.changes), found


def test_the_end_the_portal_itself_wrote_before_is_nobodys_doing() -> None:
    longer = replace(WANTED, description=ends(600))
    assert judge(longer, FOUND).drift == "narrower"
    assert judge(longer, FOUND, written_end=END).drift == "same"


_PREFIXES = st.lists(
    st.sampled_from(["9.9.9.0/28", "9.9.9.1", "9.9.8.0/22", "*", "Internet", "2a00::/32"]), max_size=3
)


@given(
    sources=_PREFIXES,
    ports=st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted), max_size=4),
    priority=st.integers(100, 4096),
)
def test_what_is_judged_the_same_never_lets_in_anything_more(
    sources: list[str], ports: list[list[int]], priority: int
) -> None:
    texts = tuple(f"{low}-{high}" for low, high in ports)
    found = replace(FOUND, sources=tuple(sources), ports=texts, priority=priority)
    if judge(WANTED, found).drift == "wider":
        return
    assert set(sources) <= {"9.9.9.0/28", "9.9.9.1"}, f"{sources} let in more than {WANTED.source}"
    let_in = {port for low, high in ports for port in range(low, high + 1)}
    assert let_in <= {22, *range(8000, 8011)}, "ports nobody agreed to"
    assert priority >= WANTED.priority
