"""The walk along the chain that finds what was changed: places and seals go in, findings come out. No file, no database.

Both verifiers take it: the one that reads the database, and the one that reads an export. Its memory is one seal's.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from audit_app import merkle
from audit_app.chain import (
    ERASING,
    PERSONAL,
    Evidence,
    Malformed,
    Seal,
    apart,
    breaks,
    commitments,
    instant,
    leaf,
)
from audit_app.jose import SEAL_TYPE, Check, NotSigned

EDITED, REMOVED, INSERTED, REORDERED, BACK_DATED = "edited", "removed", "inserted", "reordered", "back-dated"
ERASED, BROKEN = "erased", "seal"
# A transaction may be this old when its events are sealed; what says it is older was written to look so.
SLACK: Final = timedelta(minutes=10)
LONG_BEFORE: Final = timedelta(days=1)
KEPT: Final = 1000
# No seal of ours holds as many; one that says so is not followed into its positions.
LARGEST: Final = 65_536


class Finding(NamedTuple):
    """Something that is not as it was sealed: of which kind, at which position (0: a seal's own), in words."""

    kind: str
    position: int
    words: str


@dataclass(frozen=True, slots=True)
class Place:
    """One position of the chain: what was sealed there, and the event that is there now (None: there is none)."""

    position: int
    uid: str
    leaf: bytes
    commitments: bytes
    at: str
    written_at: str
    event: Evidence | None


class Walk:
    """Takes a chain place by place, each seal after its places; `findings` holds what was found once it is finished.

    A walk that is not `whole` may begin in the middle: its first seal is taken to follow on from something sound.
    """

    def __init__(self, check: Check, *, whole: bool = True) -> None:
        self.whole = whole
        self.findings: list[Finding] = []
        self.events = self.more = self.told_late = 0
        self.before: Seal | None = None
        self.first: Seal | None = None
        # Of every seal, in order: what heads that left are compared with.
        self.hashes = bytearray()
        self._check = check
        self._block: list[Place] = []
        self._not_before = ""
        self._wrong: list[tuple[Place, bytes]] = []
        self._lost: dict[int, str] = {}
        self._extra: dict[int, str] = {}
        self._erased: set[int] = set()

    def place(self, place: Place) -> None:
        """This is the next position of the seal that follows."""
        self.events += 1
        self._block.append(place)

    def seal(self, seal: Seal, token: str) -> None:
        """The places since the seal before are those of this one, which is signed by this token."""
        self._seal_itself(seal, token)
        expected = range(seal.first, seal.last + 1)
        if len(expected) > LARGEST:
            expected = range(0)
        there: dict[int, Place] = {}
        for place in self._block:
            if place.position not in expected or place.position in there:
                self._extra[place.position] = place.uid
                continue
            there[place.position] = place
            self._judge(place)
        self._order(list(there))
        lost = [position for position in expected if position not in there]
        self._lost.update(dict.fromkeys(lost, f"seal {seal.sequence}"))
        if not lost and merkle.root([there[position].leaf for position in expected]).hex() != seal.root:
            self._found(BROKEN, 0, f"seal {seal.sequence}: its tree is not that of positions {_span(seal)}")
        self._block.clear()
        if seal.drained:
            self._not_before = _earlier(seal.sealed_at)
        self.before = seal
        self.first = self.first or seal

    def finish(self) -> list[Finding]:
        """Return the findings, the events' by position; nothing more may come."""
        for place in self._block:
            self._found(
                INSERTED, place.position, f"event {place.uid} stands in the chain and no seal holds it"
            )
        for position, where in self._lost.items():
            if position in self._extra:
                self._found(REORDERED, position, f"event {self._extra.pop(position)} is not in its place")
            else:
                self._found(REMOVED, position, f"nothing is left of what {where} holds there")
        for position, uid in self._extra.items():
            self._found(INSERTED, position, f"event {uid} is there once too often")
        self._tell_wrong()
        for position in sorted(self._erased):
            self._found(ERASED, position, "its person was erased, and no event of the trail says so")
        self.findings.sort(key=lambda finding: (finding.kind == BROKEN, finding.position))
        return self.findings

    def _found(self, kind: str, position: int, words: str) -> None:
        if len(self.findings) < KEPT:
            self.findings.append(Finding(kind, position, words))
        else:
            self.more += 1

    def _seal_itself(self, seal: Seal, token: str) -> None:
        wrong = breaks(self.before, seal) if self.before or self.whole else ""
        try:
            if self._check(token, SEAL_TYPE) != seal.to_bytes():
                wrong = wrong or "what was signed is another seal"
        except NotSigned as error:
            wrong = wrong or str(error)
        if wrong:
            self._found(BROKEN, 0, f"seal {seal.sequence}: {wrong}")
        self.hashes += seal.hash()

    def _order(self, positions: list[int]) -> None:
        for one, next_one in pairwise(positions):
            if one > next_one:
                self._found(REORDERED, next_one, f"it comes after position {one}")

    def _judge(self, place: Place) -> None:
        """The event is what was sealed, or is kept to be told of at the end."""
        if place.event is None:
            self._found(REMOVED, place.position, f"event {place.uid} is gone")
            return
        made = leaf_now(place, place.event)
        if made != place.leaf:
            if len(self._wrong) < KEPT:
                self._wrong.append((place, made))
            else:
                self.more += 1
            return
        self._dates(place, place.event)
        if place.event.salt is None:
            self._erased.add(place.position)
        elif place.event.public["kind"] == ERASING:
            self._erased.difference_update(_explained(place.event))

    def _dates(self, place: Place, event: Evidence) -> None:
        at, written_at = str(event.public["at"]), str(event.public["written_at"])
        if written_at < self._not_before:
            words = f"event {place.uid} says it was written at {written_at}, long before the seals around it"
            self._found(BACK_DATED, place.position, words)
        if at[:10] < written_at[:10] and _moment(at) < _moment(written_at) - LONG_BEFORE:
            self.told_late += 1

    def _tell_wrong(self) -> None:
        """What was swapped is told apart from what was changed: the one's leaf is the other's."""
        sealed = {place.leaf for place, _ in self._wrong}
        for place, made in self._wrong:
            event = place.event
            assert event is not None  # noqa: S101 - only places with an event are kept there
            if made in sealed:
                words = f"event {event.public['uid']} stands where event {place.uid} was sealed"
                self._found(REORDERED, place.position, words)
            elif leaf_now(place, _times_put_back(place, event)) == place.leaf:
                was, is_ = f"at {place.at}, written {place.written_at}", event.public
                words = f"event {place.uid}: sealed as {was}; now at {is_['at']}, written {is_['written_at']}"
                self._found(BACK_DATED, place.position, words)
            else:
                self._found(EDITED, place.position, f"event {place.uid}: {_what_changed(place, event)}")


def stroll(walk: Walk, parts: Iterable[Place | tuple[Seal, str]]) -> list[Finding]:
    """Return what a whole walk along these parts finds."""
    for part in parts:
        if isinstance(part, Place):
            walk.place(part)
        else:
            walk.seal(*part)
    return walk.finish()


def leaf_now(place: Place, event: Evidence) -> bytes:
    """Return the leaf as the event makes it now; an erased one is held to the commitments that were kept."""
    if event.salt is not None:
        return leaf(event.public, commitments(event.salt, event.personal))
    if not event.blank:
        return b""
    try:
        return leaf(event.public, place.commitments)
    except Malformed:
        return b""


def _times_put_back(place: Place, event: Evidence) -> Evidence:
    public = {**event.public, "at": place.at, "written_at": place.written_at}
    return Evidence(public, event.personal, event.salt)


def _what_changed(place: Place, event: Evidence) -> str:
    if place.uid != event.public["uid"]:
        return f"another event, {event.public['uid']}, stands in its place"
    if event.salt is None:
        return "its salt is gone, but it was not erased"
    if not place.commitments:
        return "changed since it was sealed"
    try:
        kept, made = apart(place.commitments), apart(commitments(event.salt, event.personal))
    except Malformed as error:
        return str(error)
    changed = [name for name in PERSONAL if kept[name] != made[name]]
    return f"changed in {', '.join(changed)}" if changed else "changed in what it says openly"


def _explained(event: Evidence) -> list[int]:
    try:
        found = json.loads(event.personal["data"] or "{}").get("positions", [])
    except (ValueError, AttributeError):
        return []
    return [position for position in found if isinstance(position, int)] if isinstance(found, list) else []


def _span(seal: Seal) -> str:
    return f"{seal.first} to {seal.last}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _earlier(sealed_at: str) -> str:
    try:
        return instant(_moment(sealed_at) - SLACK)
    except ValueError:
        return ""
