"""Status lists (draft-ietf-oauth-status-list): a bit for each code, packed and signed. Which are set, others tell."""

import base64
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import jwt

from requests_app.codes.keys import KeySet

TYPE: Final = "statuslist+jwt"
ALGORITHM: Final = "ES256"
# 16 KiB before it is compressed: enough for years of most portals, and nothing to fetch each second.
SIZE: Final = 2**17
# A verifier fetches it again once it is this old, and trusts none that is past its end.
TTL: Final = timedelta(seconds=2)
LIFE: Final = timedelta(seconds=60)


def pack(invalid: Iterable[int], size: int = SIZE) -> str:
    """Return the list as it stands in the token: one bit a code, the lowest first, set for what is not valid."""
    bits = bytearray(size // 8)
    for index in invalid:
        bits[index >> 3] |= 1 << (index & 7)
    return base64.urlsafe_b64encode(zlib.compress(bytes(bits), 9)).rstrip(b"=").decode()


def sign_list(keys: KeySet, *, issuer: str, uri: str, invalid: Iterable[int], now: datetime) -> str:
    """Return the signed list that is found at `uri`; raises KeyFault when no key can sign."""
    key = keys.signing
    said = {
        "iss": issuer,
        "sub": uri,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
        "ttl": int(TTL.total_seconds()),
        "status_list": {"bits": 1, "lst": pack(invalid)},
    }
    return jwt.encode(said, key.private, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key.kid})
