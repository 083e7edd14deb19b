"""The trail: events a second with what proves them against plain INSERTs, how soon they are sealed, and both verifiers."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from latchportal.demo.surroundings import ROOT, python
from tests.benchmarks import memory
from tests.benchmarks.filled import fill
from tests.benchmarks.options import Result, ranged
from tests.benchmarks.setting import Setting
from tests.benchmarks.trail_writer import COLUMNS, OURS

WRITERS = (1, 4)
PLAIN = "bench_plain_event"
LONGEST_WAIT = 1800.0
# The worker that takes the queue of the sealer.
SEALER = "seal"


def run(setting: Setting) -> Result:
    """Return what writing, sealing and verifying cost; as many events are verified as the database then holds."""
    result = Result()
    _sealed_up(setting)
    with _plain_table(setting):
        setting.stack.kill(SEALER)
        for writers in WRITERS:
            _writing(setting, writers, result, "nothing sealed meanwhile")
        setting.stack.start(SEALER)
        _sealed_up(setting)
        since = datetime.now(UTC)
        for writers in WRITERS:
            _writing(setting, writers, result, "sealed meanwhile")
    _lag(setting, since, result)
    _backlog(setting, result)
    fill(setting, setting.options.events)
    _sealed_up(setting)
    _verifying(setting, result)
    return result


def _writing(setting: Setting, writers: int, result: Result, sealed: str) -> None:
    seconds = setting.options.seconds / setting.options.rounds / len(WRITERS)
    rates: dict[str, list[float]] = {OURS: [], PLAIN: []}
    for _ in range(setting.options.rounds):
        for table, found in rates.items():
            found.append(_round(setting, table, writers, seconds))
    words = f"{writers} writer{'s' if writers > 1 else ''}, {sealed}"
    ratio = median(rates[OURS]) / median(rates[PLAIN])
    result.row(f"events a second, {words}", ranged(rates[OURS], 0), "each its own transaction")
    result.row(f"plain INSERTs a second, {words}", ranged(rates[PLAIN], 0), "without what proves them")
    result.row(f"ratio, {words}", f"{ratio:.2f} ×", "aim: 0.9 ×" if writers == max(WRITERS) else "")
    result.data[words] = {"ours": rates[OURS], "plain": rates[PLAIN], "ratio": round(ratio, 3)}


def _round(setting: Setting, table: str, writers: int, seconds: float) -> float:
    """Return rows a second of so many processes together."""
    url = setting.stack.environment["DATABASE_URL"]
    command = python("-m", "tests.benchmarks.trail_writer", table, str(seconds), str(time.time() + 2.0))
    environment = {**os.environ, "BENCH_URL": url}
    parts = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(writers)
    ]
    return sum(float(part.communicate()[0]) for part in parts) / seconds


@contextmanager
def _plain_table(setting: Setting) -> Iterator[None]:
    """The trail's table as it would be without proofs: the same rows, columns, rules and indexes else.

    With the rows, since an INSERT among a million costs more than one into an empty table.
    """
    columns = f"written_at, {COLUMNS}"
    with psycopg.connect(setting.stack.environment["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute(f"DROP TABLE IF EXISTS {PLAIN}")
        owner.execute(f"CREATE TABLE {PLAIN} (LIKE {OURS} INCLUDING ALL)")
        owner.execute(f"ALTER TABLE {PLAIN} DROP COLUMN salt, DROP COLUMN written_by")
        owner.execute(f"INSERT INTO {PLAIN} ({columns}) SELECT {columns} FROM {OURS} ORDER BY id")
        owner.execute(f"GRANT SELECT, INSERT ON {PLAIN} TO PUBLIC")
        try:
            yield
        finally:
            owner.execute(f"DROP TABLE {PLAIN}")


def _lag(setting: Setting, since: datetime, result: Result) -> None:
    """From written to sealed, of the events that were written meanwhile."""
    _sealed_up(setting)
    query = """
        SELECT percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (
            ORDER BY extract(epoch FROM s.sealed_at - p.written_at)), count(*)
        FROM audit_app_sealedevent p JOIN audit_app_event e ON e.id = p.event_id
        JOIN audit_app_seal s ON p.position BETWEEN s.first AND s.last
        WHERE e.kind = 'bench.written' AND p.written_at >= %s
    """
    with setting.connect() as connection:
        row: Any = connection.execute(query, (since,)).fetchone()
    if not row or not row[1]:
        raise ValueError("nothing that was written was sealed")
    lags = [float(value) for value in row[0]]
    said = f"p50 {lags[0]:.1f} s, p99 {lags[1]:.1f} s, worst {lags[2]:.1f} s"
    result.row("seal lag under these writers", said, f"{row[1]:,} events; alarm at 30 s")
    result.data["lag_seconds"] = {"p50": lags[0], "p99": lags[1], "worst": lags[2], "events": row[1]}


def _backlog(setting: Setting, result: Result) -> None:
    """How fast what piled up is sealed, by this process alone or beside the worker."""
    with setting.connect() as connection:
        before = _count(connection, "audit_app_sealedevent")
        connection.execute(_FILL)
        started = time.perf_counter()
        _sealed_up(setting)
        took = time.perf_counter() - started
        done = _count(connection, "audit_app_sealedevent") - before
    result.row("a backlog is sealed at", f"{done / took:,.0f} events/s", f"{done:,} events in {took:.1f} s")
    result.data["backlog"] = {"events": done, "seconds": round(took, 2)}


def _verifying(setting: Setting, result: Result) -> None:
    from audit_app import signing

    with TemporaryDirectory() as name:
        folder, keys = Path(name) / "export", Path(name) / "keys.json"
        keys.write_text(json.dumps(signing.jwks()), encoding="utf-8")
        _timed(setting, result, "verify_trail", "manage.py", "verify_trail")
        _timed(setting, result, "export_trail", "manage.py", "export_trail", str(folder))
        size = sum(file.stat().st_size for file in folder.iterdir())
        result.row("the export's size", f"{size / 1e6:.0f} MB")
        offline = ("-m", "audit_app.verify", "export", str(folder), "--keys", str(keys))
        _timed(setting, result, "offline verify", *offline)


def _timed(setting: Setting, result: Result, what: str, *words: str) -> None:
    """Run this over the whole trail; its seconds, rate and peak memory are told."""
    environment = {**os.environ, **setting.stack.environment}
    started = time.perf_counter()
    part = subprocess.Popen(python(*words), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    peak = 0.0
    while part.poll() is None:
        # A process that has just ended holds nothing any more.
        with suppress(OSError, KeyError):
            peak = max(peak, memory.peak(part.pid))
        time.sleep(0.05)
    took = time.perf_counter() - started
    if part.returncode:
        raise ValueError(f"{what} ended with {part.returncode}")
    with setting.connect() as connection:
        events = _count(connection, "audit_app_sealedevent")
    note = f"{events / took:,.0f} events/s, peak {peak:.0f} MB"
    result.row(f"{what} of {events:,} events", f"{took:.1f} s", note)
    result.data[what] = {"events": events, "seconds": round(took, 2), "peak_mb": round(peak, 1)}


def _sealed_up(setting: Setting) -> None:
    """Nothing waits to be sealed any more."""
    from audit_app import sealing

    end = time.monotonic() + LONGEST_WAIT
    with setting.connect() as connection:
        while time.monotonic() < end:
            sealing.seal()
            if not connection.execute(_WAITING).fetchone():
                return
    raise ValueError("the trail was not sealed in time")


def _count(connection: "psycopg.Connection[tuple[object, ...]]", table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    return int(str(row[0])) if row else 0


_WAITING = """
    SELECT 1 FROM audit_app_event e
    WHERE NOT EXISTS (SELECT 1 FROM audit_app_sealedevent p WHERE p.event_id = e.id) LIMIT 1
"""
_FILL = """
    INSERT INTO audit_app_event (uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind,
        object_id, object_label, resource_label, story, correlation_id, why, data)
    SELECT gen_random_uuid(), now(), 'bench.filled', 'success', 't:' || n % 500, 'Person ' || n % 500, '', '', 'grant',
        n::text, 'SSH to host', 'host', 'request-' || n / 8, 'c-' || n, 'Because of a ticket', '{"seconds": 1800}'
    FROM generate_series(1, 50000) n
"""
