"""The pretend storage account: containers, blobs and blocks not committed yet, and what Azure Storage forbids. No HTTP.

Limits are Azure's of 2026 for the versions spoken here. A page blob is not offered, nor are leases, snapshots and tags.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from latchportal.devcloud import blob_errors as errors
from latchportal.devcloud.blob_errors import BlobError

ACCOUNT = "latchtrail"
CONTAINERS = ("heads", "exports")
MIB = 1024 * 1024
_versions = count(0x8DE2CF000000000)


@dataclass
class Limits:
    """How much Azure takes; a test makes less of it."""

    append_block: int = 100 * MIB
    block: int = 4000 * MIB
    put: int = 5000 * MIB
    blocks: int = 50_000
    uncommitted: int = 100_000


@dataclass(frozen=True)
class Conditions:
    """The conditional headers of one call."""

    if_match: str = ""
    if_none_match: str = ""
    append_position: int | None = None
    max_size: int | None = None


@dataclass
class Blob:
    """One blob as it stands. `blocks` are those of a block list, or an append blob's in order."""

    kind: str
    blocks: list[bytes]
    metadata: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/octet-stream"
    etag: str = ""
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        """The blob has a first ETag."""
        self.touch()

    def touch(self) -> None:
        """The blob was changed now."""
        self.etag, self.changed = f'"0x{next(_versions):X}"', datetime.now(UTC)

    @property
    def content(self) -> bytes:
        return b"".join(self.blocks)

    @property
    def size(self) -> int:
        return sum(map(len, self.blocks))


@dataclass
class Container:
    """One container. `immutable`: "", "policy", or "policy with protected append writes"."""

    immutable: str = ""
    blobs: dict[str, Blob] = field(default_factory=dict)
    staged: dict[str, dict[str, bytes]] = field(default_factory=dict)


class Store:
    """Everything in the account. Each method raises BlobError and then has changed nothing."""

    def __init__(self) -> None:
        self.containers = {name: Container() for name in CONTAINERS}
        self.limits = Limits()
        # Whether the caller has the role on the containers.
        self.role = True

    def container(self, name: str) -> Container:
        if name not in self.containers:
            raise errors.no_container()
        return self.containers[name]

    def blob(self, container: str, name: str) -> Blob:
        found = self.container(container).blobs.get(name)
        if found is None:
            raise errors.no_blob()
        return found

    def put(self, container: str, name: str, new: Blob, when: Conditions) -> Blob:
        """Put Blob: this blob stands there, whatever stood there before."""
        place = self.container(container)
        self._may_write(place, name, when)
        if new.size > self.limits.put:
            raise errors.too_large(self.limits.put)
        place.staged.pop(name, None)
        place.blobs[name] = new
        return new

    def append(self, container: str, name: str, body: bytes, when: Conditions) -> tuple[Blob, int]:
        """Append Block: these bytes stand at the end; returns the blob and where they begin."""
        blob, place = self.blob(container, name), self.container(container)
        if blob.kind != "AppendBlob":
            raise errors.other_type()
        if len(body) > self.limits.append_block:
            raise errors.too_large(self.limits.append_block)
        self._unchanged(blob, when)
        offset = blob.size
        if when.append_position is not None and when.append_position != offset:
            raise errors.not_met("AppendPositionConditionNotMet")
        if when.max_size is not None and offset + len(body) > when.max_size:
            raise errors.not_met("MaxBlobSizeConditionNotMet")
        if place.immutable == "policy":
            raise errors.immutable()
        if len(blob.blocks) >= self.limits.blocks:
            raise errors.too_many_blocks("committed", self.limits.blocks)
        blob.blocks.append(body)
        blob.touch()
        return blob, offset

    def stage(self, container: str, name: str, block_id: str, body: bytes) -> None:
        """Put Block: the block waits for a block list that names it."""
        place = self.container(container)
        there = place.blobs.get(name)
        if there is not None and there.kind != "BlockBlob":
            raise errors.other_type()
        if there is not None and place.immutable:
            raise errors.immutable()
        if len(body) > self.limits.block:
            raise errors.too_large(self.limits.block)
        staged = place.staged.setdefault(name, {})
        if len(_decoded(block_id)) > 64 or any(len(other) != len(block_id) for other in staged):
            raise BlobError(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
        if block_id not in staged and len(staged) >= self.limits.uncommitted:
            raise errors.too_many_blocks("uncommitted", self.limits.uncommitted)
        staged[block_id] = body

    def commit(
        self, container: str, name: str, block_ids: Sequence[str], new: Blob, when: Conditions
    ) -> Blob:
        """Put Block List: the blob consists of these blocks; others that waited are gone. Only staged ones are known."""
        place = self.container(container)
        self._may_write(place, name, when)
        if len(block_ids) > self.limits.blocks:
            message = f"The block list may not contain more than {self.limits.blocks:,} blocks."
            raise BlobError(400, "BlockListTooLong", message)
        staged = place.staged.get(name, {})
        if any(one not in staged for one in block_ids):
            raise BlobError(400, "InvalidBlockList", "The specified block list is invalid.")
        new.blocks = [staged[one] for one in block_ids]
        place.staged.pop(name, None)
        place.blobs[name] = new
        return new

    def _may_write(self, place: Container, name: str, when: Conditions) -> None:
        there = place.blobs.get(name)
        if there is None:
            if when.if_match:
                raise errors.not_met()
            return
        if when.if_none_match == "*":
            raise errors.already_there()
        self._unchanged(there, when)
        if place.immutable:
            raise errors.immutable()

    def _unchanged(self, blob: Blob, when: Conditions) -> None:
        if when.if_match not in ("", "*", blob.etag) or when.if_none_match in ("*", blob.etag):
            raise errors.not_met()


def plain(store: Store) -> dict[str, dict[str, object]]:
    """Every blob by its path, without its content, for the control API."""
    return {
        f"{container}/{name}": {
            "type": blob.kind,
            "size": blob.size,
            "blocks": len(blob.blocks),
            "metadata": blob.metadata,
        }
        for container, place in store.containers.items()
        for name, blob in place.blobs.items()
    }


def waiting(store: Store) -> Mapping[str, int]:
    """How many blocks wait for a list, by the path of their blob."""
    return {
        f"{container}/{name}": len(blocks)
        for container, place in store.containers.items()
        for name, blocks in place.staged.items()
    }


def _decoded(block_id: str) -> bytes:
    try:
        return base64.b64decode(block_id, validate=True)
    except binascii.Error:
        raise errors.bad_query("blockid", block_id) from None
