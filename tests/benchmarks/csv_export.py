"""Events as CSV through the page an auditor uses, against PostgreSQL's own COPY of the same rows."""

import http.client
import time
from statistics import median
from typing import Any

from tests.benchmarks import memory
from tests.benchmarks.filled import fill
from tests.benchmarks.load import Line
from tests.benchmarks.options import Result, ranged
from tests.benchmarks.setting import Setting, answers

CHUNK = 256 * 1024


def run(setting: Setting) -> Result:
    """Return seconds, ratio and peak memory; fewer events where the database holds fewer."""
    fill(setting, setting.options.events)
    since, events = _since(setting)
    rounds: list[dict[str, Any]] = []
    with setting.gunicorn(workers=1) as part:
        port = int(part.name)
        part.wait_until(lambda: answers(port), what="an answer")
        assert part.process is not None
        (worker,) = memory.children(part.process.pid)
        line = setting.line("aud", port)
        line.get("/audit/events/")
        for _ in range(setting.options.rounds):
            rounds.append(_round(setting, line, worker, since))
    result = Result(data={"events": events, "rounds": rounds})
    ours, copy = [one["ours"] for one in rounds], [one["copy"] for one in rounds]
    sizes = f"{rounds[0]['lines']:,} lines, {rounds[0]['bytes'] / 1e6:.0f} MB"
    result.row(f"{events:,} events as CSV", f"{ranged(ours, 2)} s", sizes)
    result.row(
        "COPY of the same rows, unguarded", f"{ranged(copy, 2)} s", f"{rounds[0]['copy_bytes'] / 1e6:.0f} MB"
    )
    ratio = median(ours) / median(copy)
    result.row("ratio", f"{ratio:.2f} ×", "aim: 1.5 ×, formula guard included")
    peaks, before = max(one["peak"] for one in rounds), rounds[0]["before"]
    result.row(
        "the worker's peak while it streams", f"{peaks:.1f} MB", f"{peaks - before:+.1f} MB over before"
    )
    result.data["ratio"] = round(ratio, 2)
    return result


def _round(setting: Setting, line: Line, worker: int, since: str) -> dict[str, Any]:
    before = memory.held(worker)["rss"]
    memory.forget_peak(worker)
    started = time.perf_counter()
    made = line.post("/audit/exports/new", {"dataset": "events", "since": since})
    size, lines = _download(line, made.location)
    ours = time.perf_counter() - started
    seconds, copied = _copy(setting, since)
    return {
        "ours": round(ours, 3),
        "copy": round(seconds, 3),
        "bytes": size,
        "lines": lines,
        "copy_bytes": copied,
        "before": before,
        "peak": memory.peak(worker),
    }


def _download(line: Line, path: str) -> tuple[int, int]:
    """Return bytes and lines of the file, read in pieces and not kept."""
    connection = http.client.HTTPConnection("127.0.0.1", line.port, timeout=300)
    connection.request("GET", path, headers=line.headers(posting=False))
    response = connection.getresponse()
    if response.status != 200:
        raise ValueError(f"{path} was answered {response.status}")
    size = lines = 0
    while piece := response.read(CHUNK):
        size += len(piece)
        lines += piece.count(b"\r\n")
    connection.close()
    return size, lines


def _copy(setting: Setting, since: str) -> tuple[float, int]:
    query = (
        "COPY (SELECT * FROM audit_app_event WHERE at >= %s ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)"
    )
    with setting.connect() as connection:
        started = time.perf_counter()
        with connection.cursor().copy(query, (since,)) as copy:
            size = sum(len(piece) for piece in copy)
        return time.perf_counter() - started, size


def _since(setting: Setting) -> tuple[str, int]:
    """Return the instant from which on there are so many events, and how many there are."""
    with setting.connect() as connection:
        query = "SELECT at FROM audit_app_event ORDER BY at DESC OFFSET %s LIMIT 1"
        row = connection.execute(query, (setting.options.events - 1,)).fetchone()
        if row is None:
            row = connection.execute("SELECT min(at) FROM audit_app_event").fetchone()
        at: Any = row[0] if row else None
        found = connection.execute("SELECT count(*) FROM audit_app_event WHERE at >= %s", (at,)).fetchone()
    return at.isoformat(), int(str(found[0])) if found else 0
