"""One real process: started in a group of its own, watched, stopped, gone when we are. Not what it runs."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class PartFailed(Exception):
    """A part did not start, or died. Its text ends with the last lines of the part's log."""


@dataclass
class Part:
    """One process of the stack: what runs, in which environment, where it logs and how it is stopped."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 15.0
    process: subprocess.Popen[bytes] | None = None
    _log_start: int = 0

    def start(self) -> None:
        """The process runs, in its own group; on Linux the kernel ends it when this process dies."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                user=self.user,
                preexec_fn=_dies_with_parent(self.stop_signal, os.getpid()),
            )

    @property
    def alive(self) -> bool:
        """Return whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, what: str, seconds: float = 60.0) -> None:
        """Return once `ready()`. Raises PartFailed when the process dies first or `seconds` pass."""
        end = time.monotonic() + seconds
        while not ready():
            if not self.alive:
                raise PartFailed(self.obituary())
            if time.monotonic() > end:
                raise PartFailed(f"{self.name}: {what} did not happen within {seconds:.0f} s.\n{self.tail()}")
            time.sleep(POLL_SECONDS)

    def wait(self, seconds: float) -> int | None:
        """Return how the process ended; raises subprocess.TimeoutExpired where it did not."""
        return self.process.wait(seconds) if self.process is not None else None

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and all it started; nothing happens where none is left."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def stop(self) -> None:
        """The process and all it started are gone: asked first, killed after the grace."""
        self.ask_to_stop()
        self.finish()

    def finish(self) -> None:
        """The process, already asked, and all it started are gone: killed after the grace."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(self.grace_seconds)
        self.kill()

    def ask_to_stop(self) -> None:
        """The process was told to end in its own time."""
        if self.process is not None and self.alive:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(self.stop_signal)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """The whole group got this signal and the process is gone."""
        if self.process is not None:
            self.signal_group(number)
            self.process.wait(self.grace_seconds)

    def said(self, words: str) -> bool:
        """Return whether the log holds these words, written since the last start."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(self._log_start)
            return words.encode() in log.read()
        return False

    def tail(self, lines: int = 25) -> str:
        """Return the last lines of the part's log."""
        try:
            words = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            words = []
        return "\n".join([f"--- last lines of {self.log}", *(f"  {line}" for line in words[-lines:]), "---"])

    def obituary(self) -> str:
        """Return in words how the process ended."""
        code = self.process.returncode if self.process is not None else None
        how = (
            f"was killed by {signal.Signals(-code).name}"
            if code is not None and code < 0
            else f"exited with {code}"
        )
        return f"{self.name} {how}.\n{self.tail()}"


def stop_together(parts: Sequence[Part]) -> None:
    """All these are gone: asked at once, then waited for, killed after their grace."""
    for part in parts:
        part.ask_to_stop()
    for part in parts:
        part.finish()


def run(part: Part, *, seconds: float = 120.0) -> None:
    """The part's command ran to its end. Raises PartFailed, with its last words, unless it ended well."""
    part.start()
    try:
        code = part.wait(seconds)
    except subprocess.TimeoutExpired:
        part.kill()
        raise PartFailed(f"{part.name} did not finish within {seconds:.0f} s.\n{part.tail()}") from None
    if code:
        raise PartFailed(part.obituary())


def _dies_with_parent(number: signal.Signals, parent: int) -> Callable[[], None] | None:
    libc = _libc
    if libc is None:
        return None

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask_kernel
