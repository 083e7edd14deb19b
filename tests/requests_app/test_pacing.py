"""Pacing with a real Redis: one budget for all, closings first, and what happens when Redis hangs, dies or forgets."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from requests_app import pacing
from requests_app.pacing import shared
from requests_app.pacing.bucket import ALONE, AZURE, SECOND
from tests.requests_app.conftest import Broker
from tests.requests_app.test_pacing_bucket import TINY, most_in_any, over_the_rate

SUB, REGION = "6F0B0F5E-0000-4000-8000-00000000000A", "westeurope"
HAMMER = """
import sys, time
from requests_app.pacing import shared
from tests.requests_app.test_pacing_bucket import TINY
end = time.time() + float(sys.argv[2])
while time.time() < end:
    wait, now = shared.take(sys.argv[1], "hammered", TINY, closing=True)
    if wait == 0:
        print(now)
"""


def spend(times: int, *, closing: bool = True, region: str = REGION) -> int:
    """Return how many of so many writes, asked for at once, were let through."""
    return sum(pacing.admit(SUB, region, closing=closing) == 0.0 for _ in range(times))


def test_burst_is_shared_and_openings_leave_closings_their_part(broker: Broker) -> None:
    began = time.monotonic()
    openings, closings = spend(300, closing=False), spend(300)
    refilled = (time.monotonic() - began) * SECOND / AZURE.interval
    assert AZURE.burst - AZURE.kept_burst <= openings <= AZURE.burst - AZURE.kept_burst + refilled + 1
    assert AZURE.burst <= openings + closings <= AZURE.burst + refilled + 1
    assert 0 < pacing.admit(SUB, REGION, closing=True) <= 0.1
    assert pacing.admit(SUB, REGION, closing=False) > 4


def test_every_subscription_and_region_has_a_budget_of_its_own(broker: Broker) -> None:
    spend(300)
    assert pacing.admit(SUB.lower(), "West Europe", closing=True) > 0, "the same budget, written otherwise"
    assert pacing.admit(SUB, "northeurope", closing=True) == 0
    assert pacing.admit("other", REGION, closing=True) == 0
    assert pacing.admit(SUB, "", closing=True) == 0


def test_window_lets_no_more_than_a_thousand_through(broker: Broker) -> None:
    fast = type(AZURE)(10_000, 1, 1_000, AZURE.span, 0, 250)
    answers = [shared.take(broker.url, "window", fast, closing=number >= 800) for number in range(1_100)]
    openings = [wait for wait, _ in answers[:800]]
    closings = [wait for wait, _ in answers[800:]]
    assert openings.count(0) == 750
    assert closings.count(0) == 250
    assert AZURE.span - 60 * SECOND < closings[-1] <= AZURE.span, "and says when the oldest falls out"


def test_processes_and_threads_together_never_take_more_than_the_budget(broker: Broker) -> None:
    words = [sys.executable, "-c", HAMMER, broker.url, "2"]
    others = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    def hammer(_: int) -> list[int]:
        found, end = [], time.monotonic() + 2.5
        while time.monotonic() < end:
            wait, now = shared.take(broker.url, "hammered", TINY, closing=True)
            found += [now] if wait == 0 else []
        return found

    with ThreadPoolExecutor(4) as pool:
        mine = [moment for found in pool.map(hammer, range(4)) for moment in found]
    theirs = [int(line) for other in others for line in other.communicate(timeout=30)[0].split()]
    assert [other.returncode for other in others] == [0, 0]
    moments = sorted(mine + theirs)
    assert over_the_rate(TINY, moments) == []
    assert most_in_any(TINY.span, moments) <= TINY.window
    lasted = moments[-1] - moments[0]
    assert len(moments) >= TINY.window * (lasted // TINY.span), "and the budget was used up"
    assert mine


def test_pause_that_azure_asked_for_holds_for_closings_and_for_other_processes(broker: Broker) -> None:
    pacing.pause(SUB, REGION, 7)
    assert 6 < pacing.admit(SUB, REGION, closing=True) <= 7
    pacing.forget()  # as another process, that heard nothing itself
    assert 6 < pacing.admit(SUB, REGION, closing=True) <= 7
    assert pacing.admit(SUB, "northeurope", closing=True) == 0


def test_pause_is_five_minutes_at_most_and_nonsense_is_none(broker: Broker) -> None:
    pacing.pause(SUB, "", 0)
    pacing.pause(SUB, "", -5)
    assert pacing.admit(SUB, "", closing=True) == 0
    pacing.pause(SUB, REGION, float("inf"))
    assert 299 < pacing.admit(SUB, REGION, closing=True) <= 300


def test_left_says_what_is_left_and_takes_nothing(broker: Broker) -> None:
    assert pacing.left(SUB, REGION) == pacing.Left(195.0, 1_000, 0.0)
    spend(10)
    pacing.pause(SUB, REGION, 3)
    first, second = pacing.left(SUB, REGION), pacing.left(SUB, REGION)
    assert first is not None
    assert second is not None
    assert 185 <= first.burst <= second.burst < 190
    assert first.window == second.window == 990
    assert 2 < second.paused_seconds <= 3


def test_keys_do_not_stay_for_ever(broker: Broker) -> None:
    spend(1)
    client = redis.Redis.from_url(broker.url)
    keys = client.keys("latch:pace:*")
    assert len(keys) == 2
    assert all(0 < client.ttl(key) <= 900 for key in keys)
    client.close()


def test_redis_that_is_away_costs_pace_and_is_said_once(broker: Broker) -> None:
    spend(1)
    broker.part.kill()
    with capture_logs() as logs:
        began = time.monotonic()
        assert spend(100) in (ALONE.burst, ALONE.burst + 1)
        assert time.monotonic() - began < 2
        assert 0 < pacing.admit(SUB, REGION, closing=True) <= 0.5, "two a second, for closings"
        assert pacing.left(SUB, REGION) is None
    assert [line["event"] for line in logs] == ["pacing.redis_away"]


def test_redis_is_asked_again_when_it_is_back(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests_app.pacing.gate._QUIET_SECONDS", 0.0)
    broker.part.kill()
    spend(100)
    broker.start()
    assert spend(100) == 100, "Redis came back with a full budget"
    assert pacing.left(SUB, REGION) is not None


def test_pause_heard_while_redis_was_away_counts_when_it_is_back(broker: Broker) -> None:
    broker.part.kill()
    pacing.pause(SUB, REGION, 30)
    broker.start()
    assert 29 < pacing.admit(SUB, REGION, closing=True) <= 30


def test_flushed_redis_has_a_full_budget_and_pauses_are_remembered_here(broker: Broker) -> None:
    spend(250)
    pacing.pause(SUB, "northeurope", 30)
    broker.flush()
    assert spend(100) == 100
    assert pacing.admit(SUB, "northeurope", closing=True) > 29


def test_redis_that_hangs_costs_one_timeout(broker: Broker) -> None:
    spend(1)
    broker.part.signal_group(SIGSTOP)
    try:
        began = time.monotonic()
        assert spend(15) == 15, "the process's own budget lets closings through"
        assert time.monotonic() - began < 2 * shared.TIMEOUT_SECONDS
    finally:
        broker.part.signal_group(SIGCONT)
    broker.start()


def test_clock_of_redis_that_is_set_back_holds_nothing_up(broker: Broker) -> None:
    spend(300)
    client = redis.Redis.from_url(broker.url)
    name = f"latch:pace:{{{SUB.lower()}|{REGION}}}"
    hour = 3_600 * SECOND
    # As if the clock had been an hour ahead until now.
    for field in (b"at", b"full"):
        client.hset(name, field, int(client.hget(name, field) or 0) + hour)
    sent = [int(moment) + hour for moment in client.lrange(f"{name}:sent", 0, -1)]
    client.delete(f"{name}:sent")
    client.rpush(f"{name}:sent", *sent)
    client.close()
    assert 0 < pacing.admit(SUB, REGION, closing=True) <= 0.1
    time.sleep(0.15)
    assert pacing.admit(SUB, REGION, closing=True) == 0, "the bucket went on refilling"


def test_url_that_only_celery_understands_is_a_redis_that_is_away(settings: Any) -> None:
    settings.REDIS_URL = "sentinel://127.0.0.1:1/0"
    pacing.forget()
    with capture_logs() as logs:
        assert spend(1) == 1
    assert [line["event"] for line in logs] == ["pacing.redis_away"]
    pacing.forget()
