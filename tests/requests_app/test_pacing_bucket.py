"""The arithmetic of a budget: never more than promised, whoever asks when; the sums in Redis are the same."""

import time
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from requests_app.pacing import shared
from requests_app.pacing.bucket import ALONE, AZURE, LONGEST_PAUSE, SECOND, Bucket, Budget
from tests.requests_app.conftest import Broker

TINY = Budget(4, SECOND // 50, 12, SECOND // 2, kept_burst=1, kept_window=3)
STEPS = st.lists(st.tuples(st.integers(0, SECOND // 10), st.booleans()), max_size=300)


def most_in_any(span: int, moments: list[int]) -> int:
    """Return the greatest number of these (sorted) moments that lie within less than `span` of each other."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - span:
            first += 1
        most = max(most, last - first + 1)
    return most


def over_the_rate(budget: Budget, moments: list[int]) -> list[str]:
    """Return where more than the burst and its refilling went through between two of these moments."""
    found = []
    for number, first in enumerate(moments):
        for upto, last in enumerate(moments[number:], start=1):
            if upto > budget.burst + (last - first) / budget.interval:
                found.append(f"{upto} in {(last - first) / SECOND:.3f} s")
    return found


def taken(bucket: Bucket, steps: Iterable[tuple[int, bool]]) -> list[tuple[int, bool]]:
    now, found = 0, []
    for step, closing in steps:
        now += step
        if bucket.take(now, closing=closing) == 0:
            found.append((now, closing))
    return found


@given(STEPS)
def test_no_more_than_the_burst_its_refilling_and_the_window_ever_go_through(
    steps: list[tuple[int, bool]],
) -> None:
    moments = [moment for moment, _ in taken(Bucket(TINY), steps)]
    assert over_the_rate(TINY, moments) == []
    assert most_in_any(TINY.span, moments) <= TINY.window


@given(STEPS)
def test_openings_leave_the_last_of_both_to_closings(steps: list[tuple[int, bool]]) -> None:
    bucket = Bucket(TINY)
    now = 0
    for step, closing in steps:
        now += step
        if bucket.take(now, closing=closing) == 0 and not closing:
            assert (bucket.full_at - now) <= (TINY.burst - TINY.kept_burst) * TINY.interval
            assert len(bucket.sent) <= TINY.window - TINY.kept_window


@given(STEPS, st.booleans())
def test_who_asks_again_after_the_wait_is_let_through(steps: list[tuple[int, bool]], closing: bool) -> None:
    bucket = Bucket(TINY)
    taken(bucket, steps)
    now = sum(step for step, _ in steps)
    wait = bucket.take(now, closing=closing)
    assert wait == 0 or bucket.take(now + wait, closing=closing) == 0
    assert wait <= TINY.span


def test_thousand_closings_take_the_burst_and_then_ten_a_second() -> None:
    bucket, now = Bucket(AZURE), 0
    for _ in range(1_000):
        while wait := bucket.take(now, closing=True):
            now += wait
    assert now / SECOND == (1_000 - 195) / 10
    assert bucket.take(now + 60 * SECOND, closing=True) == (302 - 60) * SECOND - now


def test_openings_stop_where_the_reserve_begins_and_closings_go_on() -> None:
    bucket = Bucket(AZURE)
    openings = sum(bucket.take(0, closing=False) == 0 for _ in range(300))
    closings = sum(bucket.take(0, closing=True) == 0 for _ in range(300))
    assert (openings, closings) == (146, 49)


def test_pause_holds_up_closings_too_but_never_for_more_than_five_minutes() -> None:
    bucket = Bucket(AZURE)
    bucket.pause(0, 20 * SECOND)
    bucket.pause(0, 5 * SECOND)
    assert bucket.take(SECOND, closing=True) == 19 * SECOND, "a shorter pause must not end a longer one"
    bucket.pause(0, 10 * LONGEST_PAUSE)
    assert bucket.take(0, closing=True) == 300 * SECOND


def test_process_alone_is_slower_than_all_together() -> None:
    bucket = Bucket(ALONE)
    assert sum(bucket.take(0, closing=True) == 0 for _ in range(50)) == 20
    assert bucket.take(0, closing=True) == SECOND // 2


def test_redis_gives_the_same_answers_as_the_arithmetic(broker: Broker) -> None:
    bucket = Bucket(TINY)
    asked = 0
    end = time.monotonic() + 2
    while time.monotonic() < end:
        asked += 1
        closing = asked % 3 != 0
        wait, now = shared.take(broker.url, "same", TINY, closing=closing)
        assert bucket.take(now, closing=closing) == wait, f"call {asked} at {now}"
        if asked % 50 == 0:
            shared.pause(broker.url, "same", TINY, 30_000)
            _behind, sent, paused = shared.look(broker.url, "same", TINY)
            bucket.paused_until = now + 30_000
            assert 0 < paused <= 30_000
            assert sent <= len(bucket.sent)
            time.sleep(paused / SECOND + 0.001)  # the two paused at instants a little apart
        time.sleep((asked % 7) / 1000)
    assert asked > 100
