"""A cheap HTTP client and a load of several of them at once: threads, kept connections, cookies. No page is known here."""

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.benchmarks.options import percentile

TIMEOUT_SECONDS = 60
WARM_UP = 3


class WrongAnswer(Exception):
    """The site did not answer as the measure needs it; its text says what it did answer."""


@dataclass(frozen=True)
class Answer:
    """One answer: its status, where it leads, its body, how long it took in seconds."""

    status: int
    location: str
    body: bytes
    seconds: float


@dataclass
class Line:
    """One person's connection to the site, kept open, with the session's cookies and the person's address.

    It speaks as the trusted proxy would: nothing stands between it and the site.
    """

    port: int
    cookies: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    _open: http.client.HTTPConnection | None = None

    def get(self, path: str, *, good: int = 200) -> Answer:
        """Return the answer to a GET. Raises WrongAnswer for any other status."""
        return self._ask("GET", path, None, good)

    def post(self, path: str, fields: Mapping[str, str], *, good: int = 302) -> Answer:
        """Return the answer to a form with these fields and the session's CSRF token."""
        body = urlencode({**fields, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")})
        return self._ask("POST", path, body, good)

    def headers(self, posting: bool) -> dict[str, str]:
        """Return what every request of this person says."""
        said = {
            "Accept": "text/html",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "X-Forwarded-Proto": "http",
        }
        if self.address:
            said["X-Forwarded-For"] = self.address
        if posting:
            said["Content-Type"] = "application/x-www-form-urlencoded"
            said["Origin"] = f"http://127.0.0.1:{self.port}"
        return said

    def close(self) -> None:
        """The connection is closed; the next request opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _ask(self, method: str, path: str, body: str | None, good: int) -> Answer:
        started = time.perf_counter()
        try:
            status, location, content = self._exchange(method, path, body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The site closed a connection that was idle; a new one is asked once.
            self.close()
            status, location, content = self._exchange(method, path, body)
        seconds = time.perf_counter() - started
        if status != good:
            words = content[:3000].decode("utf-8", "replace")
            raise WrongAnswer(f"{method} {path} was answered {status}, not {good}: {location} {words}")
        return Answer(status, location, content, seconds)

    def _exchange(self, method: str, path: str, body: str | None) -> tuple[int, str, bytes]:
        if self._open is None:
            self._open = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        self._open.request(method, path, body=body, headers=self.headers(body is not None))
        response = self._open.getresponse()
        return response.status, response.getheader("Location", ""), response.read()


@dataclass(frozen=True)
class Load:
    """What several clients did in a while: how often a second, and how long each took in seconds."""

    per_second: float
    seconds: list[float]

    def ms(self, percent: float) -> float:
        """Return this percentile in milliseconds."""
        return percentile(self.seconds, percent) * 1000


def under_load(works: list[Callable[[], float]], seconds: float) -> Load:
    """Return what one thread for each of these did in so many seconds; each call returns the seconds it counts.

    Raises whatever a call raised: a load with errors in it measures nothing.
    """
    for work in works:
        for _ in range(WARM_UP):
            work()
    run = _Run(works, seconds)
    run.go()
    if run.trouble:
        raise run.trouble[0]
    return Load(len(run.taken) / run.lasted, run.taken)


class _Run:
    """Threads that start together and stop when the time is up, or when one of them meets trouble."""

    def __init__(self, works: list[Callable[[], float]], seconds: float) -> None:
        self.works, self.seconds = works, seconds
        self.taken: list[float] = []
        self.trouble: list[BaseException] = []
        self.lasted = 0.0
        self._gate = threading.Barrier(len(works) + 1)
        self._end = 0.0

    def go(self) -> None:
        """Every thread ran to its end."""
        threads = [threading.Thread(target=self._loop, args=(work,), daemon=True) for work in self.works]
        for thread in threads:
            thread.start()
        started = time.perf_counter()
        self._end = started + self.seconds
        self._gate.wait()
        for thread in threads:
            thread.join()
        self.lasted = time.perf_counter() - started

    def _loop(self, work: Callable[[], float]) -> None:
        self._gate.wait()
        try:
            while time.perf_counter() < self._end and not self.trouble:
                self.taken.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller of under_load()
            self.trouble.append(error)
