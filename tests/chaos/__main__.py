"""`python -m tests.chaos`: the long forms, resumable. Its last line says what was attacked and what broke.

Rounds of kills on a fresh stack each, the loss of the database, and in batches random schedules of openings and random
stories of waiting; after each of them the progress is on disk.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from latchportal.demo.stack import Stack
from latchportal.demo.surroundings import ROOT, python
from tests.chaos.attack import COPIES, SETTINGS, Attack, broken
from tests.chaos.loss import BUDGET, lose_database

KEPT = ROOT / ".latch" / "chaos"
ROUND, BATCH = 100, 400
RULES_LOST = 50
# PostgreSQL is away for minutes now and then, which no short form has the time for.
LONGEST_OUTAGE = 180.0
WORST = ("worst_late_s", "worst_late_after_azure_s")
COUNTED = (
    "late",
    "left_open",
    "unknown",
    "lost",
    "events_missing",
    "events_doubled",
    "unsettled",
    "foreign_changed",
)


# Which test tells them, and by which name; the number of how many stands in the environment.
TOLD_BY = {
    "schedules": ("tests/chaos/test_machine.py", "whatever"),
    "stories": ("tests/journeys/test_never_stuck.py", "stuck"),
}


class Progress:
    """What was done so far with one seed, on disk after each step."""

    def __init__(self, seed: int, *, resume: bool) -> None:
        self.seed = seed
        self.file = KEPT / str(seed) / "progress.json"
        begun = resume and self.file.exists()
        self.done: dict[str, Any] = {**_nothing(), **(json.loads(self.file.read_text()) if begun else {})}

    def add(self, **more: Any) -> None:
        """So much more was done, and is written down."""
        for name, value in more.items():
            if name in WORST:
                self.done[name] = max(self.done[name], value)
            elif isinstance(value, dict):
                self.done[name] = dict(Counter(self.done[name]) + Counter(value))
            else:
                self.done[name] += value
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.done, indent=1))

    def last_line(self, kills: int, schedules: int, stories: int) -> str:
        """Return the one line that says it all; a partial run says so."""
        done = self.done
        whole = done["kills"] >= kills and done["schedules"] >= schedules and done["stories"] >= stories
        told = {
            "run": "whole" if whole else "partial",
            "seed": self.seed,
            "kills": f"{done['kills']} of {kills}",
            "schedules": f"{done['schedules']} of {schedules}",
            "stories": f"{done['stories']} of {stories}",
            "grants": done["answered"].get("activated", 0),
            "rules": done["rules"],
            "rules_past_their_end": len(done["late"]),
            "worst_late_s": done["worst_late_s"],
            "worst_late_after_azure_s": done["worst_late_after_azure_s"],
            "rules_left_open": len(done["left_open"]),
            "rules_no_grant_knows": len(done["unknown"]),
            "foreign_rules_changed": len(done["foreign_changed"]),
            "events_missing": len(done["events_missing"]),
            "events_doubled": len(done["events_doubled"]),
            "answered_and_lost": len(done["lost"]),
            "never_settled": len(done["unsettled"]),
            "rules_open_when_the_database_was_lost": done["open_when_lost"],
            "batches_broken": done["batches_broken"],
            "hours": round(done["seconds"] / 3600, 2),
        }
        return json.dumps(told)

    @property
    def sound(self) -> bool:
        """Return whether no promise was broken."""
        return not self.done["batches_broken"] and not any(self.done[name] for name in COUNTED)


def _nothing() -> dict[str, Any]:
    numbers = dict.fromkeys(
        ("kills", "rounds", "schedules", "stories", "batches", "batches_broken", "rules", "databases_lost"), 0
    )
    return {
        **numbers,
        **dict.fromkeys((*WORST, "seconds"), 0.0),
        "open_when_lost": 0,
        "kinds": {},
        "answered": {},
        **{name: [] for name in COUNTED},
    }


def main() -> int:
    """Attack until it was done as often as asked; 1 when a promise was broken."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    asked = _parser().parse_args()
    progress = Progress(asked.seed, resume=asked.resume)
    print(f"seed {asked.seed}; resume with: make chaos SEED={asked.seed} RESUME=1", flush=True)
    try:
        if asked.kills and not progress.done["databases_lost"]:
            _lose(progress)
        while progress.done["kills"] < asked.kills:
            _round(progress, min(ROUND, asked.kills - progress.done["kills"]))
        for kind, wanted in (("schedules", asked.schedules), ("stories", asked.stories)):
            while progress.done[kind] < wanted:
                _batch(progress, kind, min(BATCH, wanted - progress.done[kind]), asked.jobs)
    finally:
        print(progress.last_line(asked.kills, asked.schedules, asked.stories), flush=True)
    return 0 if progress.sound else 1


