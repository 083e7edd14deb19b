"""A stack of real processes for a test, and what a test may do to it. No assertions here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from celery import Celery

from latchportal.demo.stack import Stack

WRITE_SECONDS = 0.2


@contextmanager
def running_stack(directory: Path, **options: Any) -> Iterator[Stack]:
    """A whole stack runs over this directory until the block ends; nothing of it is left afterwards."""
    for folder in (directory, *directory.parents):
        if folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o711)  # the embedded database's own user walks through
        if folder.name.startswith("pytest-of-"):
            break
    stack = Stack(directory, write_seconds=WRITE_SECONDS, **options)
    try:
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
