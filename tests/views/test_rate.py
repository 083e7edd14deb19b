"""A budget of calls is counted for each name, and is there anew in the next while."""

import pytest

from requests_app.views import rate
from requests_app.views.rate import Rate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [1000.0]
    monkeypatch.setattr(rate, "monotonic", lambda: time[0])
    return time


def test_each_name_has_a_budget_of_its_own_and_gets_it_back(clock: list[float]) -> None:
    calls = Rate(2, 10)
    for _ in range(2):
        assert not calls.spent("a")
        calls.count("a")
    assert calls.spent("a")
    assert not calls.spent("b")
    clock[0] += 10
    assert not calls.spent("a")


def test_names_that_somebody_makes_up_take_no_more_memory_than_so_much(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "_MOST_NAMES", 100)
    calls = Rate(2, 10)
    for number in range(1000):
        calls.count(str(number))
    assert len(calls._counts) <= 101
