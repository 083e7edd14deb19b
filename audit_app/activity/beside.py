"""PURE: what the portal wrote to Azure beside what Azure's Activity Log holds. No I/O, no clock.

The log tells one change in several rows (Start, Accept, Success or Failure), and all changes of a request carry its one
correlation id. So rows are put together to changes first, and each change is the answer to the nearest write of ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Verb = Literal["write", "delete"]
Outcome = Literal["done", "refused", "unknown"]
Standing = Literal["matched", "running", "differs", "not_yet", "refused", "unsure", "missing"]

# Azure gives 3 to 20 minutes for an event to reach the log.
LATE: Final = timedelta(minutes=20)
# A write may wait its turn before it is sent, and clocks differ; further apart it is another change.
APART: Final = timedelta(minutes=10)
_ENDS: Final = frozenset({"success", "succeeded", "failure", "failed"})
_ORDER: Final = {"start": 0, "started": 0, "accept": 1, "accepted": 1}


@dataclass(frozen=True)
class Write:
    """One try of ours to change a rule."""

    at: datetime
    verb: Verb
    rule: str
    where: str
    outcome: Outcome
    correlation_id: str


@dataclass(frozen=True)
class Record:
    """One row of Azure's log; `entity` is the whole id of what was changed."""

    at: datetime
    id: str
    operation_id: str
    operation: str
    status: str
    substatus: str
    caller: str
    address: str
    correlation_id: str
    entity: str


@dataclass(frozen=True)
class Change:
    """The rows that tell of one change, in their order."""

    records: tuple[Record, ...]

    @property
    def began(self) -> datetime:
        """When Azure began with it."""
        return self.records[0].at

    @property
    def status(self) -> str:
        """How far the log tells of it: the last row's status."""
        return self.records[-1].status

    @property
    def ended(self) -> bool:
        """Whether the log tells its end."""
        return self.status.lower() in _ENDS

    @property
    def failed(self) -> bool:
        """Whether it ended without being done."""
        return self.status.lower().startswith("fail")

    @property
    def substatus(self) -> str:
        """The last word beside a status, such as Created or Forbidden."""
        return next((one.substatus for one in reversed(self.records) if one.substatus), "")

    @property
    def operation(self) -> str:
        """What was done, in Azure's name of it."""
        return self.records[0].operation

    @property
    def verb(self) -> str:
        """The last part of that name: write, delete."""
        return self.operation.rpartition("/")[2].lower()

    @property
    def caller(self) -> str:
        """Who did it, as Azure names them: an object id, or the name somebody signs in with."""
        return next((one.caller for one in self.records if one.caller), "")

    @property
    def address(self) -> str:
        """From where."""
        return next((one.address for one in self.records if one.address), "")

    @property
    def correlation_id(self) -> str:
        """The id it was done under."""
        return self.records[0].correlation_id

    @property
    def name(self) -> str:
        """The name of the rule, or of the group when it is about the whole of it."""
        return self.records[0].entity.rpartition("/")[2]


@dataclass(frozen=True)
class Answered:
    """A write of ours with what the log has of it."""

    write: Write
    change: Change | None
    standing: Standing

    @property
    def seconds(self) -> float | None:
        """How much later, by Azure's clock, than by ours."""
        return (self.change.began - self.write.at).total_seconds() if self.change else None


@dataclass(frozen=True)
class Comparison:
    """Every write of ours with its standing, and what Azure has that none of them explains."""

    ours: tuple[Answered, ...]
    others: tuple[Change, ...]
    # Whoever made the changes that are ours: what else they did may be the portal's own (its reaper), too.
    callers: frozenset[str]


def compare(writes: Iterable[Write], records: Iterable[Record], read_at: datetime) -> Comparison:
    """Return what belongs together, as of the moment the log was read."""
    mine = sorted(writes, key=lambda write: write.at)
    found = changes(records)
    pairs = _pairs(mine, found)
    ours = tuple(_answered(write, pairs.get(number), read_at) for number, write in enumerate(mine))
    taken = {id(change) for change in pairs.values()}
    return Comparison(
        ours=ours,
        others=tuple(change for change in found if id(change) not in taken),
        callers=frozenset(change.caller for change in pairs.values() if change.caller),
    )


def changes(records: Iterable[Record]) -> list[Change]:
    """Return the changes these rows tell of, in order. A row that came twice counts once."""
    once = {record.id or str(number): record for number, record in enumerate(records)}
    ordered = sorted(once.values(), key=lambda one: (one.at, _ORDER.get(one.status.lower(), 2)))
    latest: dict[tuple[str, ...], list[Record]] = {}
    found: list[list[Record]] = []
    for record in ordered:
        key = (
            record.entity,
            record.operation.lower(),
            record.correlation_id,
            record.caller,
            record.operation_id,
        )
        rows = latest.get(key)
        begins = _ORDER.get(record.status.lower()) == 0
        if rows is None or begins or Change(tuple(rows)).ended:
            rows = latest[key] = []
            found.append(rows)
        rows.append(record)
    return [Change(tuple(rows)) for rows in found]


def _pairs(writes: list[Write], found: list[Change]) -> dict[int, Change]:
    """The change that answers each write, by the write's number: the nearest in time, each once."""
    near = sorted(
        (abs(change.began - write.at), number, place)
        for number, write in enumerate(writes)
        for place, change in enumerate(found)
        if _could_be(write, change)
    )
    pairs: dict[int, Change] = {}
    taken: set[int] = set()
    for _, number, place in near:
        if number not in pairs and place not in taken:
            pairs[number] = found[place]
            taken.add(place)
    return pairs


def _could_be(write: Write, change: Change) -> bool:
    return (
        change.verb == write.verb
        and change.name.lower() == write.rule.lower()
        and change.correlation_id.lower() == write.correlation_id.lower()
        and abs(change.began - write.at) <= APART
    )


def _answered(write: Write, change: Change | None, read_at: datetime) -> Answered:
    return Answered(write, change, _standing(write, change, read_at))


def _standing(write: Write, change: Change | None, read_at: datetime) -> Standing:
    if change is not None:
        if not change.ended:
            return "running"
        return "matched" if _agree(write, change) else "differs"
    if write.outcome == "refused":
        return "refused"
    if write.at > read_at - LATE:
        return "not_yet"
    return "missing" if write.outcome == "done" else "unsure"


def _agree(write: Write, change: Change) -> bool:
    """Return whether both say the same of how it went. What is to go and is not found counts with us as done."""
    if write.outcome == "unknown" or (write.verb == "delete" and change.substatus == "NotFound"):
        return True
    return change.failed == (write.outcome == "refused")
