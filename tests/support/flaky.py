"""A receiver of notes on loopback that refuses a share of them: with 503, or by hanging up before it has read any."""

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """What it took, by the number each note ends with; how often it refused."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, refused: float, seed: int, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.refused = refused
        self.taken: Counter[int] = Counter()
        self.notes: list[dict[str, Any]] = []
        self.refusals = 0
        self._dice, self._lock = random.Random(seed), threading.Lock()

    @property
    def address(self) -> str:
        """Return the apprise URL that leads here."""
        return f"json://127.0.0.1:{self.server_port}/hook"

    def throw(self) -> float:
        """Return a number of at most 1; below `refused` the note is refused."""
        with self._lock:
            return self._dice.random()

    def take(self, note: dict[str, Any]) -> None:
        """The note counts as taken."""
        number = re.search(r"\(notice (\d+)\)$", note["message"])
        with self._lock:
            self.notes.append(note)
            self.taken[int(number[1]) if number else 0] += 1

    def refuse(self) -> None:
        """One more was refused."""
        with self._lock:
            self.refusals += 1


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Take the note, or refuse it in one of two ways."""
        thrown = self.server.throw()
        if thrown < self.server.refused:
            self.server.refuse()
            if thrown < self.server.refused / 2:
                self.close_connection = True
                return
            self.send_response(503)
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.take(json.loads(body))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving(*, refused: float = 0.0, seed: int = 1, port: int = 0) -> Iterator[Receiver]:
    """A receiver that runs, at this port if one is named."""
    server = Receiver(refused, seed, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
