"""`python -m latchportal.reaper`: closes what Azure itself says is over. A service of its own, beside the portal.

It needs no database, no broker and no Django, so that it closes when all of these are lost. What it may close is
decided in requests_app/targets/overdue.py, and nothing else of ours is imported.
"""

import argparse
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import ContainerState, RuleState, TargetError
from requests_app.targets.mark import read_end
from requests_app.targets.nsg import NsgTarget
from requests_app.targets.overdue import PATIENCE, Closing, Key, Others, all_groups, close, overdue

FINE, SOME_LEFT, WRONG_USE = 0, 1, 2
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")
_THREADS = 16


@dataclass
class Reaper:
    """Looks through subscriptions, and closes in several groups at once; never two writes in one group."""

    config: AzureConfig
    instance: str
    subscriptions: Sequence[str]
    apply: bool
    grace: timedelta
    failures: int = 0
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "reaper"))
    _running: dict[str, Future[None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _others: dict[str, Others] = field(default_factory=dict)

    def look(self) -> None:
        """Every subscription is being looked through, except where the last look still goes on; waits for nothing."""
        for subscription in self.subscriptions:
            self._start(subscription, self._sweep, subscription)

    def finish(self) -> None:
        """All that was started is done."""
        while running := self._unfinished():
            wait(running)

    def _unfinished(self) -> list[Future[None]]:
        with self._lock:
            return [future for future in self._running.values() if not future.done()]

    def _start(self, key: str, work: Any, *with_this: Any) -> None:
        # One that hangs holds up nobody but itself: its next turn waits, the others' do not.
        with self._lock:
            before = self._running.get(key)
            if before is None or before.done():
                self._running[key] = self._pool.submit(self._guarded, key, work, *with_this)

    def _guarded(self, key: str, work: Any, *with_this: Any) -> None:
        try:
            work(*with_this)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look must come
            self._failed("failed", where=key, error=f"{type(error).__name__}: {error}")

    def _sweep(self, subscription: str) -> None:
        began, correlation_id = time.monotonic(), str(uuid4())
        try:
            groups = all_groups(self.config, subscription, correlation_id=correlation_id)
        except TargetError as error:
            self._failed("unreadable", subscription=subscription, **_told(error))
            return
        found = self._ours_to_close(subscription, groups, datetime.now(UTC))
        for group in groups:
            if found[group.azure_id]:
                rules = found[group.azure_id]
                self._start(group.azure_id.lower(), self._close_all, subscription, group, rules)
        say(
            "looked",
            subscription=subscription,
            groups=len(groups),
            overdue=sum(map(len, found.values())),
            seconds=round(time.monotonic() - began, 3),
            correlation_id=correlation_id,
        )

    def _ours_to_close(
        self, subscription: str, groups: list[ContainerState], moment: datetime
    ) -> dict[str, list[RuleState]]:
        # Two looks of one subscription never overlap, so its watch needs no lock of its own.
        others = self._others.setdefault(subscription, Others())
        past = {
            _key(group, rule)
            for group in groups
            for rule in overdue(group, self.instance, moment, timedelta(0))
        }
        grace = self.grace
        if others.in_full_swing(past, moment):
            grace = max(grace, PATIENCE)
            say("standing_back", subscription=subscription, past_their_end=len(past))
        return {group.azure_id: overdue(group, self.instance, moment, grace) for group in groups}

    def _close_all(self, subscription: str, group: ContainerState, rules: list[RuleState]) -> None:
        target = NsgTarget(self.config, self.instance)
        for rule in rules:
            correlation_id = str(uuid4())
            about = self._about(group, rule, correlation_id)
            if not self.apply:
                say("would_close", **about)
                continue
            done = close(
                target,
                group.azure_id,
                rule,
                datetime.now(UTC),
                self.grace,
                correlation_id=correlation_id,
            )
            if done.outcome == "closed":
                self._others[subscription].closed_by_us(_key(group, rule))
            self._tell(done, about)

    def _tell(self, done: Closing, about: dict[str, Any]) -> None:
        if done.error is not None:
            self._failed("failed", **about, **_told(done.error))
            return
        receipt = done.receipt
        extra = {"azure_request_id": receipt.azure_request_id, "seconds": receipt.seconds} if receipt else {}
        say(done.outcome, **about, **extra)

    def _failed(self, action: str, **words: Any) -> None:
        with self._lock:
            self.failures += 1
        say(action, **words)

    def _about(self, group: ContainerState, rule: RuleState, correlation_id: str) -> dict[str, Any]:
        end = read_end(rule.description)
        late = (datetime.now(UTC) - end).total_seconds() if end else None
        return {
            "group": group.azure_id,
            "rule": rule.name,
            "description": rule.description,
            "end": end.isoformat() if end else None,
            "late_seconds": round(late, 1) if late is not None else None,
            "correlation_id": correlation_id,
        }


def _key(group: ContainerState, rule: RuleState) -> Key:
    return group.azure_id.lower(), rule.name.lower()


_printing = threading.Lock()


def say(action: str, **words: Any) -> None:
    """One line of JSON stands on the standard output."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(), "action": action, **words}, default=str)
    with _printing:
        print(line, flush=True)  # noqa: T201 - its output is its interface


def _told(error: TargetError) -> dict[str, Any]:
    return {
        "error": error.message,
        "error_kind": error.kind,
        "error_code": error.code,
        "azure_request_id": error.azure_request_id,
        "way_on": error.sentence(),
    }


def seconds(text: str) -> float:
    """Return the seconds of "15s" or "15". Raises argparse.ArgumentTypeError for anything else, and for nothing."""
    found = _SECONDS.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, such as 15s")
    return float(found[1])


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for; exits with 2, in words, when it can not be done."""
    parser = argparse.ArgumentParser(
        prog="python -m latchportal.reaper",
        description="Close rules of this portal that are past the end in their description. Only says so, unless --apply.",
    )
    parser.add_argument(
        "--subscription", action="append", required=True, metavar="ID", help="may be repeated"
    )
    parser.add_argument("--instance", default=os.environ.get("LATCH_INSTANCE", "dev"), help="LATCH_INSTANCE")
    parser.add_argument(
        "--apply", action="store_true", help="close; without it, only say what would be closed"
    )
    parser.add_argument("--every", type=seconds, metavar="15s", help="again and again; without it, once")
    parser.add_argument("--grace", type=seconds, default=15.0, metavar="15s", help="after the end (15s)")
    return parser.parse_args(words)


def configuration() -> AzureConfig:
    """Return how to reach Azure, by the settings the site has. Raises ValueError where one can not be right."""
    environment = os.environ.get
    credential = environment("AZURE_CREDENTIAL", "managed")
    return AzureConfig(
        arm_endpoint=environment("ARM_ENDPOINT", "https://management.azure.com").rstrip("/"),
        credential="workload" if credential == "workload" else "managed",
        client_id=environment("AZURE_CLIENT_ID", ""),
        allow_cleartext_loopback=environment("LATCH_DEMO", "").lower() in {"1", "true", "yes", "on"},
        poll_seconds=float(environment("AZURE_POLL_SECONDS", "0.5")),
    )


def main(words: Sequence[str] | None = None) -> int:
    """What is over is closed, once or until told to stop. Returns 0; 1 when something was left; 2 for wrong use."""
    asked = arguments(words)
    try:
        config = configuration()
        NsgTarget(config, asked.instance)
    except ValueError as error:
        print(f"latchportal.reaper: {error}", file=sys.stderr)  # noqa: T201
        return WRONG_USE
    grace = timedelta(seconds=asked.grace)
    reaper = Reaper(config, asked.instance, tuple(dict.fromkeys(asked.subscription)), asked.apply, grace)
    if asked.every is None:
        reaper.look()
        reaper.finish()
        return SOME_LEFT if reaper.failures else FINE
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    due = time.monotonic()
    while not stop.is_set():
        reaper.look()
        # A look that took too long is followed at once by the next; missed ones are not made up for.
        due = max(due + asked.every, time.monotonic())
        stop.wait(max(0.0, due - time.monotonic()))
    reaper.finish()
    return FINE


if __name__ == "__main__":
    sys.exit(main())
