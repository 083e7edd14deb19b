"""Syslog as a destination: CEF lines of RFC 5424 over UDP, TCP or TLS. The lines themselves are cef.py's.

Syslog has no answer. Over TCP and TLS the collector is waited for to close after us, which it does when it has read
everything; over UDP nobody ever knows, and what is lost is lost: TLS is what an audit trail deserves.
"""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from audit_app import words
from audit_app.models import Event
from audit_app.shipping import cef
from audit_app.shipping.acts import cut
from audit_app.shipping.destination import Limits, Unavailable

PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6514}
_TIMEOUT: Final = 5.0
_CLOSES_WITHIN: Final = 2.0
# RFC 5425 and 5426: receivers should take 8192 and 2048 bytes; longer lines are cut by some, lost by others.
_LONGEST: Final = {"udp": 2048, "tcp": 8192, "tls": 8192}
_LIMITS: Final = Limits(events=500, size=1_000_000)


@dataclass(frozen=True)
class Syslog:
    """A collector, by an address such as tls://siem.example.org:6514."""

    url: str
    ca_file: str = ""
    name: str = "syslog"
    title: str = "Syslog"
    limits: Limits = _LIMITS

    @property
    def scheme(self) -> str:
        """How it is sent: udp, tcp or tls."""
        return urlsplit(self.url).scheme

    def encode(self, event: Event) -> bytes:
        """Return the event as one line, framed by its length where lines follow one another (RFC 6587, 5425)."""
        line = cef.line(
            event,
            sentence=words.sentence(event),
            instance=settings.LATCH_INSTANCE,
            version=settings.LATCH_VERSION,
        )
        short = cut(line, _LONGEST[self.scheme]).encode()
        return short if self.scheme == "udp" else b"%d %s" % (len(short), short)

    def send(self, encoded: Sequence[bytes]) -> None:
        """These lines were handed over, as far as syslog lets one know. Raises Unavailable."""
        try:
            if self.scheme == "udp":
                self._datagrams(encoded)
            else:
                self._stream(b"".join(encoded))
        except OSError as error:  # ssl's errors are OSErrors too
            raise Unavailable(f"{type(error).__name__}: {error}") from error

    def _datagrams(self, encoded: Sequence[bytes]) -> None:
        host, port = self._address()
        family = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect((host, port))
            for one in encoded:
                line.send(one)

    def _stream(self, whole: bytes) -> None:
        with self._connected() as line:
            line.sendall(whole)
            if isinstance(line, ssl.SSLSocket):
                # Collectors that close without a farewell are many; the bytes are theirs all the same.
                with suppress(OSError):
                    line.settimeout(_CLOSES_WITHIN)
                    line.unwrap()
                return
            line.shutdown(socket.SHUT_WR)
            line.settimeout(_CLOSES_WITHIN)
            with suppress(TimeoutError):  # one that never closes has to be believed
                while line.recv(1024):
                    pass

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        host, port = self._address()
        with socket.create_connection((host, port), timeout=_TIMEOUT) as plain:
            if self.scheme == "tcp":
                yield plain
                return
            context = ssl.create_default_context(cafile=self.ca_file or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            with context.wrap_socket(plain, server_hostname=host) as secure:
                yield secure

    def _address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or PORTS[parts.scheme]
