"""Syslog collectors for tests, on loopback: they keep what they are sent, over UDP, TCP or TLS. No assertions here."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Collector:
    """A running collector: its address and what it was sent so far."""

    port: int
    received: bytearray = field(default_factory=bytearray)
    datagrams: list[bytes] = field(default_factory=list)
    rude: bool = False

    def framed(self) -> list[bytes]:
        """The lines of a stream, by the length before each."""
        rest, found = bytes(self.received), []
        while rest:
            length, _, rest = rest.partition(b" ")
            found.append(rest[: int(length)])
            rest = rest[int(length) :]
        return found


@contextmanager
def udp() -> Iterator[Collector]:
    """A collector of datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(5)
        collector = Collector(line.getsockname()[1])
        yield collector
        line.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                collector.datagrams.append(line.recv(65_535))


@contextmanager
def stream(context: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """A collector of connections, over TLS when a context is given; a `rude` one resets each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    collector = Collector(listener.getsockname()[1])

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                with suppress(OSError):
                    _read(line, collector, context)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read(plain: socket.socket, collector: Collector, context: ssl.SSLContext | None) -> None:
    with plain:
        if collector.rude:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            return
        line = context.wrap_socket(plain, server_side=True) if context else plain
        while part := line.recv(65_536):
            collector.received += part


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return the file of a new certificate for 127.0.0.1, and a server's context that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "collector")])
    moment = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "collector.pem", folder / "collector.key"
    public.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
