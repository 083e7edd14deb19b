"""Status lists: bit for bit as the draft has them, signed, and small."""

import base64
import random
import zlib
from datetime import UTC, datetime

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.codes.keys import KeyFault, KeySet, generate_pem
from requests_app.codes.status import SIZE, pack, sign_list

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
KEYS = KeySet.from_pem({"a": generate_pem()})
URI = "https://latch.example.com/.well-known/latch-status/0"


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_the_bits_are_those_of_the_draft_s_example() -> None:
    # Section 4.1: places 0, 3, 4, 5, 7, 8, 9, 13 and 15 of 16 are set: bytes b9 and a3.
    packed = pack([0, 3, 4, 5, 7, 8, 9, 13, 15], size=16)
    assert unpacked(packed) == bytes([0xB9, 0xA3])
    assert packed == "eNrbuRgAAhcBXQ"


@given(st.sets(st.integers(0, SIZE - 1), max_size=50))
def test_exactly_the_places_that_were_told_are_set(places: set[int]) -> None:
    bits = unpacked(pack(places))
    assert len(bits) == SIZE // 8
    assert {
        8 * at + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1
    } == places


def test_the_token_says_what_a_status_list_token_says() -> None:
    token = sign_list(KEYS, issuer="https://latch.example.com", uri=URI, invalid=[7], now=NOW)
    assert jwt.get_unverified_header(token) == {
        "alg": "ES256",
        "typ": "statuslist+jwt",
        "kid": KEYS.signing.kid,
    }
    options = {"verify_exp": False, "verify_iat": False}
    said = jwt.decode(token, KEYS.signing.private.public_key(), algorithms=["ES256"], options=options)
    lst = said.pop("status_list")
    at = int(NOW.timestamp())
    assert said == {"iss": "https://latch.example.com", "sub": URI, "iat": at, "exp": at + 60, "ttl": 2}
    assert (lst["bits"], unpacked(lst["lst"])[0]) == (1, 1 << 7)


def test_even_the_worst_list_is_small() -> None:
    half = random.Random(1).sample(range(SIZE), SIZE // 2)
    assert len(sign_list(KEYS, issuer="i", uri=URI, invalid=half, now=NOW)) < 30_000


def test_without_a_private_key_there_is_no_list() -> None:
    from cryptography.hazmat.primitives import serialization

    public = KEYS.signing.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(KeyFault):
        sign_list(KeySet.from_pem({"a": public}), issuer="i", uri=URI, invalid=[], now=NOW)
