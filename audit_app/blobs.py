"""Azure's blobs as a place for heads and exports: what is asked of them, and how they fail. The way there is handed down.

The trail's floor knows neither Azure's SDK nor the portal's identity.
"""

from collections.abc import Callable, Iterable
from typing import Final

# These bytes stand at the end of the append blob of this address. Raises Full or Away.
Append = Callable[[str, bytes], None]
# A blob of these chunks is there, whole, with this mark. Raises FileExistsError or Away.
Put = Callable[[str, Iterable[bytes], str], None]


class Away(OSError):
    """It was not taken, or nobody knows whether it was; sending it again may help."""


class Full(OSError):
    """The append blob has all the blocks it may have; nothing was added."""


_append: Final[dict[str, Append]] = {}
_put: Final[dict[str, Put]] = {}
_NOBODY: Final = "nobody handed down the way to Azure"


def hand_down(*, append: Append, put: Put) -> None:
    """From now on this is the way to Azure."""
    _append["way"], _put["way"] = append, put


def is_blob(where: str) -> bool:
    """Whether this setting names a place among blobs."""
    return where.startswith(("https://", "http://"))


def append(url: str, lines: bytes) -> None:
    """These bytes stand at the blob's end. Raises Full, or Away: then they may stand there all the same."""
    way = _append.get("way")
    if way is None:
        raise Away(_NOBODY)
    way(url, lines)


def put(url: str, chunks: Iterable[bytes], mark: str = "") -> None:
    """The blob is there, whole, or was there already with this mark (by default its content's digest).

    Raises FileExistsError when something else has its name, and Away.
    """
    way = _put.get("way")
    if way is None:
        raise Away(_NOBODY)
    way(url, chunks, mark)
