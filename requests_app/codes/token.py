"""Signs latch codes and decides whether one can be trusted.

Whether it was spent or revoked is the database's to say.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from jwt.types import Options

from requests_app.codes.claims import Claims, GrantClaim, MalformedClaim
from requests_app.codes.keys import KeySet
from requests_app.errors import Invalid, LatchError

__all__ = ["Claims", "CodeRefused", "GrantClaim", "digest", "read", "sign", "verify"]

ALGORITHM = "ES256"
TYPE = "latch+jwt"
LONGEST = 4096
_HEADER = frozenset({"alg", "typ", "kid"})
_SIGNATURE_ALONE: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
    "require": [],
}
_NEW_CODE = "Get a new code on the page of your request."


class CodeRefused(LatchError):
    """This code is not to be trusted; `check` names why."""

    status = 403
    title = "This code cannot be used"

    def __init__(self, check: str, reason: str, way_on: str = _NEW_CODE) -> None:
        super().__init__(reason, check=check, way_on=way_on)


def sign(keys: KeySet, claims: Claims) -> str:
    """The code that carries these claims; Invalid when it grew over 4 KB, KeyFault when no key can sign."""
    key = keys.signing
    headers = {"typ": TYPE, "kid": key.kid}
    token = jwt.encode(claims.to_payload(), key.private, algorithm=ALGORITHM, headers=headers)
    if len(token) > LONGEST:
        raise Invalid(
            f"{len(claims.grants)} grants do not fit into one code.",
            check="code_size",
            way_on="Ask for fewer entitlements at once.",
        )
    return token


def verify(
    keys: KeySet,
    token: str,
    *,
    issuer: str,
    audience: str,
    now: datetime,
    leeway: timedelta | int = 0,
) -> Claims:
    """What a code of ours says; raises CodeRefused unless it is signed by us, for this portal, and valid at
    `now`.

    `leeway` (seconds, or a timedelta) allows for clocks that differ; a code's end is the first instant it is
    refused.
    """
    claims = read(keys, token, issuer=issuer, audience=audience)
    _check_times(claims, now, leeway if isinstance(leeway, timedelta) else timedelta(seconds=leeway))
    return claims


def read(keys: KeySet, token: str, *, issuer: str, audience: str) -> Claims:
    """What a code of ours says, whatever the time: one that was spent is asked about after its `exp` too.

    Raises CodeRefused unless it is signed by us and for this portal.
    """
    payload = _trusted(keys, token.strip())
    try:
        claims = Claims.from_payload(payload)
    except MalformedClaim as error:
        raise CodeRefused("code_claims", f"The code lacks a proper claim “{error}”.") from None
    _check_parties(claims, issuer, audience)
    return claims


def digest(token: str) -> str:
    """SHA-256 of the code in hex: what is kept of it."""
    return hashlib.sha256(token.strip().encode()).hexdigest()


def _trusted(keys: KeySet, token: str) -> dict[str, Any]:
    if not token.isascii():
        raise _no_code()
    if len(token) > LONGEST:
        raise CodeRefused(
            "code_size", "This is far too long to be a code.", "Copy the code anew, and nothing else."
        )
    header = _header(token)
    kid = header.get("kid")
    key = keys.public.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise CodeRefused("code_key", "The code is signed with a key this portal does not have.")
    # Time, issuer and audience are checked below: the library would read the clock, and `now` is handed in.
    try:
        return dict(jwt.decode(token, key, algorithms=[ALGORITHM], options=_SIGNATURE_ALONE))
    except jwt.InvalidSignatureError:
        raise CodeRefused("code_signature", "The code's signature does not fit what it says.") from None
    except jwt.InvalidTokenError:
        raise _no_code() from None


def _header(token: str) -> Mapping[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, RecursionError):
        raise _no_code() from None
    if header.get("alg") != ALGORITHM:
        raise CodeRefused("code_algorithm", f"The code is not signed with {ALGORITHM}.")
    if header.get("typ") != TYPE:
        raise CodeRefused("code_type", "This token was made for something else; it is no latch code.")
    if not _HEADER.issuperset(header):
        raise CodeRefused("code_header", "The code's header says more than ours do.")
    return header


def _no_code() -> CodeRefused:
    return CodeRefused("code_format", "This is not a latch code.", "Copy the whole code, and nothing else.")


def _check_parties(claims: Claims, issuer: str, audience: str) -> None:
    if claims.iss != issuer:
        raise CodeRefused("code_issuer", "The code was issued by another portal.")
    if claims.aud != audience:
        raise CodeRefused("code_audience", "The code is meant for another portal.")
    tenant, _colon, person = claims.sub.partition(":")
    if tenant != claims.tid or not person:
        raise CodeRefused("code_claims", "The code lacks a proper claim “sub”.")


def _check_times(claims: Claims, now: datetime, leeway: timedelta) -> None:
    if now + leeway < max(claims.nbf, claims.iat):
        raise CodeRefused(
            "code_not_yet", f"The code is valid from {claims.nbf:%Y-%m-%d %H:%M:%S} UTC.", "Try again then."
        )
    if now - leeway >= claims.exp:
        raise CodeRefused(
            "code_expired", f"The code had to be activated by {claims.exp:%Y-%m-%d %H:%M:%S} UTC."
        )
