"""PURE: what lies around a group and bears on an opening: locks, and security admin rules of a network manager. No I/O.

What could not be read is unchecked, and says why; unchecked is never taken for "none".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from requests_app.targets.base import RuleSpec, RuleState
from requests_app.targets.findings import Finding, covers


@dataclass(frozen=True, slots=True)
class Lock:
    """One management lock: `level` is CanNotDelete or ReadOnly, `scope` the id of what it lies on."""

    level: str
    scope: str

    @property
    def where(self) -> str:
        """The name of what it lies on."""
        return self.scope.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Around:
    """What was read around one group. An empty `…_unchecked` says that all of it was read."""

    locks: tuple[Lock, ...] = ()
    locks_unchecked: str = ""
    admin_rules: tuple[RuleState, ...] = ()
    admin_unchecked: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` makes an equal object of them."""
        return {
            "locks": [asdict(lock) for lock in self.locks],
            "locks_unchecked": self.locks_unchecked,
            "admin_rules": [
                {
                    key: list(value) if isinstance(value, tuple) else value
                    for key, value in asdict(rule).items()
                }
                for rule in self.admin_rules
            ],
            "admin_unchecked": self.admin_unchecked,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any] | None) -> Around:
        """What `to_dict` wrote; all unchecked when nothing was ever read."""
        if not data:
            return UNREAD
        return cls(
            tuple(Lock(**lock) for lock in data["locks"]),
            data["locks_unchecked"],
            tuple(RuleState.from_dict(rule) for rule in data["admin_rules"]),
            data["admin_unchecked"],
        )

    def lock_over(self, azure_id: str) -> Lock | None:
        """The strictest lock that lies on this id or above it; every level keeps a rule from being removed."""
        over = [lock for lock in self.locks if f"{azure_id}/".lower().startswith(f"{lock.scope}/".lower())]
        return max(over, key=lambda lock: lock.level == "ReadOnly", default=None)


_NOT_YET = "they were not read yet"
UNREAD = Around(locks_unchecked=_NOT_YET, admin_unchecked=_NOT_YET)


def around_findings(around: Around, azure_id: str, spec: RuleSpec) -> list[Finding]:
    """Everything worth saying about writing `spec` into the group of this id, given what lies around it."""
    return [*_locks(around, azure_id), *_admin(around, spec)]


def _locks(around: Around, azure_id: str) -> Iterator[Finding]:
    lock = around.lock_over(azure_id)
    if lock is not None:
        yield Finding(
            "locked",
            f"A lock ({lock.level}) on {lock.where} keeps rules from being removed: what is opened here could not "
            "be closed.",
            "danger",
        )
    elif around.locks_unchecked:
        yield Finding(
            "locks_unchecked",
            f"Unchecked: whether a lock would keep this from closing; {around.locks_unchecked}.",
            "info",
        )


def _admin(around: Around, spec: RuleSpec) -> Iterator[Finding]:
    """Admin rules are looked at before any group's, in their own order; a plain Allow lets the groups decide."""
    inbound = [rule for rule in around.admin_rules if rule.direction.lower() == "inbound"]
    for rule in sorted(inbound, key=lambda rule: rule.priority):
        how, access = covers(rule, spec), rule.access.lower()
        if access == "deny" and how != "none":
            part = "all" if how == "all" else "part"
            yield Finding(
                "admin_deny",
                f"The security admin rule {rule.name} denies {part} of this before any group is looked at; the "
                "opening would not take full effect.",
                "danger" if how == "all" else "warning",
            )
            return
        if access == "alwaysallow" and how == "all":
            yield Finding(
                "admin_allow",
                f"The security admin rule {rule.name} always lets this in, whatever this group says, and will go "
                "on doing so after this opening ends.",
                "warning",
            )
            return
        if access == "allow" and how == "all":
            return
    if around.admin_unchecked:
        yield Finding(
            "admin_unchecked",
            f"Unchecked: security admin rules that would beat this group; {around.admin_unchecked}.",
            "info",
        )
