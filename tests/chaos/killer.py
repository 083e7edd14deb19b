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
from tests.chaos.lateness import FOREVER
from tests.support.stacks import control

WORKERS = ("converge", "converge-2", "tick", "tick-2")
BEATS = ("beat", "beat-2")
# Longer than a worker's hold on a container, so that another takes it over meanwhile.
STANDSTILL = 25.0
# Of so many times that PostgreSQL dies, once it is away for minutes where the run is a long one.
SELDOM = 8
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
    _still: set[str] = field(default_factory=set)
    # 0: PostgreSQL is never away for longer than the others.
    longest_outage: float = 0.0

    def strike(self) -> str:
        """One thing breaks; returns what. Only what really hurt something counts: the dead can not be killed again."""
        for _ in range(1000):
            name, act = self._choice()
            # A Redis that is away can not be flushed.
            with suppress(PartFailed, OSError):
                if act():
                    self.kills += 1
                    self.counts[name] = self.counts.get(name, 0) + 1
                    return name
        raise PartFailed("nothing is left that could be hurt; is the pretend Azure still there?")

    def _choice(self) -> tuple[str, Callable[[], bool]]:
        return self.chance.choices(
            [
                ("a worker killed", self._kill_worker),
                ("a worker stands still", self._stop_worker),
                ("a beat killed", self._kill_beat),
                ("all beats killed", self._kill_beats),
                ("all workers killed", self._kill_workers),
                ("the site killed", lambda: self._kill("site")),
                ("Redis flushed", self._flush_redis),
                ("Redis killed", lambda: self._kill("redis")),
                ("PostgreSQL killed", self._kill_postgres),
                ("a fault of Azure's", self._fail_azure),
            ],
            weights=[40, 8, 8, 4, 4, 4, 5, 5, 6, 16],
        )[0]

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
        self._lift()

    def _revive(self, moment: float) -> None:
        due = [one for one in self._later if one[0] <= moment]
        self._later = [one for one in self._later if one[0] > moment]
        for _, act in due:
            act()

    def _kill(self, name: str, away: float | None = None) -> bool:
        if not self.stack.parts[name].alive:
            return False
        self.stack.kill(name)
        wait = self.chance.uniform(0, 8) if away is None else away
        self._later.append((time.time() + wait, lambda: self._start(name)))
        return True

    def _start(self, name: str) -> None:
        part = self.stack.parts[name]
        if part.alive:
            return
        if name == "postgres":
            self._start_postgres()
        else:
            part.start()

    def _kill_worker(self) -> bool:
        return self._kill(self.chance.choice(WORKERS))

    def _kill_workers(self) -> bool:
        away = self.chance.uniform(0, 8)
        # Each of them, not only up to the first that was alive.
        return sum(self._kill(name, away) for name in WORKERS) > 0

    def _kill_beat(self) -> bool:
        return self._kill(self.chance.choice(BEATS))

    def _kill_beats(self) -> bool:
        return sum(self._kill(name, self.longest_away) for name in BEATS) > 0

    def _flush_redis(self) -> bool:
        self.stack.flush_redis()
        return True

    def _stop_worker(self) -> bool:
        part = self.stack.parts[self.chance.choice(WORKERS[:2])]
        if not part.alive or part.name in self._still:
            return False
        part.signal_group(signal.SIGSTOP)
        self._still.add(part.name)

        def goes_on() -> None:
            self._still.discard(part.name)
            if part.alive:
                part.signal_group(signal.SIGCONT)

        self._later.append((time.time() + STANDSTILL, goes_on))
        return True

    def _kill_postgres(self) -> bool:
        away = self.chance.uniform(2, self.longest_away)
        if self.longest_outage and not self.chance.randrange(SELDOM):
            away = self.chance.uniform(self.longest_outage / 3, self.longest_outage)
        if not self._kill("postgres", away):
            return False
        self.windows.append({"what": "postgres", "from": time.time(), "to": FOREVER})
        return True

    def _start_postgres(self) -> None:
        for _ in range(20):
            # The last children of the one that was killed may still hold its memory for a moment.
            with suppress(PartFailed):
                self.stack.start("postgres")
                break
            time.sleep(0.5)
        else:
            raise PartFailed("PostgreSQL does not come back")
        self._over("postgres")

    def _over(self, what: str) -> None:
        """What lay over the stack of this kind is over; what Azure had accepted may take its time after that."""
        for window in self.windows:
            if window["what"].startswith(what) and window["to"] == FOREVER:
                window["to"] = time.time() + window.get("seconds", 0.0)

    def _fail_azure(self) -> bool:
        fault = self.chance.choice(FAULTS)
        control(self.stack, "POST", "faults", fault)
        lasting = self.chance.uniform(3, 10)
        what, longer = f"azure {fault['name']}", float(fault.get("seconds") or 0)
        self.windows.append({"what": what, "from": time.time(), "to": FOREVER, "seconds": longer})
        self._later.append((time.time() + lasting, self._lift))
        return True

    def _lift(self) -> None:
        # Lifting one lifts all, so no other excuses anything from here on.
        control(self.stack, "DELETE", "faults")
        self._over("azure")
