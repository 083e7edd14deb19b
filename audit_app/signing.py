"""Where the keys that sign seals come from: the floor above hands them down. No key is made or read here."""

from collections.abc import Callable, Mapping
from typing import Any

from audit_app.chain import Signer


class NoKey(Exception):
    """Nothing can be sealed, signed or checked: nobody handed a key down, or the portal has none."""

    status = 503
    title = "Nothing can be signed"
    check = "signing key"
    way_on = "An administrator makes a key with: manage.py latch_keys make"


_handed_down: dict[str, Callable[[], Any]] = {}


def register(*, signer: Callable[[], Signer], jwks: Callable[[], Mapping[str, Any]]) -> None:
    """Seals are signed by what `signer` returns and checked by what `jwks` returns; both are asked each time.

    Either may raise NoKey.
    """
    _handed_down.update(signer=signer, jwks=jwks)


def signer() -> Signer:
    """Return the key that signs now; raises NoKey."""
    found: Signer = _asked("signer")
    return found


def jwks() -> Mapping[str, Any]:
    """Return the public keys, those that signed before included; raises NoKey."""
    found: Mapping[str, Any] = _asked("jwks")
    return found


def _asked(what: str) -> Any:
    if what not in _handed_down:
        raise NoKey("no key was handed down to sign seals with")
    return _handed_down[what]()
