"""The pretend Azure without a socket: the real SDK's requests are carried to it in this thread, on a virtual clock.

Whoever hangs, answers late or hangs up does so in virtual seconds; what goes on after its client gave up is done when
the clock gets there. Tests prove elsewhere that the same application answers the same over HTTP.
"""

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from latchportal.devcloud import control, server, world
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.writes import checked_rule
from tests.chaos.virtual_time import Clock, VirtualLoop
from tests.support.devcloud import WORLD

URL = "http://127.0.0.1:9"
# A write of the real one takes seconds; removals of the same group wait for it.
WRITE_SECONDS = 2.0
_NETLOC = urlsplit(URL).netloc


class Aborted(Exception):
    """The pretend Azure hung up."""


class Late(Exception):
    """The client gave up waiting; the call goes on without it."""


@dataclass
class _Exchange:
    """One request, and what of its answer came back."""

    body: bytes
    loop: VirtualLoop
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""
    gone: bool = False
    read: bool = False

    def __post_init__(self) -> None:
        self.hung_up: asyncio.Future[None] = self.loop.create_future()

    # The pretend Azure hangs up by way of uvicorn's transport, which it finds beside receive().
    @property
    def cycle(self) -> "_Exchange":
        return self

    @property
    def transport(self) -> "_Exchange":
        return self

    def abort(self) -> None:
        self.gone = True
        if not self.hung_up.done():
            self.hung_up.set_result(None)

    async def receive(self) -> dict[str, Any]:
        if not self.read:
            self.read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        while not self.gone:
            await asyncio.sleep(1)
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(key.decode(), value.decode()) for key, value in message.get("headers", [])]
        else:
            self.answer += message.get("body", b"")


class VirtualAzure:
    """A running pretend Azure on this clock; looks to tests like one that listens on a port."""

    url = URL

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.loop = VirtualLoop(clock)
        self.app = server.build(world.load(WORLD), write_seconds=WRITE_SECONDS)
        self.cloud: Cloud = self.app.state.cloud
        self.cloud.clock = clock.monotonic

    def begin(self) -> None:
        """Everything is as the world file says; nothing is on its way."""
        self._cancel()
        self.cloud.reset()
        self.cloud.write_seconds = WRITE_SECONDS

    def close(self) -> None:
        """Nothing is on its way any more, and no file is held."""
        self._cancel()
        self.loop.close()

    def _cancel(self) -> None:
        waiting = asyncio.all_tasks(self.loop)
        for task in waiting:
            task.cancel()
        if waiting:
            self.loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))

    def pump(self) -> None:
        """What was to happen by now has happened: late writes have landed, operations have ended."""
        if self.loop.next_timer() == 0.0:
            self.loop.run_until_complete(_breath())
        self.cloud.settle()

    def busy_until(self) -> float:
        """In how many seconds the last thing that is on its way will be done; 0 with nothing."""
        ends = [one.due - self.clock.monotonic() for one in self.cloud.operations.running()]
        return max([0.0, *ends])

    def exchange(self, method: str, path: str, headers: Any, body: bytes, timeout: float) -> _Exchange:
        """The answer to this request. Raises Aborted or, after `timeout` virtual seconds, Late."""
        target, _, query = path.partition("?")
        one = _Exchange(body, self.loop)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": target,
            "raw_path": target.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 9),
        }
        task = self.loop.create_task(self.app(scope, one.receive, one.send))  # type: ignore[arg-type]
        self.loop.run_until_complete(
            asyncio.wait({task, one.hung_up}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        )
        if one.hung_up.done():
            raise Aborted
        if not task.done():
            one.gone = True
            raise Late
        task.result()
        return one

    # --- as tests.support.devcloud.Devcloud ------------------------------------------------------------------

    def control(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The JSON answer of the control API. Fails on 4xx."""
        if (method, path) == ("GET", "nsgs"):
            self.cloud.settle()
            return {"nsgs": [control.plain(nsg) for nsg in self.cloud.nsgs.values()]}
        payload = json.dumps(body).encode() if body is not None else b""
        answer = self.exchange(method, f"/_control/{path}", [], payload, 60)
        assert answer.status < 400, f"{method} /_control/{path}: {answer.status} {answer.answer!r}"
        return dict(json.loads(answer.answer))

    def rules(self, nsg: str) -> dict[str, dict[str, Any]]:
        """The rules of this group as Azure holds them now, by name."""
        self.cloud.settle()
        return {rule["name"]: rule for rule in control.plain(self.cloud.named(nsg))["rules"]}

    def put(self, nsg: str, name: str, properties: dict[str, Any]) -> bool:
        """Somebody wrote this rule by hand; False when Azure refuses it."""
        with suppress(Exception):
            group = self.cloud.named(nsg)
            group.put(checked_rule(group, name, {"properties": properties}))
            group.touch()
            return True
        return False

    def delete(self, nsg: str, name: str) -> None:
        """Somebody removed this rule by hand."""
        group = self.cloud.named(nsg)
        group.rules.pop(name.lower(), None)
        group.touch()


async def _breath() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


@contextmanager
def virtual_azure(clock: Clock) -> Iterator[VirtualAzure]:
    """Inside, whatever the site sends to `URL` reaches the pretend Azure handed out, and nothing goes over a wire."""
    azure = VirtualAzure(clock)
    over_the_wire = HTTPAdapter.send

    def send(self: HTTPAdapter, request: Any, *args: Any, **more: Any) -> Any:
        parts = urlsplit(request.url)
        if parts.netloc != _NETLOC:
            return over_the_wire(self, request, *args, **more)
        timeout = more.get("timeout")
        seconds = timeout[1] if isinstance(timeout, tuple) else timeout
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        headers = [*request.headers.items(), ("host", _NETLOC)]
        try:
            one = azure.exchange(request.method, path, headers, body, seconds or 60)
        except Aborted as error:
            raise requests.ConnectionError(ProtocolError("Connection aborted."), request=request) from error
        except Late as error:
            raise requests.ReadTimeout("Read timed out.", request=request) from error
        raw = HTTPResponse(
            io.BytesIO(one.answer), headers=one.headers, status=one.status, preload_content=False
        )
        return self.build_response(request, raw)

    with patch.object(HTTPAdapter, "send", send):
        try:
            yield azure
        finally:
            azure.close()
