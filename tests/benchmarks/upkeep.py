"""What the promise costs while nothing happens, and for one grant: an idle tick, a comparison of 500 groups, ARM calls."""

import time
from collections import Counter
from datetime import timedelta
from statistics import median
from typing import Any

from tests.benchmarks import many, memory, story
from tests.benchmarks.options import Result, percentile
from tests.benchmarks.setting import Setting

GROUPS = 500
TICKS = 200
GRANTS = 5


def run(setting: Setting) -> Result:
    """Return the figures of upkeep."""
    result = Result()
    _calls(setting, result)
    _tick(result)
    _comparison(setting, result)
    for name in ("converge", "tick", "slow", "seal", "mail"):
        process = setting.stack.parts[name].process
        assert process is not None
        held = memory.held(process.pid)
        result.row(f"memory of the worker {name}", f"{held['rss']:.0f} MB", f"RSS; PSS {held['pss']:.0f} MB")
        result.data[f"memory_{name}"] = held
    return result


def _tick(result: Result) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from requests_app import tasks

    with CaptureQueriesContext(connection) as captured:
        tasks.tick()
    queries = [query for query in captured.captured_queries if "requests_app_container" in query["sql"]]
    took = []
    for _ in range(TICKS):
        started = time.perf_counter()
        tasks.tick()
        took.append((time.perf_counter() - started) * 1000)
    result.row(
        "an idle tick",
        f"p50 {percentile(took, 50):.1f} ms, p99 {percentile(took, 99):.1f} ms",
        f"{len(queries)} query of the schedule, {len(captured.captured_queries)} in all",
    )
    result.data["tick_ms"] = took


def _comparison(setting: Setting, result: Result) -> None:
    """Every group is compared in turn by one worker, as the slow worker does."""
    from requests_app.converge import converge
    from requests_app.models import Container

    entitlements = many.groups(setting, GROUPS, f"compare{int(time.time())}")
    containers = [
        Container.objects.get_or_create(azure_id=one.nsgs[0].lower(), defaults={"region": "westeurope"})[0].pk
        for one in entitlements
    ]
    started = time.perf_counter()
    took = []
    for container in containers:
        before = time.perf_counter()
        converge(container, compare=True)
        took.append((time.perf_counter() - before) * 1000)
    whole = time.perf_counter() - started
    result.row(
        f"a full comparison of {GROUPS} groups, one worker",
        f"{whole:.1f} s",
        f"{median(took):.0f} ms each, one GET; each minute: {whole / 60:.2f} of a worker",
    )
    result.data["comparison_ms"] = took


def _calls(setting: Setting, result: Result) -> None:
    """One grant after the other on one group, from asking until it is closed."""
    from requests_app.models import Container, Grant

    counts = []
    for _ in range(GRANTS):
        since = _last_call(setting)
        lasting = timedelta(seconds=8)
        wish = story.asked(setting, "leila", "stg-web-01-ssh", lasting)
        story.approved(setting, wish)
        grant = story.activated(setting, wish)
        container = Container.objects.get(openings__grant=grant)
        _await(lambda pk=grant.pk: Grant.objects.get(pk=pk).state == "closed", 60)  # type: ignore[misc]
        counts.append(_counted(setting, since, container.name))
    middle = {kind: median(one[kind] for one in counts) for kind in ("write", "read", "poll")}
    result.row(
        "ARM calls of one grant, from asking until closed",
        f"{middle['write']:.0f} writes, {middle['read']:.0f} reads, {middle['poll']:.0f} polls",
        "aim: 2 writes, 3 reads beside polls; comparisons each minute and two hot readings come on top",
    )
    result.data["calls"] = [dict(one) for one in counts]


def _counted(setting: Setting, since: int, nsg: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for call in _log(setting, since):
        if nsg in call["path"] or "/operations/" in call["path"]:
            kind = "write" if call["method"] in ("PUT", "DELETE") else "read"
            found["poll" if "/operations/" in call["path"] else kind] += 1
    return found


def _last_call(setting: Setting) -> int:
    calls = _log(setting, 0)
    return int(calls[-1]["number"]) if calls else 0


def _log(setting: Setting, since: int) -> list[dict[str, Any]]:
    import requests

    answer = requests.get(f"{setting.stack.azure_url}/_control/calls", params={"since": since}, timeout=30)
    return list(answer.json()["calls"])


def _await(done: Any, seconds: float) -> None:
    end = time.time() + seconds
    while not done():
        if time.time() > end:
            raise TimeoutError("it took too long")
        time.sleep(0.2)
