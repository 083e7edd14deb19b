"""Rules of ours that Azure itself says are over: found in whole subscriptions, closed group by group. No database.

This is all the reaper knows. The portal's own closing is convergence, which knows what was agreed.
"""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from requests_app.targets.arm import client
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import ContainerState, Receipt, RuleState, TargetError
from requests_app.targets.call import arm_call
from requests_app.targets.mark import belongs_to, read_end
from requests_app.targets.nsg import NsgTarget
from requests_app.targets.nsg_json import container

Outcome = Literal["closed", "spared", "failed"]
# Readings and removals take turns; a removal that went well takes two.
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 2.0
# A longer wish of Azure's is left to the next pass, so that one group never holds a worker for long.
_LONGEST_PAUSE_SECONDS: Final = 10.0
# Half of the writes a second that Azure lets one subscription and region have: whoever is that fast needs no help.
_FULL_SWING: Final = 5.0
# However fast the others are, a rule this long past its end is nobody's but ours.
PATIENCE: Final = timedelta(seconds=120)

Key = tuple[str, str]


def all_groups(config: AzureConfig, subscription: str, *, correlation_id: str) -> list[ContainerState]:
    """Return every network security group of the subscription as it is now, page by page. Raises TargetError."""
    where = f"/subscriptions/{subscription}"
    with arm_call(config, where, correlation_id) as call:
        groups = client(config, subscription).network_security_groups
        found: list[dict[str, Any]] = [
            item.as_dict() for item in groups.list_all(headers=call.correlation(), **call.options())
        ]
        try:
            return [container(item["id"], item) for item in found]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise call.failed(
                "unknown", f"no groups in Azure's answer: {error}", code="BadResponse"
            ) from error


def overdue(state: ContainerState, instance: str, moment: datetime, grace: timedelta) -> list[RuleState]:
    """Return this instance's rules that are past the end in their description, or have none that can be read."""
    ours = (rule for rule in state.rules if belongs_to(instance, rule.name))
    return [rule for rule in ours if is_over(rule, moment, grace)]


def is_over(rule: RuleState, moment: datetime, grace: timedelta) -> bool:
    """Return whether the rule's own description says that it should be gone; unreadable counts as over."""
    end = read_end(rule.description)
    return end is None or end + grace <= moment


@dataclass(slots=True)
class Others:
    """What vanished between two looks by somebody else's hand, the portal's most likely. One for each subscription."""

    _seen: frozenset[Key] = frozenset()
    _at: datetime | None = None
    _own: set[Key] = field(default_factory=set)

    def closed_by_us(self, key: Key) -> None:
        """This rule does not count for the others."""
        self._own.add(key)

    def in_full_swing(self, over: Set[Key], moment: datetime) -> bool:
        """Return whether the others close as fast as Azure lets anyone; `over`: what is past its end now, grace or not.

        To join them then would close nothing sooner: it would use up, for refusals, the writes they need.
        """
        gone, own = self._seen - over - self._own, self._own & over
        seconds = (moment - self._at).total_seconds() if self._at else 0.0
        self._seen, self._at, self._own = frozenset(over), moment, set(own)
        return seconds > 0 and len(gone) / seconds >= _FULL_SWING


@dataclass(frozen=True, slots=True)
class Closing:
    """What became of one overdue rule. `spared`: it was given a later end meanwhile, or is gone already."""

    outcome: Outcome
    receipt: Receipt | None = None
    error: TargetError | None = None


def close(
    target: NsgTarget,
    group_id: str,
    rule: RuleState,
    moment: datetime,
    grace: timedelta,
    *,
    correlation_id: str,
) -> Closing:
    """The rule is gone, unless a fresh look says that it may stay, or Azure refuses. Raises nothing of Azure's.

    Looked at once more right before, because the portal extends by writing a later end into the description.
    """
    receipt: Receipt | None = None
    sent = False
    for left in range(_TRIES - 1, -1, -1):
        try:
            now = target.read(group_id, correlation_id=correlation_id).rule(rule.name)
            if now is None and sent:
                return Closing("closed", receipt)
            if now is None or not is_over(now, moment, grace):
                return Closing("spared")
            sent = True
            receipt = target.remove(group_id, rule.name, correlation_id=correlation_id)
            continue
        except TargetError as raised:
            error = raised
        pause = max(_PAUSE_SECONDS, error.retry_after or 0.0)
        # What may have been done all the same is looked at again; only a sure and lasting refusal is the last word.
        if not left or (error.certain and not error.passing) or pause > _LONGEST_PAUSE_SECONDS:
            return Closing("failed", error=error)
        time.sleep(pause)
    words = f"{rule.name} is still there after {_TRIES} removals"
    return Closing("failed", error=TargetError("unknown", words, where=group_id))
