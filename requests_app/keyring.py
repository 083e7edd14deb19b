"""The signing keys of latch codes and seals, read from LATCH_KEY_DIR and kept until a file there changes."""

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from django.conf import settings

from audit_app import jose, signing
from audit_app.chain import Signer
from requests_app.codes.keys import KeyFault, KeySet
from requests_app.errors import Refused


def keys() -> KeySet:
    """Return every key of the folder, the last by name signing; raises Refused, in words, when there is none."""
    files = tuple(sorted(Path(settings.LATCH_KEY_DIR).glob("*.pem")))
    if not files:
        raise Refused(
            "This portal has no key to sign latch codes with.",
            check="signing key",
            way_on="An administrator can make one with: manage.py latch_keys make",
        )
    return _read(tuple((str(file), file.stat().st_mtime_ns) for file in files))


def seal_signer() -> Signer:
    """Return what signs the trail's seals: the key that signs latch codes; raises NoKey when there is none."""
    key = _for_the_trail().signing
    return Signer(key.kid, partial(jose.sign, key.private, key.kid))


def seal_jwks() -> Mapping[str, Any]:
    """Return the public keys the trail's seals are checked with; raises NoKey when there is none."""
    return _for_the_trail().jwks()


def _for_the_trail() -> KeySet:
    try:
        return keys()
    except (Refused, KeyFault, OSError) as error:
        raise signing.NoKey(str(error)) from error


@lru_cache(maxsize=2)
def _read(files: tuple[tuple[str, int], ...]) -> KeySet:
    return KeySet.from_pem({Path(name).stem: Path(name).read_bytes() for name, _ in files})
