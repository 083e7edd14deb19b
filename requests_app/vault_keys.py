"""The signing key in Azure Key Vault: its versions as this process last read them, and signing with one of them there.

What was read is kept while the vault is away, so that codes can still be checked. Nothing of Azure is loaded without
LATCH_KEY_VAULT_URL.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import Final, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from requests_app import gateways
from requests_app.codes.elsewhere import KeyElsewhere
from requests_app.codes.keys import KeyFault, SigningKey, from_coordinates, thumbprint
from requests_app.errors import Refused
from requests_app.targets import vault
from requests_app.targets.base import TargetError
from requests_app.targets.vault import KeyVersion, VaultKey

log = structlog.get_logger("latch.keys")
READ_EVERY: Final = 120.0
# What failed is not tried again at once: each try holds a request for as long as the vault may take.
PAUSE: Final = 2.0
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


class SigningAway(Refused):
    """The vault does not sign just now, and nothing was changed."""

    status = 503
    title = "Nothing can be signed just now"


@dataclass(frozen=True)
class Version:
    """One enabled version of the key: what it verifies with, and from when until when it signs."""

    name: str
    public: ec.EllipticCurvePublicKey
    begins: datetime
    expires: datetime | None

    @property
    def kid(self) -> str:
        """Its name in codes and seals."""
        return thumbprint(self.public)

    def signing(self) -> SigningKey:
        """The key that signs in the vault."""
        return SigningKey(self.kid, KeyElsewhere(self.public, lambda digest: _signed(self.name, digest)))


@dataclass
class _Seen:
    """What this process knows of one key. Public halves never change, so each is fetched once."""

    lock: Lock = field(default_factory=Lock)
    halves: dict[str, ec.EllipticCurvePublicKey] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    read_again: float = 0.0
    away_until: float = 0.0


_seen: dict[VaultKey, _Seen] = {}
_adding = Lock()


def used() -> bool:
    """Return whether the signing key is in a vault."""
    return bool(settings.LATCH_KEY_VAULT_URL)


def versions() -> tuple[Version, ...]:
    """Return the enabled versions, oldest first, at most a few minutes old, or older while the vault is away.

    Raises KeyFault for a key that can not sign codes, Refused where none was ever read.
    """
    seen = _of(_key())
    # Whoever knows some already does not wait for another's reading.
    if time.monotonic() >= seen.read_again and seen.lock.acquire(blocking=not seen.versions):
        try:
            _read(seen)
        finally:
            seen.lock.release()
    return seen.versions


def read_ahead() -> None:
    """A process begins to read the vault, if one is used, so that it knows the keys before the vault may be away."""
    if used():
        Thread(target=_read_quietly, name="vault-keys", daemon=True).start()


def ever() -> dict[str, ec.EllipticCurvePublicKey]:
    """Return the public half of every version this process has seen, disabled since or not, by its name in seals."""
    return {thumbprint(half): half for half in tuple(_of(_key()).halves.values())}


def signer(there: tuple[Version, ...], moment: datetime) -> Version:
    """Return the version that signs at this moment: the newest that has begun, the oldest where none has.

    Raises KeyFault where all have ended.
    """
    good = [one for one in there if one.expires is None or moment < one.expires]
    if not good:
        raise KeyFault(f"every version of the key “{_key().name}” in the vault has ended")
    begun = [one for one in good if one.begins <= moment]
    return begun[-1] if begun else good[0]


def forget() -> None:
    """The vault is read anew when a key is next asked for."""
    _seen.clear()


def _read_quietly() -> None:
    # Whoever needs a key is told; the log has the vault's words.
    with suppress(SigningAway, KeyFault):
        versions()


def _read(seen: _Seen) -> None:
    if time.monotonic() < seen.read_again:
        return
    key = _key()
    try:
        listed = _ask(seen, lambda: vault.versions(key))
        found = [one for one in listed if one.enabled]
        if not found:
            raise KeyFault(f"the vault has no enabled version of a key “{key.name}”")
        for one in found:
            if one.name not in seen.halves:
                seen.halves[one.name] = _half(seen, key, one.name)
    except (SigningAway, KeyFault) as error:
        if not seen.versions:
            raise
        log.warning("keys.vault_not_read", error=str(error))
        seen.read_again = time.monotonic() + PAUSE
        return
    made = [Version(one.name, seen.halves[one.name], _begins(one), one.expires) for one in found]
    seen.versions = tuple(sorted(made, key=lambda one: (one.begins, one.name)))
    seen.read_again = time.monotonic() + READ_EVERY


def _half(seen: _Seen, key: VaultKey, version: str) -> ec.EllipticCurvePublicKey:
    kind, curve, x, y = _ask(seen, lambda: vault.public_half(key, version))
    name = f"{key.name}/{version}"
    if kind not in ("EC", "EC-HSM") or curve != "P-256":
        said = " ".join(part for part in (kind, curve) if part)
        raise KeyFault(f"“{name}” is {said}, and not a key on the curve P-256, which ES256 needs")
    return from_coordinates(x, y, name)


def _begins(version: KeyVersion) -> datetime:
    """A version signs once every process and every verifier had time to fetch its public half, whatever the vault says."""
    created = version.created or _EVER
    lead = timedelta(seconds=settings.LATCH_KEY_LEAD_SECONDS)
    return max(version.not_before or created, created + lead)


def _signed(version: str, digest: bytes) -> bytes:
    key = _key()
    return _ask(_of(key), lambda: vault.sign(key, version, digest))


def _ask(seen: _Seen, ask: Callable[[], _T]) -> _T:
    """What the vault answers; SigningAway in words for whoever waits, the vault's own words in the log."""
    if time.monotonic() < seen.away_until:
        raise _away()
    try:
        return ask()
    except TargetError as error:
        log.error("keys.vault", kind=error.kind, error=str(error), where=error.where)
        seen.away_until = time.monotonic() + PAUSE
        raise _away(error) from error


def _away(error: TargetError | None = None) -> SigningAway:
    if error is not None and error.kind in ("forbidden", "missing", "invalid"):
        return SigningAway(
            "The key vault does not let the portal use its signing key.",
            check="signing key",
            way_on="An administrator must give the portal's identity the rights get, list and sign on that key. "
            "Nothing is lost.",
        )
    return SigningAway(
        "The key vault that signs for this portal does not answer just now.",
        check="signing key",
        way_on="Try again in a minute; nothing is lost.",
    )


def _key() -> VaultKey:
    return VaultKey(gateways.azure_config(), settings.LATCH_KEY_VAULT_URL, settings.LATCH_KEY_VAULT_KEY)


def _of(key: VaultKey) -> _Seen:
    with _adding:
        return _seen.setdefault(key, _Seen())