def _round(progress: Progress, kills: int) -> None:
    started, number = time.time(), progress.done["rounds"]
    folder = Path(tempfile.mkdtemp(prefix="latch-chaos-"))
    with Stack(folder / "stack", copies=COPIES, durable=True, extra=SETTINGS) as stack:
        seed = progress.seed * 1000 + number
        long = {"longest_outage": LONGEST_OUTAGE, "extensible": True}
        verdict = Attack(stack, folder / "seen", seed, kills, say=_say, **long).run()
    wrong = broken(verdict)
    print(
        f"round {number}: {kills} kills, {verdict['rules']} rules, " + ("; ".join(wrong) or "sound"),
        flush=True,
    )
    if wrong:
        print(f"  what was seen, and the logs, are kept in {folder}", flush=True)
    else:
        stack.wipe()
        shutil.rmtree(folder)
    progress.add(
        kills=verdict["kills"],
        rounds=1,
        rules=verdict["rules"],
        seconds=time.time() - started,
        **{name: verdict[name] for name in (*COUNTED, *WORST, "kinds", "answered")},
    )


def _lose(progress: Progress) -> None:
    started = time.time()
    folder = Path(tempfile.mkdtemp(prefix="latch-chaos-"))
    stack = Stack(folder / "stack", copies=COPIES, extra={"OPENING_BUDGET_SECONDS": str(BUDGET)})
    with stack:
        told = lose_database(stack, folder / "seen", rules=RULES_LOST, lasting=90)
    stack.wipe()
    shutil.rmtree(folder)
    print(f"database lost with {told['open_when_lost']} rules open: {json.dumps(told)}", flush=True)
    progress.add(
        databases_lost=1,
        open_when_lost=told["open_when_lost"],
        rules=told["opened"],
        worst_late_s=told["worst_late_s"],
        late=told["late"],
        left_open=told["left_open"],
        foreign_changed=told["foreign_changed"],
        seconds=time.time() - started,
    )


def _batch(progress: Progress, kind: str, count: int, jobs: int) -> None:
    started, number = time.time(), progress.done["batches"]
    seed = progress.seed * 1000 + number
    file, name = TOLD_BY[kind]
    words = ("-q", "-n", str(jobs), "-p", "no:cacheprovider", file, "-k", name)
    told = {"LATCH_SCHEDULES": str(count), "LATCH_SEED": str(seed)}
    done = subprocess.run(
        python("-m", "pytest", *words),
        env={**os.environ, **told},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"batch {number}: {count} {kind}, " + ("BROKEN" if done.returncode else "sound"), flush=True)
    if done.returncode:
        report = progress.file.parent / f"{kind}-{seed}.log"
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(done.stdout + done.stderr)
        print(f"  LATCH_SCHEDULES={count} LATCH_SEED={seed}; its report is {report.name}", flush=True)
    progress.add(
        batches=1,
        batches_broken=int(bool(done.returncode)),
        seconds=time.time() - started,
        **{kind: count},
    )


def _say(words: str) -> None:
    print(words, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--stories", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="batches of schedules run on so many processes")
    parser.add_argument("--resume", action="store_true", help="go on where this seed was left")
    return parser


if __name__ == "__main__":
    sys.exit(main())
