"""The whole project as real processes: started in order, each when what it needs is ready, and stopped again.

Used by the demo, the smoke test and the journeys. What a part is told stands in surroundings.py.
"""

import fcntl
import shutil
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

import requests
from celery import Celery

from latchportal.demo import databases, redis, surroundings
from latchportal.demo.postgres import Postgres
from latchportal.demo.processes import Part, PartFailed, run, stop_together
from latchportal.demo.surroundings import ROOT, WORLD, Ports, Stores, python
from latchportal.devcloud import world

# Stopped after all others, each line together: who asks before who answers.
LAST = (("azure",), ("redis", "postgres"))
WORKERS = {
    "tick": ("-Q", "tick", "--pool", "solo"),
    "converge": ("-Q", "converge", "--pool", "threads", "-c", "16"),
    "slow": ("-Q", "slow", "--pool", "prefork", "-c", "1"),
    "seal": ("-Q", "seal", "--pool", "solo"),
    "mail": ("-Q", "mail", "--pool", "threads", "-c", "2"),
}


class Stack:
    """Database, broker, pretend Azure, site, proxy, workers and beat over one directory. A context manager.

    `database` and `broker` are URLs of servers that are already there; without them both are started here. Of each
    worker and of beat there are as many as `copies` says ({"converge": 2}: "converge" and "converge-2"), else one.
    `durable` keeps what was committed even when PostgreSQL is killed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        ports: Ports | None = None,
        database: str = "",
        broker: str = "",
        write_seconds: float = 0.4,
        copies: Mapping[str, int] | None = None,
        durable: bool = False,
        seeded: int = 0,
        extra: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.directory = directory.absolute()
        self.logs = self.directory / "logs"
        self.mails = self.directory / "mails"
        self.ports = ports or Ports(*free_ports(4))
        self.parts: dict[str, Part] = {}
        self.write_seconds = write_seconds
        self.seeded = seeded
        self.say = say
        self.copies = copies or {}
        self.postgres = Postgres(self.directory / "postgres", log=self.logs / "postgres.log", durable=durable)
        self._own_database, self._own_broker = not database, not broker
        self._extra = extra or {}
        self._stores = Stores(
            site=database or self.postgres.url(databases.DATABASE, databases.SITE),
            owner=self._extra.get("DATABASE_OWNER_URL", database)
            or self.postgres.url(databases.DATABASE, databases.OWNER),
            redis=broker or f"redis://127.0.0.1:{self.ports.redis}/0",
        )
        self._lock: IO[str] | None = None

    @property
    def base_url(self) -> str:
        """Where people find the site."""
        return f"http://127.0.0.1:{self.ports.public}"

    @property
    def azure_url(self) -> str:
        """Where the pretend Azure is, with a page to watch it."""
        return f"http://127.0.0.1:{self.ports.azure}"

    @property
    def services(self) -> list[str]:
        """The names of all that runs beside the stores, in the order in which it is started."""
        many = [*WORKERS, "beat"]
        copied = [
            name if number == 1 else f"{name}-{number}"
            for name in many
            for number in range(1, self.copies.get(name, 1) + 1)
        ]
        return ["site", "proxy", *copied, "reaper"]

    @property
    def environment(self) -> dict[str, str]:
        """What the site and its commands are told."""
        return surroundings.site(self.directory, self.ports, self._stores, self._extra)

    def __enter__(self) -> Self:
        self.start_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()

    def start_all(self) -> None:
        """Everything runs and is ready. Raises PartFailed, with the log's end, and leaves nothing behind."""
        self._take_directory()
        try:
            self._start_stores()
            self._prepare_data()
            self.say("Starting the site, its proxy, the workers, beat and the reaper …")
            for name in self.services:
                self._launch(name)
            for name in self.services:
                self._await(name)
            # The pages show rules by what was last read of Azure; beat's first reading is a minute away.
            Celery(broker=self._stores.redis).send_task("requests_app.snapshots", queue="slow")
        except BaseException:
            self.stop_all()
            raise

    def stop_all(self) -> None:
        """No process of this stack is left."""
        last = [name for line in LAST for name in line]
        stop_together([part for name, part in self.parts.items() if name not in last])
        for line in LAST:
            stop_together([self.parts[name] for name in line if name in self.parts])
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def start(self, name: str) -> Part:
        """This part runs, anew, and is ready."""
        if self.parts[name].alive:
            raise PartFailed(f"{name} runs already")
        if name == "postgres":
            self.parts[name] = self.postgres.start()
            return self.parts[name]
        self._launch(name)
        return self._await(name)

    def kill(self, name: str, number: int = 9) -> None:
        """This part, with all it started, got this signal (SIGKILL) and is gone."""
        self.parts[name].kill(number)

    def flush_redis(self) -> None:
        """Redis has forgotten every message."""
        redis.flush(urlsplit(self._stores.redis).port or 6379)

    def dead(self) -> list[Part]:
        """Return the parts that are not running any more."""
        return [part for part in self.parts.values() if not part.alive]

    def wipe(self) -> None:
        """The directory is empty. Only for a stack that is stopped."""
        self.postgres.wipe()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _take_directory(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.mails.mkdir(exist_ok=True)
        lock = (self.directory / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise PartFailed(f"Another stack already runs over {self.directory}.") from None
        self._lock = lock

    def _start_stores(self) -> None:
        self.say("Starting the database, the broker and the pretend Azure …")
        started = ["azure", *(["redis"] if self._own_broker else [])]
        for name in started:
            self._launch(name)
        if self._own_database:
            self.parts["postgres"] = self.postgres.start()
            databases.prepare(self.postgres)
        for name in started:
            self._await(name)

    def _prepare_data(self) -> None:
        self.say("Preparing the database: tables, policy, people and their past …")
        command = python("-m", "latchportal.demo.prepare", "--seeded", str(self.seeded))
        run(Part("prepare", command, self._log("prepare"), self.environment, ROOT))

    def _launch(self, name: str) -> None:
        part = self._part(name)
        self.parts[name] = part
        part.start()

    def _await(self, name: str) -> Part:
        part = self.parts[name]
        ready, what = self._readiness(name)
        part.wait_until(ready, what=what)
        return part

    def _part(self, name: str) -> Part:
        log, env = self._log(name), self.environment
        kind = name.partition("-")[0]
        if kind in WORKERS:
            return Part(name, _celery("worker", "-n", f"{name}@%h", *WORKERS[kind], *QUIET), log, env, ROOT)
        if name == "reaper":
            return Part(name, self._reaper_command(), log, surroundings.reaper(env), ROOT)
        if name == "redis":
            return redis.redis_part(port=self.ports.redis, log=log)
        if name == "azure":
            return Part(name, self._azure_command(), log, surroundings.bare(), ROOT)
        if name == "proxy":
            return Part(name, self._proxy_command(), log, surroundings.bare(), ROOT)
        if kind == "beat":
            schedule = self.directory / f"{name}-schedule"
            return Part(name, _celery("beat", "-s", str(schedule), "--pidfile="), log, env, ROOT)
        return Part(name, self._site_command(), log, env, ROOT)

    def _readiness(self, name: str) -> tuple[Callable[[], bool], str]:
        part = self.parts[name]
        if name == "redis":
            return (lambda: redis.answers(self.ports.redis)), "an answer to PING"
        kind = name.partition("-")[0]
        if kind in WORKERS:
            return (
                lambda: part.said(f"{name}@") and part.said(" ready.")
            ), "the worker's word that it is ready"
        if name == "reaper":
            return (lambda: part.said('"action"')), "the reaper's first look"
        if kind == "beat":
            return (lambda: part.said("beat: Starting")), "beat's word that it started"
        ports = {"azure": self.ports.azure, "proxy": self.ports.public, "site": self.ports.site}
        path = "/" if name == "azure" else "/readyz"
        return (lambda: _healthy(f"http://127.0.0.1:{ports[name]}{path}")), f"a good answer from {path}"

    def _azure_command(self) -> list[str]:
        words = ("-m", "latchportal.devcloud", "--world", str(WORLD), "--port", str(self.ports.azure))
        keep = ("--state-dir", str(self.directory / "azure"), "--write-seconds", str(self.write_seconds))
        return python(*words, *keep)

    def _proxy_command(self) -> list[str]:
        upstream = f"http://127.0.0.1:{self.ports.site}"
        words = ("-m", "latchportal.devcloud.proxy", "--listen", str(self.ports.public))
        return python(*words, "--upstream", upstream, "--world", str(WORLD))

    def _reaper_command(self) -> list[str]:
        subscriptions = [
            word for one in world.load(WORLD).subscriptions for word in ("--subscription", one.id)
        ]
        return python("-m", "latchportal.reaper", *subscriptions, "--apply", "--every", "15s")

    def _site_command(self) -> list[str]:
        words = ("-m", "gunicorn", "latchportal.wsgi:application", "--bind", f"127.0.0.1:{self.ports.site}")
        return python(*words, "--workers", "2", "--threads", "4", "--graceful-timeout", "5")

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def _celery(*words: str) -> list[str]:
    return python("-m", "celery", "-A", "latchportal.celery:app", *words)


def _healthy(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(url, timeout=2).ok
    return False


def free_ports(count: int) -> list[int]:
    """Return so many loopback ports nobody listens on, all different."""
    lines = [socket.socket() for _ in range(count)]
    try:
        for line in lines:
            line.bind(("127.0.0.1", 0))
        return [line.getsockname()[1] for line in lines]
    finally:
        for line in lines:
            line.close()
