"""What is sealed, and how: an event's bytes, its commitments, seals and their hashes. No Django, file, clock or key.

An event's leaf says openly what names nobody; what may name a person enters as a commitment, salted by the event's
own salt, so that value and salt can both be erased one day and the leaf still holds.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from audit_app import merkle

EVENT: Final = "latchportal-event/1"
SEAL: Final = "latchportal-seal/1"
# What an event says openly, and what it only commits to. The order of the second is that of its commitments.
PUBLIC: Final = (
    "id",
    "uid",
    "at",
    "written_at",
    "kind",
    "outcome",
    "object_kind",
    "resource_label",
    "story",
    "correlation_id",
)
PERSONAL: Final = (
    "actor_id",
    "actor_label",
    "subject_id",
    "subject_label",
    "object_id",
    "object_label",
    "source_address",
    "why",
    "data",
)
ERASED: Final = "[erased]"
BLANK: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(PERSONAL, ERASED),
    "source_address": None,
    "data": '{"erased": true}',
}
# One event of this kind says which others were erased; nothing else explains a value that is gone.
ERASING: Final = "person.erased"
SALT_LEAST: Final = 16
_COMMITMENT: Final = b"latchportal-commitment/1"
_SEAL_HASH: Final = b"latchportal-seal-hash/1"
NO_SEAL: Final = bytes(merkle.SIZE)


class Malformed(ValueError):
    """This is no event, seal or proof of ours; the text says why."""


def instant(moment: datetime) -> str:
    """Return the moment as it is sealed: UTC, to the microsecond. Raises Malformed for one without a zone."""
    if moment.tzinfo is None:
        raise Malformed(f"{moment} does not say its zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def commit(salt: bytes, name: str, value: str | None) -> bytes:
    """Return the commitment to this value of this field; nobody can guess the value from it without the salt."""
    if len(salt) < SALT_LEAST:
        raise Malformed(f"a salt of {len(salt)} bytes can be guessed")
    framed = bytes([len(salt)]) + salt + bytes([len(name)]) + name.encode()
    said = b"-" if value is None else b"=" + value.encode()
    return sha256(_COMMITMENT + framed + said).digest()


def commitments(salt: bytes, personal: Mapping[str, str | None]) -> bytes:
    """Return the commitments to all personal fields, one after the other."""
    return b"".join(commit(salt, name, personal[name]) for name in PERSONAL)


def apart(together: bytes) -> dict[str, bytes]:
    """Return each field's commitment by its name; raises Malformed when they are not as many as there are fields."""
    size = merkle.SIZE
    if len(together) != size * len(PERSONAL):
        raise Malformed("these are not the commitments of an event")
    return {name: together[number * size :][:size] for number, name in enumerate(PERSONAL)}


def event_bytes(public: Mapping[str, str | int], committed: bytes) -> bytes:
    """Return the very bytes of an event that are sealed."""
    said = {name: public[name] for name in PUBLIC}
    hashes = {name: hash_.hex() for name, hash_ in apart(committed).items()}
    return canonical({"format": EVENT, **said, "personal": hashes})


def leaf(public: Mapping[str, str | int], committed: bytes) -> bytes:
    """Return the event's leaf in the tree of its seal."""
    return merkle.leaf_hash(event_bytes(public, committed))


def canonical(value: Any) -> bytes:
    """Return the one way to write this: JSON in UTF-8, names sorted, no blanks. Numbers are whole or not there."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event as it stands now: what it says openly, what may name a person, and its salt (None once erased)."""

    public: Mapping[str, str | int]
    personal: Mapping[str, str | None]
    salt: bytes | None

    @property
    def blank(self) -> bool:
        """Whether all that may name a person was replaced by the marker."""
        return all(self.personal[name] == BLANK[name] for name in PERSONAL)


@dataclass(frozen=True, slots=True)
class Seal:
    """One closed tree of events, tied to the seal before it.

    All events of transactions below `horizon` are sealed by then, and of the transaction `horizon` itself those up to
    the event `partly` (0: none). Transaction numbers mean something within one `epoch` only.
    """

    sequence: int
    epoch: str
    first: int
    last: int
    count: int
    root: str
    previous: str
    sealed_at: str
    horizon: int
    partly: int
    kid: str

    @property
    def drained(self) -> bool:
        """Whether nothing that could be sealed at that moment was left for the next seal."""
        return self.partly == 0

    def to_bytes(self) -> bytes:
        """Return the bytes that are hashed and signed."""
        return canonical({"format": SEAL, **asdict(self)})

    def hash(self) -> bytes:
        """Return what the next seal names as the one before it."""
        return sha256(_SEAL_HASH + self.to_bytes()).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Seal":
        """Return the seal these bytes say; raises Malformed unless they are exactly what `to_bytes` gives."""
        try:
            said = json.loads(data)
            seal = cls(**{field.name: said[field.name] for field in fields(cls)})
        except (ValueError, KeyError, TypeError):
            raise Malformed("this is no seal") from None
        if any(type(getattr(seal, field.name)) is not field.type for field in fields(cls)):
            raise Malformed("this is no seal")
        if seal.to_bytes() != data:
            raise Malformed("this is no seal of this format")
        return seal


@dataclass(frozen=True)
class Signer:
    """A key, by its name, and what signs with it: bytes and their type in, a compact JWS out."""

    kid: str
    sign: Callable[[bytes, str], str]


def follow(
    before: Seal | None,
    *,
    root: bytes,
    count: int,
    epoch: str,
    sealed_at: datetime,
    horizon: int,
    partly: int,
    kid: str,
) -> Seal:
    """Return the seal over the next `count` events, tied to the one before it; the first where there is none."""
    first = before.last + 1 if before else 1
    return Seal(
        sequence=before.sequence + 1 if before else 1,
        epoch=epoch,
        first=first,
        last=first + count - 1,
        count=count,
        root=root.hex(),
        previous=(before.hash() if before else NO_SEAL).hex(),
        sealed_at=instant(sealed_at),
        horizon=horizon,
        partly=partly,
        kid=kid,
    )


def breaks(before: Seal | None, seal: Seal) -> str:
    """Return, in words, why this seal can not come after that one; empty when it can."""
    sequence, first, previous = (before.sequence, before.last, before.hash()) if before else (0, 0, NO_SEAL)
    if seal.sequence != sequence + 1:
        return f"seal {sequence + 1} is missing"
    if seal.previous != previous.hex():
        return "it does not name the seal before it"
    if seal.first != first + 1 or seal.count < 1 or seal.last - seal.first + 1 != seal.count:
        return f"it does not begin at position {first + 1}"
    return ""
