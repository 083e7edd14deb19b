"""Syslog over UDP, TCP and TLS to collectors that listen on loopback."""

from pathlib import Path

import pytest

from audit_app.models import Event
from audit_app.shipping.ship import ship
from audit_app.shipping.syslog import Syslog
from tests.audit_app.trail_makers import happened, many
from tests.shipping import collectors
from tests.shipping.makers import cursor, due

pytestmark = pytest.mark.django_db


def in_order(lines: list[bytes]) -> bool:
    """Whether these lines are the trail, each event once."""
    uids = [str(uid).encode() for uid in Event.objects.order_by("id").values_list("uid", flat=True)]
    return len(lines) == len(uids) and all(
        b"externalId=" + uid in line for uid, line in zip(uids, lines, strict=True)
    )


def test_datagrams_hold_one_event_each() -> None:
    many(20)
    with collectors.udp() as collector:
        ship(Syslog(f"udp://127.0.0.1:{collector.port}"))
    assert in_order(collector.datagrams)
    assert collector.datagrams[0].startswith(b"<109>1 ")


def test_a_stream_holds_the_trail_framed_by_length() -> None:
    many(600)
    happened(why="line\nand “quotes”, größer")
    with collectors.stream() as collector:
        done = ship(Syslog(f"tcp://127.0.0.1:{collector.port}"))
    assert in_order(collector.framed())
    assert done.batches == 2


def test_over_tls_the_collector_has_to_prove_who_it_is(tmp_path: Path) -> None:
    many(20)
    file, context = collectors.certificate(tmp_path)
    with collectors.stream(context) as collector:
        url = f"tls://127.0.0.1:{collector.port}"
        assert "certificate verify failed" in ship(Syslog(url)).error
        assert cursor("syslog").shipped_to == 0
        due("syslog")
        ship(Syslog(url, str(file)))
    assert in_order(collector.framed())


def test_a_collector_that_is_away_or_resets_loses_nothing() -> None:
    many(5)
    assert "ConnectionRefusedError" in ship(Syslog("tcp://127.0.0.1:1")).error
    with collectors.stream() as collector:
        collector.rude = True
        due("syslog")
        assert ship(Syslog(f"tcp://127.0.0.1:{collector.port}")).error
        collector.rude = False
        due("syslog")
        ship(Syslog(f"tcp://127.0.0.1:{collector.port}"))
    assert in_order(collector.framed())


def test_a_line_is_never_longer_than_collectors_take() -> None:
    long = happened(why="x" * 100_000, label="y" * 200, resource="z" * 200)
    for scheme, longest in (("udp", 2048), ("tcp", 8192)):
        encoded = Syslog(f"{scheme}://127.0.0.1").encode(long)
        assert len(encoded) <= longest + 5
        assert f"externalId={long.uid}".encode() in encoded
