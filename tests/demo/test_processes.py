"""A part is started, watched and stopped with all it started; nothing of it outlives us."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from latchportal.demo.processes import Part, PartFailed, run, stop_together
from latchportal.demo.story import until
from tests.support.environment import ROOT

SLEEP = "import time; print('here', flush=True); time.sleep(600)"
# Ignores the polite signal, and has a child that does too.
STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); print('here', flush=True); time.sleep(600)"
)


def part(tmp_path: Path, code: str, **options: object) -> Part:
    return Part("part", [sys.executable, "-c", code], tmp_path / "part.log", dict(os.environ), **options)


def started(tmp_path: Path, code: str, **options: object) -> Part:
    one = part(tmp_path, code, **options)
    one.start()
    one.wait_until(lambda: one.said("here"), what="its first word")
    return one


def test_stopped_part_leaves_no_child_behind(tmp_path: Path) -> None:
    one = started(tmp_path, STUBBORN, grace_seconds=0.2)
    family = psutil.Process(one.process.pid).children(recursive=True)
    assert family, "the part has no child to leave behind"
    one.stop()
    assert not one.alive
    # Killed is not yet reaped: the kernel gets a moment, the processes none.
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive, f"left behind: {alive}"


def test_parts_stop_together_within_one_grace(tmp_path: Path) -> None:
    parts = [started(tmp_path, SLEEP) for _ in range(3)]
    stop_together(parts)
    assert [one.process.returncode for one in parts] == [-signal.SIGTERM] * 3


def test_part_that_dies_while_waited_for_is_said_with_its_last_words(tmp_path: Path) -> None:
    one = part(tmp_path, "raise SystemExit('no database here')")
    one.start()
    with pytest.raises(PartFailed, match=r"part exited with 1(.|\n)*no database here"):
        one.wait_until(lambda: False, what="something else")


def test_command_that_fails_is_said_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="the reason"):
        run(part(tmp_path, "raise SystemExit('the reason')"))


def test_only_what_was_said_since_the_last_start_counts(tmp_path: Path) -> None:
    one = started(tmp_path, SLEEP)
    one.stop()
    again = part(tmp_path, "import time; time.sleep(600)")
    again.start()
    assert not again.said("here"), "the first run's word was taken for the second's"
    again.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_part_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from latchportal.demo.processes import Part;"
        f"one = Part('part', [sys.executable, '-c', {SLEEP!r}], Path(sys.argv[1]), dict(os.environ));"
        "one.start(); print(one.process.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "part.log")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the part's end", 10)
