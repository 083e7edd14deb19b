"""`python -m latchportal.demo`: the whole site on this machine, until Ctrl-C. Words only; see stack.py."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from latchportal.demo.processes import PartFailed
from latchportal.demo.stack import Stack, free_ports
from latchportal.demo.surroundings import ROOT, WORLD, Ports
from latchportal.devcloud import world

LOOK_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; 1 when a part did not start. No process is left behind either way."""
    options = _parser().parse_args(arguments)
    # SIGINT as well: a shell that starts us in the background tells us to ignore it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    stack = _stack(options)
    if options.fresh:
        stack.wipe()
    try:
        with stack:
            _welcome(stack)
            _watch(stack)
    except PartFailed as failure:
        sys.stderr.write(f"\nThe demo did not start: {failure}\n")
        return 1
    except KeyboardInterrupt:
        _line("\nStopped. The data is kept; `--fresh` starts anew.")
    return 0


def _stack(options: argparse.Namespace) -> Stack:
    redis, site = free_ports(2)
    return Stack(
        options.directory,
        ports=Ports(public=options.port, site=site, azure=options.azure_port, redis=redis),
        database=os.environ.get("DATABASE_URL", ""),
        broker=os.environ.get("REDIS_URL", ""),
        seeded=options.requests,
        extra={name: value for name, value in os.environ.items() if name == "DATABASE_OWNER_URL"},
        say=_line,
    )


def _welcome(stack: Stack) -> None:
    here = world.load(WORLD)
    _line(f"\n  The site         {stack.base_url}/\n  Watch Azure      {stack.azure_url}/")
    _line(f"  Mails            {stack.mails}\n  Logs             {stack.logs}")
    _line(f"  Trail, shipped   {stack.environment['OCSF_DIR']} and {stack.azure_url}/_control/logs")
    _line(f"  Its heads        {stack.azure_url}/_control/blobs\n")
    _line(f"  Who can sign in at {here.tenant.name} (no password is asked):")
    for person in here.people:
        _line(f"    {person.name:<20} {person.part}")
    _line("\n  Ctrl-C stops everything.\n")


def _watch(stack: Stack) -> None:
    """Say of each mail that it was sent and of each part that it died, until somebody stops us."""
    told: set[str] = set()
    mailed = _mails(stack.mails)
    while True:
        time.sleep(LOOK_SECONDS)
        for part in stack.dead():
            if part.name not in told:
                told.add(part.name)
                _line(f"!!! {part.obituary()}\n!!! Stop the demo and start it again.")
        now = _mails(stack.mails)
        for line in now[len(mailed) :]:
            _line(f"mail  {line}")
        mailed = now


def _mails(folder: Path) -> list[str]:
    """Return "to: subject" of every mail so far, oldest first."""
    files = sorted(folder.glob("*"), key=lambda file: file.stat().st_mtime_ns)
    lines = [
        line for file in files for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    subjects = [line.removeprefix("Subject: ") for line in lines if line.startswith("Subject: ")]
    recipients = [line.removeprefix("To: ") for line in lines if line.startswith("To: ")]
    return [f"{to}: {subject}" for to, subject in zip(recipients, subjects, strict=False)]


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _line(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m latchportal.demo", description="The whole site, as a demo."
    )
    parser.add_argument("--port", type=int, default=8000, help="where the site is (8000)")
    parser.add_argument("--azure-port", type=int, default=8100, help="where the pretend Azure is (8100)")
    parser.add_argument(
        "--directory", type=Path, default=ROOT / ".latch" / "demo", help="where data and logs are kept"
    )
    parser.add_argument("--requests", type=int, default=60, help="how many past requests to make up (60)")
    parser.add_argument("--fresh", action="store_true", help="forget the data of earlier runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
