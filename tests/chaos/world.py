"""One schedule's world: an organisation, workers that live and die, and a clock. What must hold stands in truths.py.

Everything happens in one thread: another worker, a person or death comes between two calls to Azure or two statements
of a worker at a place that the schedule names, so that what was found is found again. The whole schedule is one
transaction that is rolled back; the next begins with the same people, and nothing else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction
from django.db.models import Min

from audit_app.clock import now
from audit_app.lifecycle import Stale
from requests_app import gateways, pacing
from requests_app.actions import lapse
from requests_app.converge import converge, lease, snapshots
from requests_app.errors import LatchError
from requests_app.models import Arming, Container, DirectoryGroup, Opening, Person
from requests_app.targets.base import TargetError
from tests.chaos.virtual_azure import VirtualAzure
from tests.chaos.virtual_time import Clock

# What the pretend network takes for one call, each way.
_TRAVEL_SECONDS = 0.02
_TABLES = "'requests_app_%%', 'audit_app_%%'"
# A worker that is told to come back at once, again and again, is caught by this.
_TURNS = 3000


class Killed(BaseException):
    """The process is gone: nothing after this line of it ever runs."""


@dataclass
class Trap:
    """What happens to the next worker at one place: before or after its n-th call to Azure, or at its n-th statement.

    Without an `act` the worker dies there.
    """

    place: str
    number: int
    act: Callable[[], object] | None = None
    words: str = "dies"


@dataclass
class Worker:
    """One process at work: which place it is at, and whether it lives."""

    lease: lease.Lease | None = None
    counts: dict[str, int] = field(default_factory=dict)
    dead: bool = False
    stalled: bool = False


class World:
    """What one schedule acts on."""

    def __init__(self, clock: Clock, azure: VirtualAzure, people: Any) -> None:
        self.clock, self.azure, self.people = clock, azure, people
        self.stack: list[Worker | None] = []
        self.traps: list[Trap] = []
        self.watchers: list[Callable[[], None]] = []
        self.watched_at = self.clock.monotonic()
        # Until when a fault counts as lasting: a promise with "after the fault" in it starts there.
        self.disturbed_until = self.clock.monotonic()
        self.crashes = 0

    # --- time -------------------------------------------------------------------------------------------------

    def disturb(self, seconds: float = 0.0) -> None:
        """A fault is in force now, and for so many seconds more."""
        self.disturbed_until = max(self.disturbed_until, self.clock.monotonic() + seconds)

    def pass_time(self, seconds: float, *, working: bool = True) -> None:
        """So much time has gone by; workers, if there are any, came whenever something was due."""
        end = self.clock.monotonic() + seconds
        compared_until = self.clock.monotonic() + 150
        for _ in range(_TURNS):
            self.azure.pump()
            if not working or self.azure.cloud.faults.list():
                self.disturb()
            self._watch()
            if working:
                self.work()
            left = end - self.clock.monotonic()
            if left <= 0:
                break
            comparing = self.clock.monotonic() < compared_until
            self.clock.sleep(min(left, self._until_something(working, comparing) or left))
        else:
            raise AssertionError("workers came back thousands of times and were never done")
        self._keep_house(working)

    def _until_something(self, working: bool, comparing: bool) -> float:
        waits = [self.azure.loop.next_timer()]
        if working:
            moment = now()
            later = Opening.objects.filter(due_at__isnull=False).aggregate(first=Min("due_at"))["first"]
            waits.append(_seconds(later, moment, least=1.0))
            if comparing:
                look = Container.objects.filter(compare_at__isnull=False).aggregate(first=Min("compare_at"))
                waits.append(_seconds(look["first"], moment, least=1.0))
        if any(True for _ in self.azure.cloud.operations.running()):
            waits.append(max(0.1, self.azure.busy_until()))
        found = [wait for wait in waits if wait is not None]
        return max(0.001, min(found)) if found else 0.0

    def _keep_house(self, working: bool) -> None:
        moment = now()
        Person.objects.update(directory_read_at=moment)
        DirectoryGroup.objects.update(read_at=moment)
        if working:
            with suppress(LatchError, Stale):
                lapse.lapse_undecided()
                lapse.lapse_overtaken()
                lapse.close_unused()

    def _watch(self) -> None:
        for watcher in self.watchers:
            watcher()

    # --- workers ----------------------------------------------------------------------------------------------

    def work(self, *, compare: bool = False) -> None:
        """Every container with something due, or to be compared, had a worker; all of them, to `compare`."""
        moment = now()
        if self.clock.monotonic() >= self.watched_at + 60 or compare:
            self.watched_at = self.clock.monotonic()
            snapshots.watch()
        due = set(Opening.objects.filter(due_at__lte=moment).values_list("container_id", flat=True))
        look = set(Container.objects.filter(compare_at__lte=moment).values_list("pk", flat=True))
        everyone = set(Container.objects.values_list("pk", flat=True)) if compare else set()
        for pk in sorted(due | look | everyone):
            self.worker(pk, compare=pk not in due or compare)

    def worker(self, container_id: int, *, compare: bool = False) -> None:
        """One worker came for this container, and did what it could, or died."""
        self.run(lambda: converge(container_id, compare=compare))

    def run(self, act: Callable[[], object]) -> object:
        """What a process of ours does, traps and all; None when it died of it or was refused."""
        worker = Worker()
        self.stack.append(worker)
        try:
            with suppress(LatchError, Stale):
                return act()
        except Killed:
            self.crashes += 1
            self.disturb(lease.LASTS.total_seconds())
        finally:
            self.stack.pop()
            self.azure.pump()
        return None

    def _at(self, place: str) -> None:
        """A worker is at this place: whatever was set for it happens."""
        worker = self.stack[-1] if self.stack else None
        if worker is None:
            return
        worker.counts[place] = worker.counts.get(place, 0) + 1
        for trap in self.traps:
            if trap.place == place and trap.number <= worker.counts[place]:
                self.traps.remove(trap)
                self._spring(trap, worker)
                return

    def _spring(self, trap: Trap, worker: Worker) -> None:
        if trap.act is None:
            worker.dead = True
            raise Killed
        self.stack.append(None)
        try:
            trap.act()
        finally:
            self.stack.pop()

    # --- what the worker is wrapped in ------------------------------------------------------------------------

    def _statement(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        worker = self.stack[-1] if self.stack else None
        if worker is None:
            return execute(sql, params, many, context)
        if worker.dead:
            if str(sql).startswith(("ROLLBACK TO", "RELEASE")):
                return execute(sql, params, many, context)
            raise Killed
        if not str(sql).startswith("RELEASE"):
            self._at("statement")
            if len(connection.savepoint_ids) == self._depth:
                self._at("between")
        return execute(sql, params, many, context)

    def _taken(self, container_id: int) -> lease.Lease | None:
        held = self._take(container_id)
        if self.stack and self.stack[-1]:
            self.stack[-1].lease = held
        return held

    def called(self, method: str, act: Callable[[], Any]) -> Any:
        """One call to Azure by the worker at work, whose lease is renewed meanwhile, as its keeper does."""
        before = now()
        self._at("call")
        self._at(f"before {method}")
        self.clock.sleep(_TRAVEL_SECONDS)
        try:
            return act()
        except TargetError as error:
            self.disturb(error.retry_after or 0.0)
            raise
        finally:
            self.clock.sleep(_TRAVEL_SECONDS)
            worker = self.stack[-1] if self.stack else None
            if worker and worker.lease and not worker.stalled and not worker.dead:
                self._renewed(worker.lease, before)
            if worker and not worker.dead:
                self._at(f"after {method}")

    def _renewed(self, held: lease.Lease, since: datetime) -> None:
        mine = Container.objects.filter(pk=held.container_id, lease_owner=held.owner, lease_until__gt=since)
        with self._unseen():
            mine.update(lease_until=now() + lease.LASTS)

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        self.stack.append(None)
        try:
            yield
        finally:
            self.stack.pop()

    # --- beginning and end ------------------------------------------------------------------------------------

    @contextmanager
    def schedule(self) -> Iterator[None]:
        """Inside is one schedule; afterwards nothing of it ever happened."""
        self.azure.begin()
        pacing.forget()
        moment = self.clock.next_schedule()
        self._take = lease.take
        with transaction.atomic():
            try:
                self._depth = len(connection.savepoint_ids)
                self._start_counting()
                Arming.objects.update(at=moment)
                self._keep_house(working=False)
                target = _Watched(self, gateways.target("nsg"))
                with (
                    patch.object(lease, "take", self._taken),
                    patch.object(gateways, "target", cache(lambda kind: target)),
                    connection.execute_wrapper(self._statement),
                ):
                    yield
            finally:
                transaction.set_rollback(True)

    def _start_counting(self) -> None:
        """Ids begin at the same number in every schedule, for pauses are spread by them."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, 1000) FROM pg_sequences"
                f" WHERE sequencename LIKE ANY (ARRAY[{_TABLES}])",
                [],
            )


class _Watched:
    """The real target; before and after each call of it things may happen."""

    def __init__(self, world: World, real: Any) -> None:
        self.world, self.real = world, real

    def read(self, *args: Any, **more: Any) -> Any:
        return self.world.called("read", lambda: self.real.read(*args, **more))

    def write(self, *args: Any, **more: Any) -> Any:
        return self.world.called("write", lambda: self.real.write(*args, **more))

    def remove(self, *args: Any, **more: Any) -> Any:
        return self.world.called("remove", lambda: self.real.remove(*args, **more))


def _seconds(later: datetime | None, moment: datetime, *, least: float) -> float | None:
    return None if later is None else max(least, (later - moment) / timedelta(seconds=1))
