"""The pretend subscriptions with everything that changes in them, kept on disk if asked. No HTTP."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from latchportal.devcloud import errors, world
from latchportal.devcloud.activity import Activity
from latchportal.devcloud.blob_store import Store
from latchportal.devcloud.calls import KEPT, Calls
from latchportal.devcloud.faults import Faults
from latchportal.devcloud.nsg import Nsg, Rule
from latchportal.devcloud.operations import Operation, Operations
from latchportal.devcloud.received import Received
from latchportal.devcloud.throttle import Limits, Throttle
from latchportal.devcloud.vault_store import Vault

# A saving that takes longer than this is followed by a pause of so many times as long.
_CHEAP_S, _PAUSES = 0.005, 20


class Cloud:
    """One pretend Azure. Only the event loop's thread may call it."""

    def __init__(
        self,
        subscriptions: Iterable[world.Subscription],
        *,
        write_seconds: float = 0.4,
        state_file: Path | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._born = tuple(subscriptions)
        self._state_file = state_file
        self._limits = limits or Limits()
        self.clock = clock
        self.write_seconds = write_seconds
        self.calls = Calls()
        self.faults = Faults()
        self._saved_until = 0.0
        self._saving: asyncio.TimerHandle | None = None
        self._begin()
        if state_file and state_file.exists():
            self._load(json.loads(state_file.read_text(encoding="utf-8")))

    def _begin(self) -> None:
        self.subscriptions = {one.id.lower(): one for one in self._born}
        self.groups: dict[tuple[str, str], str] = {}
        self.nsgs: dict[str, Nsg] = {}
        self.locks: dict[str, str] = {}
        # By the network's id in lower case: what a network manager deployed there, as ARM tells it.
        self.admin_rules: dict[str, list[dict[str, Any]]] = {}
        self.operations = Operations()
        self.logs = Received()
        self.activity = Activity()
        self.blobs = Store()
        self.vault = Vault()
        self.blob_calls: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.throttle = Throttle(self._limits)
        for subscription in self._born:
            for given in subscription.nsgs:
                self.add(_grown(subscription.id, given))

    def reset(self) -> None:
        """Everything is as the world file says; faults, locks, operations and the log are gone."""
        self._begin()
        self.calls.clear()
        self.faults.clear()
        self.save()

    def add(self, nsg: Nsg) -> None:
        """The NSG stands in its resource group, which exists from now on."""
        self.nsgs[nsg.key] = nsg
        self.groups.setdefault((nsg.subscription.lower(), nsg.group.lower()), nsg.group)

    def find(self, subscription: str, group: str, name: str) -> Nsg | None:
        """The NSG of this name, whatever the case. Raises ArmError without its subscription or group."""
        self.check_group(subscription, group)
        return self.nsgs.get(Nsg(subscription, group, name, "").key)

    def check_group(self, subscription: str, group: str) -> None:
        """Raises ArmError 404 when there is no such subscription or resource group."""
        self.check_subscription(subscription)
        if (subscription.lower(), group.lower()) not in self.groups:
            raise errors.group_not_found(group)

    def check_subscription(self, subscription: str) -> None:
        """Raises ArmError 404 when there is no such subscription."""
        if subscription.lower() not in self.subscriptions:
            raise errors.subscription_not_found(subscription)

    def named(self, name: str) -> Nsg:
        """The only NSG of this name anywhere, for the control API. Raises LookupError."""
        found = [nsg for nsg in self.nsgs.values() if nsg.name.lower() == name.lower()]
        if len(found) != 1:
            raise LookupError(f"{len(found)} NSGs are called {name!r}")
        return found[0]

    def lock_on(self, nsg_key: str) -> tuple[str, str] | None:
        """The (scope, level) of the strictest lock over this NSG, or None."""
        over = [
            (scope, level) for scope, level in self.locks.items() if f"{nsg_key}/".startswith(f"{scope}/")
        ]
        return max(over, key=lambda lock: lock[1] == "ReadOnly", default=None)

    def settle(self) -> None:
        """Every operation whose time has come is finished."""
        done = self.operations.due(self.clock())
        for operation in done:
            finish(self, operation)
        if done:
            self.save()

    def save(self) -> None:
        """What must survive a restart is on disk, whole or not at all; soon, where the last saving took long.

        Saving grows with all that there is: of a thousand writes at once, each would wait for a thousand savings.
        """
        wait = self._saved_until - self.clock()
        if wait <= 0:
            self.save_now()
        elif self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(wait, self.save_now)

    def save_now(self) -> None:
        """As save(), at once; also the last word before the process ends."""
        self._saving = None
        if not self._state_file:
            return
        began = self.clock()
        self._write(self._state_file)
        took = self.clock() - began
        self._saved_until = self.clock() + (_PAUSES * took if took > _CHEAP_S else 0)

    def _write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(self._dump()), encoding="utf-8")
        draft.replace(file)

    def _dump(self) -> dict[str, Any]:
        nsgs = [
            {**{key: value for key, value in vars(nsg).items() if key != "rules"}, "rules": _rules(nsg)}
            for nsg in self.nsgs.values()
        ]
        return {
            "nsgs": nsgs,
            "groups": [[*key, name] for key, name in self.groups.items()],
            "born": sorted(_grown(sub.id, one).key for sub in self._born for one in sub.nsgs),
            "locks": self.locks,
            "operations": self.operations.dump(self.clock()),
        }

    def _load(self, data: dict[str, Any]) -> None:
        """What was saved counts, except for NSGs the world file did not have then."""
        born = set(data["born"])
        self.nsgs = {key: nsg for key, nsg in self.nsgs.items() if key not in born}
        for entry in data["nsgs"]:
            rules = {rule["name"].lower(): Rule(**rule) for rule in entry["rules"]}
            self.add(Nsg(**{**entry, "rules": rules}))
        self.groups.update({(first, second): name for first, second, name in data["groups"]})
        self.locks = dict(data["locks"])
        self.operations.load(data["operations"], self.clock())


