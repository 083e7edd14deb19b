"""A stack of real processes for a test, and what a test may do to it. No assertions here."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from celery import Celery

from latchportal.demo.stack import Stack
from tests.support import ready

WRITE_SECONDS = 0.2


@contextmanager
def running_stack(*, from_nothing: bool = False, **options: Any) -> Iterator[Stack]:
    """A whole stack runs until the block ends, over a folder of its own; nothing of it is left afterwards.

    Its tables are there before it starts, where this run has some to copy, unless it has to begin from nothing.
    Not below pytest's folder: the embedded database's user walks through, and another session shuts that one again.
    """
    directory = Path(tempfile.mkdtemp(prefix="latch-stack-"))
    directory.chmod(0o711)
    stack = Stack(directory, write_seconds=WRITE_SECONDS, **options)
    try:
        if not from_nothing:
            ready.copied_into(stack.postgres)
        with stack:
            yield stack
    finally:
        stack.wipe()


def run_task(stack: Stack, name: str) -> None:
    """A worker of the stack is told to run this task of the slow queue now, as beat would in a while."""
    Celery(broker=stack.environment["REDIS_URL"]).send_task(name, queue="slow")


def control(stack: Stack, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Return the answer of the pretend Azure's control API."""
    answer = requests.request(method, f"{stack.azure_url}/_control/{path}", json=body, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def calls(stack: Stack, method: str, part: str) -> list[dict[str, Any]]:
    """Return the calls ARM had with this method whose path holds `part`, oldest first."""
    found = control(stack, "GET", "calls")["calls"]
    return [call for call in found if call["method"] == method and part in call["path"]]
