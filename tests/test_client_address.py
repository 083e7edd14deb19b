"""Which address the client comes from, by what the trusted proxies wrote."""

from typing import Any

import pytest

from latchportal.client_address import client_address

FORWARDED = "HTTP_X_FORWARDED_FOR"


def meta(peer: str = "10.0.0.2", forwarded: str | None = None) -> dict[str, Any]:
    return {"REMOTE_ADDR": peer} | ({} if forwarded is None else {FORWARDED: forwarded})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("81.2.69.142", None, "81.2.69.142"),
        ("81.2.69.142", "1.1.1.1", "81.2.69.142"),
        ("2a02:2f0a::1", None, "2a02:2f0a::1"),
        ("::ffff:81.2.69.142", None, "81.2.69.142"),
        ("", None, None),
        ("unix:", None, None),
    ],
)
def test_without_a_proxy_the_peer_counts_and_headers_do_not(
    peer: str, forwarded: str | None, expected: str | None
) -> None:
    assert client_address(meta(peer, forwarded), 0) == expected


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ("81.2.69.142", 1, "81.2.69.142"),
        (" 81.2.69.142 ", 1, "81.2.69.142"),
        ("81.2.69.142, 10.0.0.9", 2, "81.2.69.142"),
        ("81.2.69.142,10.0.0.9,10.0.0.8", 3, "81.2.69.142"),
        # Application Gateway and others add the port.
        ("81.2.69.142:50123", 1, "81.2.69.142"),
        ("[2a02:2f0a::1]:50123", 1, "2a02:2f0a::1"),
        ("[2a02:2f0a::1]", 1, "2a02:2f0a::1"),
        ("2A02:2F0A:0::0001", 1, "2a02:2f0a::1"),
        ("::ffff:81.2.69.142", 1, "81.2.69.142"),
        ("[::ffff:81.2.69.142]:443", 1, "81.2.69.142"),
    ],
)
def test_behind_proxies_the_address_the_outermost_saw_counts(
    forwarded: str, proxies: int, expected: str
) -> None:
    assert client_address(meta(forwarded=forwarded), proxies) == expected


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ("1.1.1.1, 81.2.69.142", 1, "81.2.69.142"),
        ("1.1.1.1, 2.2.2.2, 81.2.69.142, 10.0.0.9", 2, "81.2.69.142"),
        ("10.0.0.1, 127.0.0.1, 81.2.69.142", 1, "81.2.69.142"),
        ("nonsense, 81.2.69.142", 1, "81.2.69.142"),
        (",,, 81.2.69.142", 1, "81.2.69.142"),
    ],
)
def test_what_the_client_wrote_itself_is_never_believed(forwarded: str, proxies: int, expected: str) -> None:
    assert client_address(meta(forwarded=forwarded), proxies) == expected


@pytest.mark.parametrize(
    ("forwarded", "proxies"),
    [
        (None, 1),
        ("", 1),
        (" , ", 1),
        ("81.2.69.142", 2),
        ("1.1.1.1, 81.2.69.142", 3),
        ("unknown", 1),
        ("_hidden", 1),
        ("81.2.69.142/32", 1),
        ("81.2.69.999", 1),
        ("prod-web-01.example", 1),
        ("81.2.69.142 evil", 1),
    ],
)
def test_an_address_that_can_not_be_told_is_nobody_s(forwarded: str | None, proxies: int) -> None:
    assert client_address(meta(forwarded=forwarded), proxies) is None


@pytest.mark.parametrize("zone", ["fe80::1%eth0", "[fe80::1%eth0]:80"])
def test_an_address_with_a_zone_is_nobody_s(zone: str) -> None:
    assert client_address(meta(forwarded=zone), 1) is None
