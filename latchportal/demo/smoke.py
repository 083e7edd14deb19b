"""`python -m latchportal.demo.smoke`: the main story on a stack of its own, in a minute, without a person.

Prints when each step happened and ends with one line of JSON. Exits 1, with the step's words, when one failed.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TypeVar

import requests

from latchportal.demo.browser import Unexpected
from latchportal.demo.processes import PartFailed
from latchportal.demo.stack import Stack
from latchportal.demo.story import Story

T = TypeVar("T")


class StepFailed(Exception):
    """A step of the story did not happen."""


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the whole story happened, 1 when a step failed, 130 when interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m latchportal.demo.smoke", description="The main story by HTTP."
    )
    parser.add_argument("--seconds", type=int, default=25, help="how long the door is open (25)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    directory = Path(tempfile.mkdtemp(prefix="latch-smoke-"))
    directory.chmod(0o755)  # the embedded database's own user walks through
    stack = Stack(directory, write_seconds=0.2, say=_line)
    started = time.monotonic()
    try:
        with stack:
            tell(Story(stack, seconds=options.seconds))
    except (StepFailed, PartFailed) as failure:
        _line(f"FAILED: {failure}")
        options.keep = True
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        sys.stderr.write(f"{time.monotonic() - started:.0f} s in all")
        sys.stderr.write(f"; logs are in {stack.logs}\n" if options.keep else "\n")
        if not options.keep:
            stack.wipe()
    return 0


def tell(story: Story) -> None:
    """The whole story happened, each step said. Raises StepFailed with the step's words."""
    form = _step("Ada signs in and finds it in the catalogue", story.find)
    seen = _step("Ada sees its stages and its rule", lambda: story.preview(form))
    _step(f"Ada asks for {story.seconds} s", lambda: story.ask(seen))
    _step("Mo approves as her manager", lambda: story.approve("mo"))
    _step("Sol approves for security", lambda: story.approve("sol"))
    code = _step("Ada gets her latch code", story.get_code)
    _step("Ada activates it", lambda: story.activate(code))
    _step("The rule is in Azure and the page says open", story.wait_open)
    _step("The rule is gone and the page says closed", story.wait_closed)
    _step("The auditor downloads every step of it", story.prove)
    _line(json.dumps(story.summary()))


def _step(words: str, act: Callable[[], T]) -> T:
    try:
        done = act()
    except (Unexpected, requests.RequestException) as error:
        raise StepFailed(f"{words}: {error}") from error
    _line(f"{datetime.now(UTC):%H:%M:%S.%f}"[:-3] + f"  {words}")
    return done


def _line(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
