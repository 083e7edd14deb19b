"""ES256 over seals and manifests, as compact JWS: made with a key handed in, checked with a JWK set. No file here."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

ALGORITHM: Final = "ES256"
# The header's `typ` keeps a signature over one kind of thing from being shown for another: a latch code has its own.
SEAL_TYPE: Final = "latch-seal"
MANIFEST_TYPE: Final = "latch-manifest"

Check = Callable[[str, str], bytes]


class NotSigned(ValueError):
    """This is not signed by a key we were given; the text says why."""


def sign(key: Any, kid: str, payload: bytes, kind: str) -> str:
    """Return these bytes under the key's signature: a compact JWS that holds them."""
    headers = {"typ": kind, "kid": kid}
    return jwt.PyJWS().encode(payload, key, algorithm=ALGORITHM, headers=headers)


def checker(jwks: Mapping[str, Any]) -> Check:
    """Return what opens a JWS of a kind, by these public keys: the bytes that were signed, or NotSigned."""
    try:
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(dict(jwks)).keys}
    except (jwt.PyJWTError, AttributeError, TypeError):
        raise NotSigned("these are no public keys (a JWK set is wanted)") from None

    def opened(token: str, kind: str) -> bytes:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            if kid not in keys:
                raise NotSigned(f"it is signed by the key “{kid}”, which is not among those given")
            found = jwt.PyJWS().decode_complete(token, keys[kid], algorithms=[ALGORITHM])
        except jwt.PyJWTError:
            raise NotSigned("its signature is wrong") from None
        if found["header"].get("typ") != kind:
            raise NotSigned(f"what is signed is no {kind}")
        payload: bytes = found["payload"]
        return payload

    return opened
