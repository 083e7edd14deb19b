"""What an ID token of Entra must say before anybody is let in. Pure: claims in, identity out."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from requests_app.errors import Refused

TRY_AGAIN = "Start again from the sign-in page. If it happens again, tell whoever runs this portal."


class SignInRefused(Refused):
    """Nobody was signed in; the reason is fit for the person who tried."""

    title = "You were not signed in"

    def __init__(self, reason: str, *, check: str, way_on: str = TRY_AGAIN, status: int = 403) -> None:
        super().__init__(reason, check=check, way_on=way_on)
        self.status = status


@dataclass(frozen=True, slots=True)
class Expected:
    """What this portal and this very sign-in asked for."""

    issuer: str
    client_id: str
    tenant: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who came back from Entra. `guest` is None where Entra did not say; `roles` are app roles."""

    tid: UUID
    oid: UUID
    name: str
    upn: str
    guest: bool | None
    roles: frozenset[str]
    acrs: tuple[str, ...]
    auth_time: datetime | None
    sid: str

    @property
    def id(self) -> str:
        """Return "tid:oid", by which the trail knows people."""
        return f"{self.tid}:{self.oid}"


def read(claims: Mapping[str, Any], expected: Expected) -> Identity:
    """Return the identity these claims prove. The token's signature and times were checked before.

    Raises SignInRefused, naming the claim that did not hold.
    """
    _must(_is(claims, "iss", expected.issuer), "iss", "The answer was not issued by this portal's tenant.")
    _must(_is(claims, "aud", expected.client_id), "aud", "The answer was meant for another application.")
    _must(_is(claims, "ver", "2.0"), "ver", "Entra answered with a token of an unknown version.")
    same = bool(expected.nonce) and _is(claims, "nonce", expected.nonce)
    _must(same, "nonce", "The answer belongs to another sign-in.")
    tid, oid = _guid(claims, "tid"), _guid(claims, "oid")
    _must(str(tid) == expected.tenant.lower(), "tid", "You belong to another organisation than this portal.")
    return Identity(
        tid=tid,
        oid=oid,
        name=_text(claims, "name"),
        upn=_text(claims, "preferred_username"),
        guest=_guest(claims),
        roles=frozenset(_words(claims, "roles", single=False)),
        acrs=_words(claims, "acrs", single=True),
        auth_time=_instant(claims, "auth_time"),
        sid=_text(claims, "sid"),
    )


def _must(holds: bool, claim: str, words: str) -> None:
    if not holds:
        raise SignInRefused(words, check=f"claim {claim}")


def _is(claims: Mapping[str, Any], name: str, wanted: str) -> bool:
    value = claims.get(name)
    return isinstance(value, str) and hmac.compare_digest(value.encode(), wanted.encode())


def _guid(claims: Mapping[str, Any], name: str) -> UUID:
    try:
        return UUID(claims[name])
    except (KeyError, ValueError, TypeError, AttributeError):
        words = f"Entra did not say who you are: its {name} is missing."
        raise SignInRefused(words, check=f"claim {name}") from None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    _must(isinstance(value, str), name, f"Entra's {name} can not be read.")
    return str(value).replace("\0", "")


def _guest(claims: Mapping[str, Any]) -> bool | None:
    value = claims.get("acct")
    known = value is None or (type(value) is int and value in (0, 1))
    _must(known, "acct", "Entra's kind of account is unknown here.")
    return None if value is None else value == 1


def _words(claims: Mapping[str, Any], name: str, *, single: bool) -> tuple[str, ...]:
    """Entra documents `acrs` as a string here and as an array there; roles are always an array."""
    value = claims.get(name, [])
    if single and isinstance(value, str):
        value = [value]
    readable = isinstance(value, list) and all(isinstance(one, str) and 0 < len(one) <= 150 for one in value)
    _must(readable, name, f"Entra's {name} can not be read.")
    return tuple(value)


def _instant(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    try:
        if type(value) is not int:
            raise TypeError
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise SignInRefused(f"Entra's {name} can not be read.", check=f"claim {name}") from None
