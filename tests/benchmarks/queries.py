"""How many SQL statements one request of a person costs, counted in this process. Nothing is timed here."""

from collections.abc import Callable
from typing import Any

from tests.benchmarks import story
from tests.benchmarks.setting import Setting

_FRAMES = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


def client(setting: Setting, key: str) -> Any:
    """Return Django's test client with a session of this person, coming from their address."""
    from django.test import Client

    made = Client(
        headers={"x-forwarded-for": setting.described(key).address, "x-forwarded-proto": "http"},
        SERVER_NAME="127.0.0.1",
    )
    made.force_login(story.person(setting, key))
    return made


def counted(ask: Callable[[], Any], good: int) -> tuple[Any, dict[str, int], list[str]]:
    """Return the answer, how many statements it took (those that only frame a transaction apart), and their texts."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        response = ask()
    if response.status_code != good:
        raise ValueError(f"answered {response.status_code}, not {good}: {response.content[:500]!r}")
    texts = [entry["sql"] for entry in captured.captured_queries]
    framing = sum(text.startswith(_FRAMES) for text in texts)
    return response, {"statements": len(texts) - framing, "framing": framing}, texts
