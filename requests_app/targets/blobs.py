"""Azure's blobs: append to one, or put one there whole, by the SDK. What they hold and are called is not known here.

Appending is tried once: an append whose answer was lost may stand there, and only the caller knows whether twice is
harm. Blocks and lists may be sent again, so there the SDK tries again by itself, shortly.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from requests_app.targets.azure_cloud import STORAGE_SCOPE, AzureConfig, BlobPlace, blob_place, cleartext
from requests_app.targets.base import TargetError
from requests_app.targets.credential import refused, token
from requests_app.targets.kinds import Kind

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.storage.blob import BlobClient, BlobServiceClient

# Every cloud has it. The SDK's own choice is the newest, which some regions do not have yet.
_VERSION: Final = "2023-11-03"
_ONCE: Final[dict[str, Any]] = {"connection_timeout": 2, "read_timeout": 3, "retry_total": 0}
_PATIENT: Final[dict[str, Any]] = {"connection_timeout": 5, "read_timeout": 30, "retry_total": 2}
# A blob has 50,000 blocks at most: 195 GB. Two of them are what is held in memory.
_BLOCK: Final = 4 * 1024 * 1024
_MARK: Final = "latchportal_mark"
_THERE: Final = frozenset({"BlobAlreadyExists", "ConditionNotMet"})


class _Clients(threading.local):
    def __init__(self) -> None:
        self.made: dict[tuple[AzureConfig, str], BlobServiceClient] = {}


_clients = _Clients()


@dataclass(frozen=True)
class _Blob:
    """One blob, and who asks for it."""

    config: AzureConfig
    client: BlobClient

    @property
    def where(self) -> str:
        return f"{self.client.container_name}/{self.client.blob_name}"

    def ask(self, act: str, *given: Any, **options: Any) -> Any:
        """Return what the SDK's method of this name gives. Raises TargetError and nothing else."""
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            return getattr(self.client, act)(*given, client_request_id=str(uuid4()), **options)
        except HttpResponseError as error:
            if error.status_code == 401:
                refused(self.config)
            raise _answered(error, self.where) from error
        except (AzureError, OSError, ValueError) as error:
            message = f"{type(error).__name__}: {error}"
            raise TargetError("unreachable", message, where=self.where) from error


def append(config: AzureConfig, url: str, body: bytes) -> None:
    """These bytes stand at the end of this append blob, which is made where there is none.

    Raises TargetError, of the kind `full` when it has all the blocks it may have and nothing was added. After any other
    the bytes may stand there all the same.
    """
    blob = _blob(config, url)
    try:
        blob.ask("append_block", body, **_ONCE)
    except TargetError as error:
        if error.code != "BlobNotFound":
            raise
        _make(blob)
        blob.ask("append_block", body, **_ONCE)


def put(config: AzureConfig, url: str, chunks: Iterable[bytes], mark: str = "") -> None:
    """A blob of these bytes is there, whole; nothing of it is seen before. One that is there is never written over.

    What is there with the same mark is the same: by default, the bytes' own SHA-256. Raises TargetError, with the code
    BlobAlreadyExists when something else is there. The chunks are read to their end either way.
    """
    blob = _blob(config, url)
    there = _found(blob)
    digest, attempt, ids = sha256(), uuid4().hex[:12], list[str]()
    for block in _blocks(chunks):
        digest.update(block)
        if there is None:
            # Another attempt's blocks wait under names of their own, so that they never get into this one's list.
            ids.append(f"{attempt}-{len(ids):06d}")
            blob.ask("stage_block", ids[-1], block, **_PATIENT)
    mark = mark or digest.hexdigest()
    if there is None:
        there = _commit(blob, ids, mark)
    if there != mark:
        message = "another blob of that name is there"
        raise TargetError("conflict", message, code="BlobAlreadyExists", where=blob.where, certain=True)


def _commit(blob: _Blob, ids: list[str], mark: str) -> str:
    """Return the mark of what stands there afterwards, whoever put it there; TargetError when nothing does."""
    from azure.core import MatchConditions

    missing: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
    try:
        blob.ask("commit_block_list", ids, metadata={_MARK: mark}, **missing, **_PATIENT)
    except TargetError:
        # Its answer may be lost, or this one the answer to a second try of the SDK's: only looking tells.
        there = _found(blob)
        if there is None:
            raise
        return there
    return mark


def _found(blob: _Blob) -> str | None:
    """Return the mark of the blob that is there ("" for one that is not ours); None when there is none."""
    try:
        properties = blob.ask("get_blob_properties", **_PATIENT)
    except TargetError as error:
        if error.code == "BlobNotFound":
            return None
        raise
    return str((properties.metadata or {}).get(_MARK, ""))


def _make(blob: _Blob) -> None:
    """There is an append blob of that name, perhaps by somebody else's hand; one that is there loses nothing."""
    from azure.core import MatchConditions

    missing: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
    try:
        blob.ask("create_append_blob", **missing, **_ONCE)
    except TargetError as error:
        if error.code not in _THERE:
            raise


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= _BLOCK:
            yield bytes(waiting[:_BLOCK])
            del waiting[:_BLOCK]
    if waiting:
        yield bytes(waiting)


def _answered(error: HttpResponseError, where: str) -> TargetError:
    answer: Any = error.response
    headers = answer.headers if answer is not None else {}
    status, code = error.status_code or 0, str(headers.get("x-ms-error-code") or "")
    # The SDK's message goes on with request id and time.
    said = (error.message or "").partition("\n")[0]
    return TargetError(
        _kind(status, code),
        f"{status} {code}: {said}",
        code=code,
        status=status,
        where=where,
        azure_request_id=headers.get("x-ms-request-id", ""),
    )


def _kind(status: int, code: str) -> Kind:
    if code == "BlockCountExceedsLimit":
        return "full"
    if code.startswith("BlobImmutable"):
        return "policy"
    known: dict[int, Kind] = {
        400: "invalid",
        401: "identity",
        403: "forbidden",
        404: "missing",
        409: "conflict",
        412: "conflict",
        413: "invalid",
        503: "throttled",
    }
    return known.get(status, "unknown")


def _blob(config: AzureConfig, url: str) -> _Blob:
    try:
        place = blob_place(url, loopback=config.allow_cleartext_loopback)
    except ValueError as error:
        raise TargetError("invalid", str(error), certain=True) from error
    return _Blob(config, _client(config, place).get_blob_client(place.container, place.name))


def _client(config: AzureConfig, place: BlobPlace) -> BlobServiceClient:
    key = (config, place.account)
    if key not in _clients.made:
        _clients.made[key] = _made(config, place)
    return _clients.made[key]


def _made(config: AzureConfig, place: BlobPlace) -> BlobServiceClient:
    from azure.storage.blob import BlobServiceClient, LinearRetry

    def sign(request: Any) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {token(config, STORAGE_SCOPE)}"

    return BlobServiceClient(
        place.account,
        # The SDK gives a credential to https alone. A hook signs on loopback and in earnest alike, so that what is
        # tested is what runs, and no 401 makes it ask for a token of another tenant.
        raw_request_hook=sign,
        api_version=_VERSION,
        retry_policy=LinearRetry(backoff=1, retry_total=0, random_jitter_range=1),
        permit_redirects=False,
        use_env_settings=not cleartext(place.account),  # no proxy stands before loopback
    )


def _after_fork() -> None:
    global _clients
    _clients = _Clients()


os.register_at_fork(after_in_child=_after_fork)
