"""The signing keys of latch codes and seals, read from LATCH_KEY_DIR and kept until a file there changes, or in a vault.

A retired key's public half lies in the folder's `retired`: the trail's old seals are checked with it, codes are not.
With a key vault, keys of the folder sign nothing more and still verify, so that one can move there.
"""

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from audit_app import jose, signing
from audit_app.chain import Signer
from audit_app.clock import now
from requests_app import vault_keys
from requests_app.codes.keys import KeyFault, KeySet, begins, public_pem
from requests_app.errors import Refused

Files = tuple[tuple[str, int], ...]
_T = TypeVar("_T")


def keys() -> KeySet:
    """Return every key that verifies codes, and the one that signs; raises Refused, in words, without any.

    Of the folder's, the last by name that has begun signing does. KeyFault says of a key that it is of no use.
    """
    files = key_files()
    if vault_keys.used():
        return _with_the_vault(files)
    if not files:
        raise Refused(
            "This portal has no key to sign latch codes with.",
            check="signing key",
            way_on="An administrator can make one with: manage.py latch_keys make",
        )
    moment = now()
    waiting = frozenset(file.stem for file in files if (begins(file.stem) or moment) > moment)
    return _read(_seen(files), waiting)


def key_files() -> tuple[Path, ...]:
    """Return the files of the keys that sign or verify codes, by name."""
    return tuple(sorted(Path(settings.LATCH_KEY_DIR).glob("*.pem")))


def retired_files() -> tuple[Path, ...]:
    """Return the files of the public keys that only the trail still needs, by name."""
    return tuple(sorted((Path(settings.LATCH_KEY_DIR) / "retired").glob("*.pem")))


def add(name: str, pem: bytes) -> Path:
    """The key lies in the folder, readable by its owner alone; raises OSError where nothing can be written."""
    folder = Path(settings.LATCH_KEY_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _write(folder / f"{name}.pem", pem)


def retire(file: Path) -> None:
    """Of this key its public half alone is left, among the retired ones; raises OSError where nothing can be written."""
    keep_half(file, public_pem(file.read_bytes(), file.stem))
    file.unlink()


def keep_half(file: Path, pem: bytes) -> None:
    """This public half is among the retired ones; raises OSError where nothing can be written."""
    folder = file.parent / "retired"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / file.name).exists():
        _write(folder / file.name, pem)


def seal_signer() -> Signer:
    """Return what signs the trail's seals: the key that signs latch codes; raises NoKey when there is none, or later,
    when it can not be reached."""
    key = _for_the_trail(keys).signing
    return Signer(
        key.kid, lambda payload, kind: _for_the_trail(lambda: jose.sign(key.private, key.kid, payload, kind))
    )


def seal_jwks() -> Mapping[str, Any]:
    """Return the public keys the trail's seals are checked with, retired ones too; raises NoKey when there is none."""
    return _for_the_trail(_ever).jwks()


def _ever() -> KeySet:
    ours = keys()
    disabled = vault_keys.ever() if vault_keys.used() else {}
    return KeySet({**_retired(), **disabled, **ours.public}, ours.signer)


def _with_the_vault(files: tuple[Path, ...]) -> KeySet:
    retired = _retired()
    # One that was retired here may be enabled there for a while.
    there = tuple(one for one in vault_keys.versions() if one.kid not in retired)
    signer = vault_keys.signer(there, now())
    old = _read(_seen(files), frozenset()).public if files else {}
    return KeySet({**old, **{one.kid: one.public for one in there}}, signer.signing())


def _retired() -> Mapping[str, Any]:
    files = retired_files()
    return _read(_seen(files), frozenset()).public if files else {}


def _for_the_trail(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except (Refused, KeyFault, OSError) as error:
        missing = signing.NoKey(str(error))
        missing.way_on = getattr(error, "way_on", "") or missing.way_on
        raise missing from error


def _write(file: Path, text: bytes) -> Path:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(text)
    return file


def _seen(files: tuple[Path, ...]) -> Files:
    return tuple((str(file), file.stat().st_mtime_ns) for file in files)


@lru_cache(maxsize=6)
def _read(files: Files, waiting: frozenset[str]) -> KeySet:
    return KeySet.from_pem({Path(name).stem: Path(name).read_bytes() for name, _ in files}, waiting=waiting)
