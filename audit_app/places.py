"""Where regular exports are put, as EXPORT_DIR says: a folder, or a container of blobs. What they hold, others know."""

import os
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from audit_app import blobs


class NoFolder(Exception):
    """A regular export was asked for, and the portal was not told where to write it. Nothing was changed."""

    status = 409
    title = "There is no folder for it"
    check = "EXPORT_DIR"
    way_on = "Whoever runs the portal sets EXPORT_DIR; until then, fetch the file by hand."
    reason = "The portal was not told where to write regular exports."


def word() -> str:
    """Return what people call the place; raises NoFolder where there is none."""
    return "container" if blobs.is_blob(_there()) else "folder"


def put(name: str, chunks: Iterable[bytes], mark: str = "") -> None:
    """This file is there, whole; until then nothing is there under its name. Raises OSError, and NoFolder.

    In a folder it takes the place of one that was there. A blob never does: what is there with the same mark is the same
    (by default its content's digest), and for anything else FileExistsError is raised.
    """
    where = _there()
    if blobs.is_blob(where):
        blobs.put(f"{where}/{name}", chunks, mark)
    else:
        _whole(Path(where) / name, chunks)


def _there() -> str:
    where: str = settings.EXPORT_DIR
    if not where:
        raise NoFolder(NoFolder.reason)
    return where


def _whole(path: Path, chunks: Iterable[bytes]) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
