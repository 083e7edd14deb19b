"""A private key that lies elsewhere signs as one that is here, and gives nothing else away."""

import copy
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from requests_app.codes.elsewhere import KeyElsewhere
from requests_app.codes.keys import KeyFault, from_coordinates

KEY = ec.generate_private_key(ec.SECP256R1())
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


def asked(digest: bytes) -> bytes:
    """R and S, as a vault would answer."""
    der = KEY.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in utils.decode_dss_signature(der))


def test_what_it_signs_verifies_with_its_public_half() -> None:
    key = KeyElsewhere(KEY.public_key(), asked)
    token = jwt.encode({"sub": "somebody"}, key, algorithm="ES256")
    assert jwt.decode(token, key.public_key(), algorithms=["ES256"]) == {"sub": "somebody"}
    assert copy.deepcopy(key) is copy.copy(key) is key


def test_an_answer_that_is_no_signature_is_refused() -> None:
    with pytest.raises(KeyFault, match="no ES256 signature"):
        jwt.encode({}, KeyElsewhere(KEY.public_key(), lambda _: b"short"), algorithm="ES256")


@pytest.mark.parametrize(
    "act",
    [
        lambda key: key.private_numbers(),
        lambda key: key.private_bytes(PEM, PKCS8, serialization.NoEncryption()),
        lambda key: key.exchange(ec.ECDH(), KEY.public_key()),
        lambda key: key.sign(b"", ec.ECDSA(hashes.SHA512())),
    ],
)
def test_it_signs_digests_and_does_nothing_else(act: Callable[[Any], object]) -> None:
    with pytest.raises(KeyFault):
        act(KeyElsewhere(KEY.public_key(), asked))


def test_a_point_off_the_curve_is_no_key() -> None:
    with pytest.raises(KeyFault, match="of a vault"):
        from_coordinates(b"\1" * 32, b"\2" * 32, "of a vault")
