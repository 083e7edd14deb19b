"""Asynchronous operations: what Azure is still doing after it answered. State only; no HTTP."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KEPT = 2000


@dataclass(frozen=True)
class Plan:
    """How one write will go. `seconds`: how long, None: as usual; `applied`: whether a failed one stays."""

    seconds: float | None = None
    outcome: str = "Succeeded"
    code: str = "InternalServerError"
    message: str = "An error occurred."
    applied: bool = False


@dataclass
class Operation:
    """One write in progress or done. `due` is monotonic seconds; `before` the rules to fall back on."""

    kind: str
    nsg_key: str
    subscription: str
    location: str
    rule: str | None
    due: float
    plan: Plan
    before: list[dict[str, Any]] | None
    deletes: bool = False
    status: str = "InProgress"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def json(self) -> dict[str, Any]:
        """The answer of the operations address."""
        body: dict[str, Any] = {"status": self.status}
        if self.status in ("Failed", "Canceled"):
            code = "Canceled" if self.status == "Canceled" else self.plan.code
            body["error"] = {"code": code, "message": self.plan.message, "details": []}
        return body


class Operations:
    """Every operation by id, the newest KEPT of them."""

    def __init__(self) -> None:
        self._all: dict[str, Operation] = {}
        # Asked at every call, while thousands have ended.
        self._running: dict[str, Operation] = {}

    def add(self, operation: Operation) -> Operation:
        self._all[operation.id] = self._running[operation.id] = operation
        while len(self._all) > KEPT:
            self._all.pop(next(iter(self._all)))
        return operation

    def get(self, operation_id: str) -> Operation | None:
        return self._all.get(operation_id.lower())

    def running_on(self, nsg_key: str) -> Operation | None:
        """The write that holds this NSG, if any."""
        return next((one for one in self.running() if one.nsg_key == nsg_key), None)

    def running(self) -> Iterator[Operation]:
        for one in [one for one in self._running.values() if one.status != "InProgress"]:
            del self._running[one.id]
        return iter([*reversed(self._running.values())])

    def due(self, now: float) -> list[Operation]:
        """Those whose time has come, oldest first."""
        return sorted((one for one in self.running() if one.due <= now), key=lambda one: one.due)

    def dump(self, now: float) -> list[dict[str, Any]]:
        """Plain data; `due` becomes the seconds left, since the monotonic clock ends with the process."""
        return [vars(one) | {"plan": vars(one.plan), "due": one.due - now} for one in self._all.values()]

    def load(self, data: list[dict[str, Any]], now: float) -> None:
        """The operations are those that `dump()` returned."""
        for entry in data:
            plan = Plan(**entry["plan"])
            self.add(Operation(**{**entry, "plan": plan, "due": entry["due"] + now}))
