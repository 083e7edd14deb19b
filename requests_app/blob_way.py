"""The way to Azure's blobs, handed down to the audit app, which knows neither SDK nor credential."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from audit_app.blobs import Away, Full, hand_down
from requests_app import gateways
from requests_app.targets import blobs
from requests_app.targets.base import TargetError

# Of one append, whatever it waits for: who seals the trail stands behind it.
PATIENCE_SECONDS: Final = 5.0
_thread: list[ThreadPoolExecutor] = []


def append(url: str, lines: bytes) -> None:
    """Azure added these bytes to the append blob. Raises Full or Away, after five seconds at most.

    A call has limits of its own, but not a name server, nor an endpoint of the portal's identity, that does not answer.
    So it is made in a thread; one that is given up goes on to its end there, and the next waits behind it.
    """
    if not _thread:
        _thread.append(ThreadPoolExecutor(1, "blobs"))
    call = _thread[0].submit(blobs.append, gateways.azure_config(), url, lines)
    try:
        call.result(PATIENCE_SECONDS)
    except TimeoutError:
        call.cancel()
        raise Away(f"no answer within {PATIENCE_SECONDS:g} seconds") from None
    except TargetError as error:
        raise (Full if error.kind == "full" else Away)(_said(error)) from error


def put(url: str, chunks: Iterable[bytes], mark: str) -> None:
    """Azure has the blob, whole. Raises FileExistsError when another has its name, and Away."""
    try:
        blobs.put(gateways.azure_config(), url, chunks, mark)
    except TargetError as error:
        if error.code == "BlobAlreadyExists":
            raise FileExistsError(_said(error)) from error
        raise Away(_said(error)) from error


def register_all() -> None:
    """Heads and exports can go to blobs, once the settings say where."""
    hand_down(append=append, put=put)


def _said(error: TargetError) -> str:
    return f"{error.where}: {error.message}" if error.where else error.message


# A child shares none of its parent's threads.
os.register_at_fork(after_in_child=_thread.clear)
