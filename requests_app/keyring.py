"""The signing keys of latch codes, read from LATCH_KEY_DIR and kept until a file there changes."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from requests_app.codes.keys import KeySet
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


@lru_cache(maxsize=2)
def _read(files: tuple[tuple[str, int], ...]) -> KeySet:
    return KeySet.from_pem({Path(name).stem: Path(name).read_bytes() for name, _ in files})
