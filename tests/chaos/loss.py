"""The database lost for good while rules are open: the reaper alone closes them, by the end written in Azure."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from latchportal.demo.processes import Part, PartFailed
from latchportal.demo.stack import Stack
from latchportal.demo.surroundings import ROOT, python
from tests.chaos.ledger import Ledger
from tests.chaos.watcher import Watcher

# Of an opening that is read back in a second the end in Azure is this much later than the end people see.
BUDGET = 20
PATIENCE_SECONDS = 180.0


def lose_database(stack: Stack, folder: Path, *, rules: int, lasting: float) -> dict[str, Any]:
    """Return how late the reaper closed each of so many rules, by the end written in Azure, and what it left.

    `lasting` seconds must do for opening them all: it is their time, counted from each one's activation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    watcher = Watcher(stack.azure_url)
    watcher.start()
    opened = _open(stack, folder, watcher, rules, lasting)
    before = len(watcher.there())
    stack.kill("postgres")
    end = time.time() + lasting + BUDGET + PATIENCE_SECONDS
    while watcher.there() and time.time() < end:
        time.sleep(0.5)
    watcher.stop()
    late = sorted(_late(kept) for kept in watcher.seen.values())
    return {
        "opened": opened,
        "open_when_lost": before,
        "left_open": sorted(watcher.there()),
        "worst_late_s": round(max(late, default=0.0), 2),
        "late": [seconds for seconds in late if seconds > 60],
        "foreign_changed": sorted(watcher.changed),
    }


def _open(stack: Stack, folder: Path, watcher: Watcher, rules: int, lasting: float) -> int:
    seconds = str(lasting)
    words = ("--grants", str(rules), "--seed", "1", "--shortest", seconds, "--longest", seconds)
    load = Part(
        "load",
        python("-m", "tests.chaos.load", "--ledger", str(folder / "ledger.jsonl"), *words),
        folder / "load.log",
        stack.environment,
        ROOT,
    )
    load.start()
    try:
        load.wait_until(lambda: len(watcher.seen) >= rules, what=f"{rules} rules in Azure", seconds=lasting)
    except PartFailed:
        # The load is done and gone when the last is activated; opening it takes a moment more.
        end = time.time() + 20
        while len(watcher.seen) < rules and time.time() < end:
            time.sleep(0.2)
    finally:
        load.kill()
    return sum(line["kind"] == "activated" for line in Ledger(folder / "ledger.jsonl").lines())


def _late(kept: dict[str, Any]) -> float:
    from requests_app.targets.mark import read_end

    end = read_end(kept["description"])
    return kept["last"] - (end or datetime.fromtimestamp(kept["last"], UTC)).timestamp()