def finish(cloud: Cloud, operation: Operation) -> None:
    """The operation has its end, and its NSG shows it: done, put back, or left half-way as planned."""
    plan, operation.status = operation.plan, operation.plan.outcome
    before, operation.before = operation.before, None
    cloud.activity.ended(operation.id, plan.outcome, max(0.0, cloud.clock() - operation.due))
    nsg = cloud.nsgs.get(operation.nsg_key)
    if nsg is None:
        return
    succeeded = plan.outcome == "Succeeded"
    if operation.deletes and (succeeded or plan.applied):
        _remove(cloud, nsg, operation.rule)
    elif not succeeded and not plan.applied:
        if before is None:
            cloud.nsgs.pop(nsg.key)
        else:
            nsg.restore(before)
    _conclude(nsg, operation)


def _remove(cloud: Cloud, nsg: Nsg, rule: str | None) -> None:
    if rule is None:
        cloud.nsgs.pop(nsg.key)
    else:
        nsg.rules.pop(rule.lower(), None)


def _conclude(nsg: Nsg, operation: Operation) -> None:
    succeeded = operation.plan.outcome == "Succeeded"
    nsg.state = "Succeeded" if succeeded else "Failed"
    for rule in nsg.rules.values():
        if rule.state in ("Updating", "Deleting"):
            rule.state = nsg.state
    nsg.touch()


def _grown(subscription: str, given: world.Nsg) -> Nsg:
    nsg = Nsg(subscription, given.resource_group, given.name, given.location)
    nsg.subnets, nsg.nics = list(given.subnets), list(given.nics)
    for rule in given.rules:
        nsg.put(Rule(rule["name"], {key: value for key, value in rule.items() if key != "name"}))
    return nsg


def _rules(nsg: Nsg) -> list[dict[str, Any]]:
    return [vars(rule) for rule in nsg.rules.values()]
