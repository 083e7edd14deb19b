"""Runs the pretend Azure inside the test process, on a free loopback port. No tests, no Django."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from latchportal.devcloud import server, world
from latchportal.devcloud.identity import HEADER

WORLD = Path(world.__file__).parent.parent / "demo" / "organisation" / "world.yaml"
START_S = 10
# One client for every call: each new one would build a TLS context, which costs more than the call.
HTTP = httpx.Client(timeout=10, trust_env=False)


@dataclass(frozen=True)
class Devcloud:
    """A running pretend Azure. `url` has no slash at its end."""

    url: str
    app: Starlette

    def control(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The JSON answer of the control API: `control("POST", "faults", {"name": "busy"})`. Fails on 4xx."""
        answer = HTTP.request(method, f"{self.url}/_control/{path}", json=body)
        assert answer.is_success, f"{method} /_control/{path}: {answer.status_code} {answer.text}"
        return dict(answer.json())

    def fault(self, name: str, *, times: int | None = 1, **options: Any) -> None:
        """The fault is in force, for one call unless `times` says otherwise."""
        self.control("POST", "faults", {"name": name, "times": times, **options})

    def rules(self, nsg: str) -> dict[str, dict[str, Any]]:
        """The rules of the NSG of this name as Azure holds them now, by rule name."""
        found = [one for one in self.control("GET", "nsgs")["nsgs"] if one["name"] == nsg]
        assert len(found) == 1, f"{len(found)} NSGs are called {nsg}"
        return {rule["name"]: rule for rule in found[0]["rules"]}

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The calls ARM has had, oldest first."""
        return list(self.control("GET", f"calls?since={since}")["calls"])

    def blobs(self) -> dict[str, dict[str, Any]]:
        """What the storage account holds, by path: type, size, blocks, metadata."""
        return dict(self.control("GET", "blobs")["blobs"])

    def blob(self, path: str) -> bytes:
        """The bytes of the blob at this path: "container/name"."""
        return HTTP.get(f"{self.url}/_control/blobs/{path}").raise_for_status().content

    def token(self, resource: str = "https://management.azure.com") -> str:
        """An access token of the world's first managed identity."""
        query = {"api-version": "2019-08-01", "resource": resource}
        headers = {"x-identity-header": HEADER}
        answer = HTTP.get(f"{self.url}/msi/token", params=query, headers=headers)
        return str(answer.raise_for_status().json()["access_token"])


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The application answers at the address handed out until the block ends."""
    listener = server.bound("127.0.0.1", 0)
    running = uvicorn.Server(server.configured(app))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        # The socket listens already, so the first request waits in its queue until the server is up.
        HTTP.get(f"{address}/", timeout=START_S)
        yield address
    finally:
        running.should_exit = running.force_exit = True
        thread.join(START_S)
        listener.close()
        assert not thread.is_alive(), "the pretend Azure did not stop"


@contextmanager
def running_devcloud(world_path: str | Path = WORLD, **options: Any) -> Iterator[Devcloud]:
    """A pretend Azure of this world; `options` are those of `server.build`: write_seconds, state_dir."""
    app = server.build(world.load(world_path), **options)
    with serving(app) as url:
        yield Devcloud(url, app)
    # As its own command does before it ends: a saving may still have been put off.
    app.state.cloud.save_now()
