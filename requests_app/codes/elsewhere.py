"""A private key that lies elsewhere: it signs by asking, and nothing else can be had of it. Who is asked, others tell."""

import hashlib
from collections.abc import Callable
from typing import Any, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from requests_app.codes.keys import KeyFault

# From a SHA-256 digest to R and S, 32 bytes each, as JOSE and Azure write a signature.
SignDigest = Callable[[bytes], bytes]
_HALF = 32


class KeyElsewhere(ec.EllipticCurvePrivateKey):
    """Stands wherever a P-256 private key does, so that signing is one path; it holds the public half alone.

    `sign` raises what the one who is asked raises, and KeyFault for an answer that is no such signature.
    """

    def __init__(self, public: ec.EllipticCurvePublicKey, sign_digest: SignDigest) -> None:
        self._public, self._sign_digest = public, sign_digest

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Return the signature of these bytes in DER."""
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise KeyFault("this key signs SHA-256 digests alone")
        raw = self._sign_digest(hashlib.sha256(data).digest())
        if len(raw) != 2 * _HALF:
            raise KeyFault("what came back from the key is no ES256 signature")
        return encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))

    def exchange(self, algorithm: Any, peer_public_key: Any) -> NoReturn:
        raise KeyFault("this key signs and does nothing else")

    def private_numbers(self) -> NoReturn:
        raise KeyFault("this key's private half does not leave its place")

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise KeyFault("this key's private half does not leave its place")

    def __copy__(self) -> "KeyElsewhere":
        return self

    def __deepcopy__(self, memo: Any) -> "KeyElsewhere":
        return self
