"""`python -m tests.benchmarks [measure …]`: runs them, prints a table, writes JSON. Each measure is a module beside it."""

import argparse
import importlib
import json
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from tests.benchmarks import machine
from tests.benchmarks.options import Options, Result
from tests.benchmarks.setting import Setting, staged

MEASURES = (
    "policy",
    "worker",
    "close_lag",
    "upkeep",
    "storm",
    "pages",
    "flows",
    "verifying",
    "csv_export",
    "trail",
    "explorer",
    "notices",
    "reviews",
    "approvals",
)
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run what was asked for; 1 when a measure could not be made."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    asked = _parser().parse_args()
    options = Options(
        requests=asked.requests,
        events=asked.events,
        grants=asked.grants,
        seconds=asked.seconds,
        rounds=asked.rounds,
        write_seconds=asked.write_seconds,
        directory=asked.directory,
    )
    results: dict[str, dict[str, Any]] = {}
    with staged(options) as setting:
        facts = machine.facts(_postgres(setting))
        for name in asked.measures or MEASURES:
            results[name] = _one(name, setting)
    report = {"machine": facts, "options": options.to_dict(), "measures": results}
    file = asked.out or RESULTS / "latest.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{table(report)}\n\nwritten to {file.name}", flush=True)
    return int(any("error" in found for found in results.values()))


def _one(name: str, setting: Setting) -> dict[str, Any]:
    print(f"\n{name} …", flush=True)
    started = time.perf_counter()
    try:
        result: Result = importlib.import_module(f"tests.benchmarks.{name}").run(setting)
    except Exception as error:  # noqa: BLE001 - the other measures are worth having all the same
        traceback.print_exc()
        return {"rows": [], "error": f"{type(error).__name__}: {str(error)[:400]}"}
    for what, value, note in result.rows:
        print(f"  {what:<58} {value:>24}  {note}", flush=True)
    return {**result.to_dict(), "took_seconds": round(time.perf_counter() - started, 1)}


def table(report: dict[str, Any]) -> str:
    """Return the report as a Markdown table."""
    facts = report["machine"]
    made_on = (
        f"{facts['cores']} cores ({facts['processor']}), Python {facts['python']}, "
        f"PostgreSQL {facts['postgresql']}, revision {facts['revision']}, {facts['at']}, "
        f"{report['options']['requests']:,} requests in the database"
    )
    lines = [
        made_on,
        "",
        "| measure | what | measured | |",
        "|---|---|---|---|",
    ]
    for name, found in report["measures"].items():
        if "error" in found:
            lines.append(f"| {name} | failed | | {found['error'].splitlines()[0][:150]} |")
        for row in found["rows"]:
            lines.append(f"| {name} | {row['what']} | {row['value']} | {row['note']} |")
    return "\n".join(lines)


def _postgres(setting: Setting) -> str:
    with setting.connect() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], help="which (all)")
    parser.add_argument("--requests", type=int, default=100_000, help="past requests in the database")
    parser.add_argument(
        "--events", type=int, default=100_000, help="events in the trail, where it is measured"
    )
    parser.add_argument("--grants", type=int, default=50, help="grants whose closing is timed")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="load for each figure, all rounds together"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of which median and range are told")
    parser.add_argument("--write-seconds", type=float, default=0.4, help="what one write takes Azure")
    parser.add_argument(
        "--directory", type=Path, help="keep the data here, and use it again (a fresh one, not kept)"
    )
    parser.add_argument("--out", type=Path, help="the JSON file (results/latest.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
