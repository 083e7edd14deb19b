"""The keys that sign and verify latch codes.

Parsed once from PEM, published as a JWK set; reading files belongs elsewhere.
"""

import base64
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

_Private = ec.EllipticCurvePrivateKey
_Public = ec.EllipticCurvePublicKey
_COORDINATE = 32
_BEGINS = re.compile(r"-from-(\d{8}T\d{6})$")
_STAMP = "%Y%m%dT%H%M%S"


class KeyFault(ValueError):
    """A key file cannot be used; the text names it and says why, and never holds any of the key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key codes are signed with, here or elsewhere (`KeyElsewhere`), under its thumbprint."""

    kid: str
    private: _Private


@dataclass(frozen=True)
class KeySet:
    """Several keys at once: all of them verify, one signs (none, where only public keys were given)."""

    public: Mapping[str, _Public]
    signer: SigningKey | None = None

    @classmethod
    def from_pem(
        cls, files: Mapping[str, bytes], *, signing: str | None = None, waiting: Collection[str] = ()
    ) -> "KeySet":
        """The keys of these files (name -> PEM; P-256 private keys, or public ones that only verify).

        `signing` names the file whose key signs; without it the last private key by name does, so a newer key takes
        over by being named later. Those `waiting` are published and do not sign yet, unless there is no other.
        Raises KeyFault for anything that is no such key.
        """
        public: dict[str, _Public] = {}
        signers: dict[str, SigningKey] = {}
        for name in sorted(files):
            key = _parse(name, files[name])
            open_half = key.public_key() if isinstance(key, _Private) else key
            kid = thumbprint(open_half)
            public[kid] = open_half
            if isinstance(key, _Private):
                signers[name] = SigningKey(kid, key)
        if not public:
            raise KeyFault("no key was given")
        if signing is not None and signing not in signers:
            raise KeyFault(
                f"“{signing}” is not the name of a private key; there are {', '.join(signers) or 'none'}"
            )
        ready = [name for name in signers if name not in waiting]
        chosen = signing if signing is not None else max(ready, default=min(signers, default=None))
        return cls(public, signers[chosen] if chosen is not None else None)

    @property
    def signing(self) -> SigningKey:
        """The key that signs; raises KeyFault where there are only public ones."""
        if self.signer is None:
            raise KeyFault("there are only public keys here, so nothing can be signed")
        return self.signer

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517), fit to be shown to anyone."""
        return {
            "keys": [
                {**_jwk(key), "use": "sig", "alg": "ES256", "kid": kid}
                for kid, key in sorted(self.public.items())
            ]
        }


def file_name(made: datetime, begins: datetime | None = None) -> str:
    """Return what a key made now is called, without its ending: later names sign, from the instant they say on."""
    later = f"-from-{begins.astimezone(UTC):{_STAMP}}" if begins else ""
    return f"latch-{made.astimezone(UTC):{_STAMP}}{later}"


def begins(name: str) -> datetime | None:
    """Return the instant from which a key of this name signs; None where it always did."""
    found = _BEGINS.search(name)
    try:
        return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) if found else None
    except ValueError:
        raise KeyFault(f"“{name}” says no time from which it signs") from None


def public_pem(pem: bytes, name: str) -> bytes:
    """Return the public half of the key in this PEM; raises KeyFault for what is no such key."""
    key = _parse(name, pem)
    return pem_of(key.public_key() if isinstance(key, _Private) else key)


def kid_of(pem: bytes, name: str) -> str:
    """Return the name by which codes and seals speak of this key; raises KeyFault."""
    return next(iter(KeySet.from_pem({name: pem}).public))


def pem_of(key: _Public) -> bytes:
    """Return this public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def from_coordinates(x: bytes, y: bytes, name: str) -> _Public:
    """Return the P-256 public key of these coordinates; raises KeyFault for what is no point of the curve."""
    try:
        numbers = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
        )
        return numbers.public_key()
    except ValueError:
        raise KeyFault(f"“{name}” is not a key on the curve P-256, which ES256 needs") from None


def generate_pem() -> bytes:
    """A new private key, unencrypted PKCS#8 PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def thumbprint(key: _Public) -> str:
    """The key's name: its JWK thumbprint (RFC 7638), which anyone can work out from the key itself."""
    said = json.dumps(_jwk(key), sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(said.encode()).digest())


def _parse(name: str, pem: bytes) -> _Private | _Public:
    try:
        if b"PRIVATE KEY" in pem:
            key: object = serialization.load_pem_private_key(pem, password=None)
        else:
            key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The parser's own words may quote the file, so they are not handed on.
        raise KeyFault(f"“{name}” is not an unencrypted PEM key") from None
    if not isinstance(key, _Private | _Public) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFault(f"“{name}” is not a key on the curve P-256, which ES256 needs")
    return key


def _jwk(key: _Public) -> dict[str, str]:
    numbers = key.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": _base64url(numbers.x.to_bytes(_COORDINATE, "big")),
        "y": _base64url(numbers.y.to_bytes(_COORDINATE, "big")),
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
