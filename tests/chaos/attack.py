"""One attack on a running stack: load, killer and watcher together, then quiet, then the verdict."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from latchportal.demo.processes import Part, PartFailed, run
from latchportal.demo.stack import Stack
from latchportal.demo.surroundings import ROOT, python
from tests.chaos.killer import Killer
from tests.chaos.watcher import Watcher

COPIES = {"converge": 2, "tick": 2, "beat": 2}
# An opening may take no longer, so that what opens while everything breaks ends soon: `hard_end` counts from it.
SETTINGS = {"OPENING_BUDGET_SECONDS": "40"}
QUIET_SECONDS = 240.0
# So long nothing may stir before it counts as quiet.
STILL_SECONDS = 5.0
# The killer waits until something is open.
AT_FIRST = 3


@dataclass
class Attack:
    """So many kills over one stack; `folder` keeps what was seen."""

    stack: Stack
    folder: Path
    seed: int
    kills: int
    lasting: tuple[float, float] = (5.0, 60.0)
    between: tuple[float, float] = (1.0, 5.0)
    longest_away: float = 12.0
    longest_outage: float = 0.0
    extensible: bool = False
    say: Callable[[str], None] = lambda _: None

    def run(self) -> dict[str, Any]:
        """Return the verdict, with what was done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        chance = Random(self.seed)
        watcher = Watcher(self.stack.azure_url)
        watcher.start()
        killer = Killer(
            self.stack, chance, longest_away=self.longest_away, longest_outage=self.longest_outage
        )
        load = self._load(*(["--extensible"] if self.extensible else []))
        load.start()
        try:
            load.wait_until(lambda: len(watcher.seen) >= AT_FIRST, what="rules to attack")
            while killer.kills < self.kills:
                what = killer.strike()
                self.say(f"{killer.kills:>5} of {self.kills}: {what}")
                killer.wait(chance.uniform(*self.between))
                if not load.alive:
                    # Attacking what nobody uses proves nothing.
                    raise PartFailed(load.obituary())
        finally:
            load.kill()
            killer.mend()
        if self.extensible:
            run(self._load("--finish"))
        quiet = self._await_quiet(watcher, killer)
        watcher.stop()
        return {
            **self._verdict(watcher, killer),
            "kills": killer.kills,
            "kinds": killer.counts,
            "foreign_changed": sorted(watcher.changed),
            "left_open": sorted(quiet),
        }

    def _load(self, *more: str) -> Part:
        shortest, longest = (str(seconds) for seconds in self.lasting)
        words = ("--ledger", str(self.folder / "ledger.jsonl"), "--seed", str(self.seed))
        words += ("--shortest", shortest, "--longest", longest, *more)
        return Part(
            "load",
            python("-m", "tests.chaos.load", *words),
            self.folder / "load.log",
            self.stack.environment,
            ROOT,
        )

    def _await_quiet(self, watcher: Watcher, killer: Killer) -> set[str]:
        """Return the rules that are still there when all grants should long be over.

        It is not quiet before what Azure had accepted from the dead has landed, however empty it looks until then.
        """
        end = time.time() + QUIET_SECONDS + self.lasting[1]
        stirred = max([time.time(), *(window["to"] for window in killer.windows)])
        while time.time() < end and time.time() < stirred + STILL_SECONDS:
            if watcher.there():
                stirred = max(stirred, time.time())
            elif time.time() >= stirred + STILL_SECONDS - 1 and self._moving():
                stirred = time.time()
            time.sleep(0.5)
        return watcher.there()

    def _moving(self) -> bool:
        return bool(self._ask()["unsettled"])

    def _ask(self) -> dict[str, Any]:
        for name, content in (("seen", {}), ("windows", [])):
            (self.folder / f"{name}-empty.json").write_text(json.dumps(content))
        return self._judge("seen-empty.json", "windows-empty.json")

    def _verdict(self, watcher: Watcher, killer: Killer) -> dict[str, Any]:
        watcher.save(self.folder / "seen.json")
        (self.folder / "windows.json").write_text(json.dumps(killer.windows))
        return self._judge("seen.json", "windows.json")

    def _judge(self, seen: str, windows: str) -> dict[str, Any]:
        words = ("--ledger", "ledger.jsonl", "--seen", seen, "--windows", windows)
        files = [str(self.folder / word) if not word.startswith("--") else word for word in words]
        done = subprocess.run(
            python("-m", "tests.chaos.verdict", *files),
            env=self.stack.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"no verdict:\n{done.stderr[-3000:]}")
        return dict(json.loads(done.stdout.splitlines()[-1]))


def broken(verdict: dict[str, Any]) -> list[str]:
    """Return each promise that the verdict says was broken, in words."""
    words = {
        "late": "rules more than 60 s past their end",
        "unknown": "rules that no grant knows",
        "left_open": "rules left open",
        "lost": "things answered with success and lost",
        "events_missing": "events missing",
        "events_doubled": "events doubled",
        "unsettled": "grants never settled",
        "foreign_changed": "foreign rules changed",
    }
    return [
        f"{len(verdict[name])} {what}: {verdict[name][:5]}" for name, what in words.items() if verdict[name]
    ]
