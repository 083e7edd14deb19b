"""What every measure stands on: the real processes, a past in the database, Django connected to it. Measures nothing."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from latchportal.demo.browser import Browser
from latchportal.demo.processes import Part
from latchportal.demo.stack import Stack, free_ports
from latchportal.demo.surroundings import ROOT, WORLD, python
from latchportal.devcloud import world
from tests.benchmarks.load import Line, WrongAnswer
from tests.benchmarks.options import Options


@dataclass
class Setting:
    """A running stack, this process connected to its database, and people who can sign in."""

    stack: Stack
    options: Options
    here: world.World
    # Where a measure may stand in for the channel `flaky` of notices.
    channel_port: int = 0
    _lines: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def site_port(self) -> int:
        """Return where the site itself listens, behind the proxy: gunicorn with two workers."""
        return self.stack.ports.site

    def described(self, key: str) -> world.Person:
        """Return the person of this name: "ada"."""
        return self.here.person(key)

    def line(self, key: str, port: int = 0) -> Line:
        """Return a connection of this person, signed in at the pretend Entra (once a person, before any timing)."""
        described = self.described(key)
        if key not in self._lines:
            browser = Browser(self.stack.base_url)
            browser.sign_in(described.oid)
            wanted = ("sessionid", "csrftoken")
            self._lines[key] = {
                cookie.name: cookie.value or "" for cookie in browser.session.cookies if cookie.name in wanted
            }
        return Line(port or self.site_port, self._lines[key], described.address)

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Return a connection of our own to the stack's database, as the site's role."""
        return psycopg.connect(self.stack.environment["DATABASE_URL"], autocommit=True)

    @contextmanager
    def gunicorn(self, *, workers: int, application: str = "latchportal.wsgi:application") -> Iterator[Part]:
        """A server of its own with so many workers; the part's name is its port."""
        port = free_ports(1)[0]
        words = ("--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", "4")
        part = Part(
            str(port),
            python("-m", "gunicorn", application, *words, "--graceful-timeout", "5"),
            self.stack.logs / f"gunicorn-{port}.log",
            self.stack.environment,
            ROOT,
        )
        part.start()
        try:
            yield part
        finally:
            part.stop()


def answers(port: int, path: str = "/healthz") -> bool:
    """Return whether the server on this port says 200 to this path."""
    try:
        Line(port).get(path)
    except (OSError, WrongAnswer):
        return False
    return True


@contextmanager
def staged(options: Options) -> Iterator[Setting]:
    """Everything runs, with the past written, over a directory of its own that is gone afterwards.

    A directory that was named is kept, and its past used again.
    """
    directory = options.directory or Path(tempfile.mkdtemp(prefix="latch-bench-"))
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)  # the embedded database's own user walks through
    channel = free_ports(1)[0]
    extra = {"LOG_LEVEL": "WARNING", "NOTICE_CHANNELS": f"flaky=json://127.0.0.1:{channel}/"}
    stack = Stack(directory, write_seconds=options.write_seconds, extra=extra, say=_say)
    try:
        with stack:
            _connect_django(stack)
            _seed(options.requests)
            yield Setting(stack, options, world.load(WORLD), channel)
    finally:
        if options.directory is None:
            stack.wipe()
            shutil.rmtree(directory, ignore_errors=True)


def _connect_django(stack: Stack) -> None:
    os.environ.update(stack.environment)
    import django

    django.setup()


def _seed(count: int) -> None:
    from django.core.management import call_command

    from requests_app.models import AccessRequest

    count -= AccessRequest.objects.count()
    if count <= 0:
        return
    started = time.perf_counter()
    call_command("seed", requests=count, more=True, verbosity=0)
    _say(f"seeded {count:,} requests in {time.perf_counter() - started:.0f} s")


def _say(words: str) -> None:
    print(f"  {words}", flush=True)
