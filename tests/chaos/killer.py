"""Kills, stops, starves and misleads the processes of a stack, at random with a seed. What it did is written down."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from latchportal.demo.processes import PartFailed
from latchportal.demo.stack import Stack
from tests.support.stacks import control

WORKERS = ("converge", "converge-2", "tick", "tick-2")
BEATS = ("beat", "beat-2")
# Longer than a worker's hold on a container, so that another takes it over meanwhile.
STANDSTILL = 25.0
# Faults of Azure, each with what it is told; each is lifted after some seconds.
FAULTS: tuple[dict[str, Any], ...] = (
    {"name": "throttle", "match": {"method": ["PUT", "DELETE"]}, "times": 3},
    {"name": "busy", "times": 3},
    {"name": "server_error", "times": 4},
    {"name": "applied_then_500", "times": 2},
    {"name": "lro_failed", "times": 2},
    {"name": "lro_canceled", "times": 2},
    {"name": "lost_poll", "match": {"method": "POLL"}, "times": 2},
    {"name": "poll_forbidden", "match": {"method": "POLL"}, "times": 6},
    {"name": "slow", "times": 4, "seconds": 4},
    {"name": "slow_operation", "times": 2, "seconds": 8},
    {"name": "apply_late", "match": {"method": ["PUT", "DELETE"]}, "times": 1, "seconds": 20},
    {"name": "drop_connection", "times": 3},
    {"name": "drop_connection", "times": 2, "applied": True},
    {"name": "forbidden", "match": {"method": ["PUT", "DELETE"]}, "times": None},
)


@dataclass
class Killer:
    """One killer with a seed; `windows` says from when to when something was away that has a bound of its own."""

    stack: Stack
    chance: Random
    kills: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    windows: list[dict[str, Any]] = field(default_factory=list)
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    longest_away: float = 12.0

    def strike(self) -> str:
        """One thing breaks; returns what."""
        name, act = self.chance.choices(
            [
                ("a worker killed", self._kill_worker),
                ("a worker stands still", self._stop_worker),
                ("a beat killed", self._kill_beat),
                ("all beats killed", self._kill_beats),
                ("all workers killed", self._kill_workers),
                ("the site killed", lambda: self._kill("site")),
                ("Redis flushed", self.stack.flush_redis),
                ("Redis killed", lambda: self._kill("redis")),
                ("PostgreSQL killed", self._kill_postgres),
                ("a fault of Azure's", self._fail_azure),
            ],
            weights=[40, 8, 8, 4, 4, 4, 5, 5, 6, 16],
        )[0]
        # What is dead already, or a Redis that is away, can not be hurt any more.
        with suppress(PartFailed, OSError):
            act()
        self.kills += 1
        self.counts[name] = self.counts.get(name, 0) + 1
        return name

    def wait(self, seconds: float) -> None:
        """So much time goes by, and what was to come back meanwhile did."""
        end = time.time() + seconds
        while time.time() < end:
            self._revive(time.time())
            time.sleep(0.1)

    def mend(self) -> None:
        """Everything runs again, and Azure is well."""
        for _, act in sorted(self._later, key=lambda one: one[0]):
            act()
        self._later.clear()
        for part in self.stack.dead():
            self._start(part.name)
        control(self.stack, "DELETE", "faults")

    def _revive(self, moment: float) -> None:
        due = [one for one in self._later if one[0] <= moment]
        self._later = [one for one in self._later if one[0] > moment]
        for _, act in due:
            act()

    def _kill(self, name: str, away: float | None = None) -> None:
        if not self.stack.parts[name].alive:
            return
        self.stack.kill(name)
        wait = self.chance.uniform(0, 8) if away is None else away
        self._later.append((time.time() + wait, lambda: self._start(name)))

    def _start(self, name: str) -> None:
        part = self.stack.parts[name]
        if part.alive:
            return
        if name == "postgres":
            self._start_postgres()
        else:
            part.start()

    def _kill_worker(self) -> None:
        self._kill(self.chance.choice(WORKERS))

    def _kill_workers(self) -> None:
        away = self.chance.uniform(0, 8)
        for name in WORKERS:
            self._kill(name, away)

    def _kill_beat(self) -> None:
        self._kill(self.chance.choice(BEATS))

    def _kill_beats(self) -> None:
        for name in BEATS:
            self._kill(name, self.longest_away)

    def _stop_worker(self) -> None:
        part = self.stack.parts[self.chance.choice(WORKERS[:2])]
        if not part.alive:
            return
        part.signal_group(signal.SIGSTOP)

        def goes_on() -> None:
            if part.alive:
                part.signal_group(signal.SIGCONT)

        self._later.append((time.time() + STANDSTILL, goes_on))

    def _kill_postgres(self) -> None:
        if not self.stack.parts["postgres"].alive:
            return
        self.stack.kill("postgres")
        self.windows.append({"what": "postgres", "from": time.time(), "to": time.time() + 3600})
        away = self.chance.uniform(2, self.longest_away)
        self._later.append((time.time() + away, lambda: self._start("postgres")))

    def _start_postgres(self) -> None:
        for _ in range(20):
            # The last children of the one that was killed may still hold its memory for a moment.
            with suppress(PartFailed):
                self.stack.start("postgres")
                break
            time.sleep(0.5)
        for window in self.windows:
            if window["what"] == "postgres":
                window["to"] = min(window["to"], time.time())

    def _fail_azure(self) -> None:
        fault = self.chance.choice(FAULTS)
        control(self.stack, "POST", "faults", fault)
        lasting = self.chance.uniform(3, 10)
        window = {"what": f"azure {fault['name']}", "from": time.time(), "to": time.time() + 3600}
        self.windows.append(window)

        def lifted() -> None:
            control(self.stack, "DELETE", "faults")
            # A write accepted while it lasted may take its time after it.
            window["to"] = time.time() + float(fault.get("seconds") or 0)

        self._later.append((time.time() + lasting, lifted))
