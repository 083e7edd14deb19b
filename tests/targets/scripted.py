"""A web server that answers as told, for what a well-behaved Azure never does. It knows no Azure itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from requests_app.targets.azure_cloud import AzureConfig


@dataclass
class Answer:
    """One answer. `hang` seconds before it; `drop` closes the connection without one."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    drop: bool = False


Script = Callable[[str, str], Answer]


@dataclass
class Scripted:
    """A running server: its address, and what it was asked as (method, path, headers)."""

    url: str
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answer: Script = field(default=lambda method, path: Answer(500))
    token_hang: float = 0.0

    def paths(self, method: str) -> list[str]:
        return [path for asked, path, _ in self.asked if asked == method and not path.startswith("/identity")]

    def config(self, **changes: Any) -> AzureConfig:
        values: dict[str, Any] = {
            "arm_endpoint": self.url,
            "graph_endpoint": self.url,
            "allow_cleartext_loopback": True,
            "poll_seconds": 0.05,
            "connect_timeout": 1.0,
            "read_timeout": 1.0,
            "write_deadline_seconds": 3.0,
        }
        return AzureConfig(**(values | changes))


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """Serve on loopback; /identity/token always gives a managed identity its token."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]  # a client that hung up
    state = Scripted(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = _handler(state)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(state: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            path = urlsplit(self.path).path
            answer = (
                _token(state.token_hang) if path == "/identity/token" else state.answer(self.command, path)
            )
            if answer.hang:
                time.sleep(answer.hang)
            if answer.drop:
                self.close_connection = True
                return
            text = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for key, value in ({"Content-Type": "application/json"} | answer.headers).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _token(hang: float) -> Answer:
    expires = str(int(time.time()) + 3600)
    return Answer(
        body={"access_token": "a-token", "expires_on": expires, "resource": "x", "token_type": "Bearer"},
        hang=hang,
    )
