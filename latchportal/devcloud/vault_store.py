"""What the pretend Key Vault holds: one key, its versions and who may do what with it. No HTTP."""

import base64
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

from latchportal.devcloud.calls import KEPT
from latchportal.devcloud.errors import ArmError

KEY = "latch-codes"
RIGHTS = ("get", "list", "sign")
_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}


@dataclass
class Version:
    """One version of the key, as made; times are whole seconds since the epoch."""

    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    curve: str
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    created: int = field(default_factory=lambda: int(time.time()))
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def attributes(self) -> dict[str, Any]:
        """What the vault tells of it to whoever may list."""
        times = {"nbf": self.not_before, "exp": self.expires}
        return {
            "enabled": self.enabled,
            **{name: value for name, value in times.items() if value is not None},
            "created": self.created,
            "updated": self.created,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        }

    def jwk(self) -> dict[str, Any]:
        """Its public half."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            said = self.private.public_key().public_numbers()
            return {"kty": "RSA", "n": _number(said.n, 256), "e": _number(said.e, 3)}
        numbers, size = self.private.public_key().public_numbers(), (self.private.key_size + 7) // 8
        return {
            "kty": "EC",
            "crv": self.curve,
            "x": _number(numbers.x, size),
            "y": _number(numbers.y, size),
        }

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """R and S of a signature over this digest, 32 bytes each. Raises ArmError."""
        if algorithm != "ES256" or not isinstance(self.private, ec.EllipticCurvePrivateKey):
            raise bad("Key and signing algorithm are incompatible.")
        if self.curve != "P-256":
            raise bad(f"Key and signing algorithm are incompatible: the key's curve is '{self.curve}'.")
        if len(digest) != 32:
            raise bad(
                f"Invalid length of 'value': {len(digest)} bytes. Required 32 bytes, encoded with base64url."
            )
        signed = self.private.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        first, second = utils.decode_dss_signature(signed)
        return first.to_bytes(32, "big") + second.to_bytes(32, "big")


class Vault:
    """One vault with one key; `rights` are those of every identity that asks."""

    def __init__(self) -> None:
        self.rights: set[str] = set(RIGHTS)
        self.versions: list[Version] = []
        self.calls: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.make("P-256", created=int(time.time()) - 86_400)

    def make(self, curve: str, **more: Any) -> Version:
        """A new version is the key's newest. Raises ValueError for a curve that is not offered; RSA is."""
        if curve == "RSA":
            made: Any = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif curve in _CURVES:
            made = ec.generate_private_key(_CURVES[curve])
        else:
            raise ValueError(f"curve is RSA or one of {', '.join(_CURVES)}, not {curve!r}")
        version = Version(made, curve, **more)
        self.versions.append(version)
        return version

    def version(self, key: str, name: str) -> Version:
        """The version of this name, the newest for none. Raises ArmError."""
        found = [one for one in self.versions if key == KEY and name in ("", one.name)]
        if not found:
            said = f"{key}/{name}" if name else key
            message = f"A key with (name/id) {said} was not found in this key vault."
            raise ArmError(404, "KeyNotFound", message)
        return found[-1]


def bad(message: str) -> ArmError:
    return ArmError(400, "BadParameter", message)


def encoded(data: bytes) -> str:
    """Base64url without its padding, as the vault writes bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int, size: int) -> str:
    return encoded(value.to_bytes(size, "big"))
