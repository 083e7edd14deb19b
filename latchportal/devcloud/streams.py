"""The streams that the pretend data collection rule declares, and what a record must be to fit one. Pure.

Azure answers 204 to a record that does not fit, and drops it later (azure-sdk-for-net issue 34638; its own live tests
upload text that is no JSON and expect 204). Here it is refused at once, so that a mistake of ours can be seen.
"""

import re
from collections.abc import Callable
from typing import Any

from latchportal.devcloud.errors import ArmError

RULE = "dcr-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
# "Fields longer than 64 KB are truncated": Azure Monitor's limits of the Logs Ingestion API.
LONGEST_FIELD = 64 * 1024
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _whole(bits: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


# The types a stream declaration knows, and what JSON says each.
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int": _whole(32),
    "long": _whole(64),
    "real": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "datetime": lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value)),
    "guid": lambda value: isinstance(value, str) and bool(_GUID.fullmatch(value)),
    "dynamic": lambda value: True,
}
_TEXTS = (
    "EventType EventSubType EventResult EventResultDetails EventSeverity EventMessage EventUid EventProduct "
    "EventProductVersion EventVendor EventSchema EventSchemaVersion Dvc Operation Object ObjectId ObjectType "
    "OriginalObjectType ActorUserId ActorUserIdType ActorScopeId ActorUsername ActorUsernameType ActorUserType "
    "TargetAppName SrcIpAddr"
)
_MANDATORY = (
    "TimeGenerated EventCount EventStartTime EventEndTime EventType EventResult EventProduct EventVendor "
    "EventSchema EventSchemaVersion Dvc Operation Object"
)
# Microsoft Sentinel's normalised audit event, as docs/shipping.md has an operator declare it.
DECLARED: dict[str, dict[str, str]] = {
    "Custom-LatchAudit": {
        "TimeGenerated": "datetime",
        "EventStartTime": "datetime",
        "EventEndTime": "datetime",
        "EventCount": "int",
        "AdditionalFields": "dynamic",
        **dict.fromkeys(_TEXTS.split(), "string"),
    }
}


def fitting(stream: str, body: Any) -> list[dict[str, Any]]:
    """Return the records as the table keeps them, long fields cut. Raises ArmError 400 naming what does not fit."""
    columns = DECLARED[stream]
    if not isinstance(body, list):
        raise _misfit("The body must be a JSON array of records.")
    for number, record in enumerate(body):
        if not isinstance(record, dict):
            raise _misfit(f"Record {number} is no object.")
        _check(number, record, columns)
    return [{name: _cut(value) for name, value in record.items()} for record in body]


def _check(number: int, record: dict[str, Any], columns: dict[str, str]) -> None:
    for name in _MANDATORY.split():
        if record.get(name) in (None, ""):
            raise _misfit(f"Record {number} lacks the mandatory column '{name}'.")
    for name, value in record.items():
        if name not in columns:
            raise _misfit(f"Record {number} has the column '{name}', which the stream does not declare.")
        if value is not None and not TYPES[columns[name]](value):
            raise _misfit(f"Record {number}: the column '{name}' must be of type {columns[name]}.")


def _cut(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.encode()[:LONGEST_FIELD].decode(errors="ignore")


def _misfit(message: str) -> ArmError:
    return ArmError(400, "InvalidPayload", message)
