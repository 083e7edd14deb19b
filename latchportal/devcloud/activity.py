"""What Azure's Activity Log keeps of every write to ARM, as the table AzureActivity of one workspace has it. No HTTP.

From Azure's documentation of the table and from queries people publish: a row as a change starts, one as it is accepted,
one as it ends; the operation's name in capitals, `_ResourceId` in lower case, `Properties_d.entity` the whole id. What ARM
itself turns away (no token, too many calls) is in no log. From memory alone: the words of `ActivitySubstatusValue`.
"""

import json
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from latchportal.devcloud.errors import ArmError

WORKSPACE = "3f1d9a52-7c64-4e0b-9b1e-5a2f60c7d811"
KEPT = 20_000
# "Maximum number of records returned in a log query", of Azure Monitor's limits.
MOST_ROWS = 500_000
_THROTTLES = frozenset({"SubscriptionRequestsThrottled", "TooManyRequests"})
_DATES = ("TimeGenerated", "EventSubmissionTimestamp")
_DYNAMIC = ("Authorization_d", "Claims_d", "Properties_d")
_TEXTS = (
    "TenantId SourceSystem CallerIpAddress CategoryValue CorrelationId Authorization Claims Level OperationNameValue "
    "Properties Caller EventDataId HTTPRequest OperationId ResourceGroup ResourceProviderValue ActivityStatusValue "
    "ActivitySubstatusValue Hierarchy SubscriptionId OperationName ActivityStatus ActivitySubstatus Category ResourceId "
    "ResourceProvider Resource Type _ResourceId _SubscriptionId"
)
COLUMNS: dict[str, str] = {
    **dict.fromkeys(_TEXTS.split(), "string"),
    **dict.fromkeys(_DATES, "datetime"),
    **dict.fromkeys(_DYNAMIC, "dynamic"),
}


@dataclass(frozen=True)
class Change:
    """One call that changes something: who asked for what, under which correlation id, and when."""

    action: str
    entity: str
    caller: str
    correlation_id: str
    at: datetime
    method: str = "PUT"
    address: str = "127.0.0.1"
    operation_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Activity:
    """The rows, oldest first. Each can be queried `delay` seconds after what it tells of; in Azure that is minutes."""

    delay: float = 0.0
    most: int = MOST_ROWS
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    rows: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    # By operation: the change that goes on, and when it was accepted.
    _running: dict[str, tuple[Change, datetime]] = field(default_factory=dict)

    def refused(self, change: Change, refusal: ArmError) -> None:
        """The change was begun and refused, unless ARM turned it away before anybody looked at it."""
        if refusal.status == 401 or refusal.code in _THROTTLES:
            return
        self._add(change, "Start", "", change.at)
        self._add(change, "Failure", said(refusal.status), datetime.now(UTC))

    def accepted(self, change: Change, status: int, operation_id: str) -> None:
        """The change was begun, and is done; or it goes on as this operation, until `ended`."""
        self._add(change, "Start", "", change.at)
        if not operation_id:
            self._add(change, "Success", said(status), datetime.now(UTC))
            return
        now = datetime.now(UTC)
        self._add(change, "Accept", said(status), now)
        self._running[operation_id] = change, now

    def ended(self, operation_id: str, outcome: str, ago: float) -> None:
        """The operation came to its end so many seconds ago. One that nobody asked for by ARM leaves no row."""
        if operation_id not in self._running:
            return
        change, accepted = self._running.pop(operation_id)
        at = max(accepted, datetime.now(UTC) - timedelta(seconds=ago))
        if outcome == "Succeeded":
            self._add(change, "Success", "", at)
        else:
            self._add(change, "Failure", outcome, at)

    def by_hand(self, change: Change) -> None:
        """The change was made by somebody else, and ended just then."""
        self._add(change, "Start", "", change.at - timedelta(milliseconds=200))
        self._add(change, "Success", "OK", change.at)

    def arrived(self, now: datetime) -> list[dict[str, Any]]:
        """The rows that can be queried by now."""
        late = now - timedelta(seconds=self.delay)
        return [row for row in self.rows if row["TimeGenerated"] <= late]

    def forget(self, entity: str, status: str = "") -> int:
        """No row of what ends with `entity`, or none of this status, is left; answers how many went."""
        gone = [
            row
            for row in self.rows
            if row["_ResourceId"].endswith(entity.lower()) and status in ("", row["ActivityStatusValue"])
        ]
        for row in gone:
            self.rows.remove(row)
        return len(gone)

    def _add(self, change: Change, status: str, substatus: str, at: datetime) -> None:
        told = {
            "ActivityStatusValue": status,
            "ActivitySubstatusValue": substatus,
            "TimeGenerated": at,
            "EventSubmissionTimestamp": at + timedelta(seconds=self.delay),
            "EventDataId": str(uuid.uuid4()),
            "Level": "Error" if status == "Failure" else "Informational",
        }
        known = {**_about(change, status), **told}
        self.rows.append({name: known.get(name, "") for name in COLUMNS})


def _about(change: Change, status: str) -> dict[str, Any]:
    """What every row of a change says of it."""
    parts = change.entity.split("/")
    subscription, group = (parts[2] if len(parts) > 2 else ""), (parts[4] if len(parts) > 4 else "")
    scope = {"action": change.action, "scope": change.entity}
    claims = {"appid": change.caller, "idtyp": "app"}
    more = {
        "eventCategory": "Administrative",
        "entity": change.entity,
        "message": change.action,
        "hierarchy": subscription,
        "activityStatusValue": status,
    }
    return {
        "TenantId": WORKSPACE,
        "SourceSystem": "Azure",
        "CallerIpAddress": change.address,
        "CategoryValue": "Administrative",
        "CorrelationId": change.correlation_id,
        **_both("Authorization", scope),
        **_both("Claims", claims),
        **_both("Properties", more),
        "OperationNameValue": change.action.upper(),
        "Caller": change.caller,
        "HTTPRequest": json.dumps({"clientIpAddress": change.address, "method": change.method}),
        "OperationId": change.operation_id,
        "ResourceGroup": group.upper(),
        "ResourceProviderValue": "MICROSOFT.NETWORK",
        "Hierarchy": subscription,
        "SubscriptionId": subscription,
        "Type": "AzureActivity",
        "_ResourceId": change.entity.lower(),
        "_SubscriptionId": subscription,
    }


def _both(name: str, value: dict[str, str]) -> dict[str, Any]:
    """The same as a text and as a dynamic value, as the table has it."""
    return {name: json.dumps(value), f"{name}_d": value}


def said(status: int) -> str:
    """An HTTP status as the log words it: "Created", "NoContent"."""
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("Ok", "OK")
