"""PURE: an event as a row of Microsoft Sentinel's normalised audit events (ASIM AuditEvent). No sending here.

https://learn.microsoft.com/azure/sentinel/normalization-schema-audit says what each column means; of EventType's values
only those are used that every version of the schema knows. docs/shipping.md declares the same columns.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from audit_app.shipping.acts import Act, act, cut, person, weight

if TYPE_CHECKING:
    from audit_app.models import Event

# Azure cuts a field at 64 KB without a word; what we cut ourselves is named in AdditionalFields.Cut.
LONGEST_FIELD: Final = 60 * 1024
_LONGEST_DATA: Final = 48 * 1024
_LONGEST_WHY: Final = 8 * 1024
_EVENT_TYPES: Final[dict[Act, str]] = {
    "create": "Create",
    "change": "Set",
    "remove": "Delete",
    "read": "Read",
    "enable": "Enable",
    "disable": "Disable",
    "execute": "Execute",
    "other": "Other",
}
_OBJECT_TYPES: Final = {
    "grant": "Policy Rule",
    "grants": "Policy Rule",
    "rule": "Policy Rule",
    "policy": "Configuration Atom",
    "catalogue": "Configuration Atom",
    "key": "Configuration Atom",
    "verifier": "Configuration Atom",
    "portal": "Configuration Atom",
    "directory": "Directory Service Object",
    "export": "Event Log",
    "shipping": "Event Log",
}
# ASIM knows no refusal: what was refused failed, and the details say why.
_RESULTS: Final = {
    "success": ("Success", ""),
    "refused": ("Failure", "Refused"),
    "failure": ("Failure", "Failed"),
}
_SEVERITY: Final = {"success": "Informational", "refused": "Low", "failure": "Medium"}


def row(event: Event, *, sentence: str, instance: str, version: str) -> dict[str, Any]:
    """Return the event's columns; those without a value are left out. `instance` is the portal that reports it."""
    noun, _, verb = event.kind.partition(".")
    result, details = _RESULTS[event.outcome]
    at = utc(event.at)
    columns: dict[str, Any] = {
        "TimeGenerated": at,
        "EventStartTime": at,
        "EventEndTime": at,
        "EventCount": 1,
        "EventType": _EVENT_TYPES[act(event.kind)],
        "EventSubType": verb,
        "EventResult": result,
        "EventResultDetails": details,
        "EventSeverity": _SEVERITY[weight(event.kind, event.outcome)],
        "EventMessage": cut(f"{event.actor_label}: {sentence}", LONGEST_FIELD),
        "EventUid": str(event.uid),
        "EventProduct": "latchportal",
        "EventProductVersion": version,
        "EventVendor": "latchportal",
        "EventSchema": "AuditEvent",
        "EventSchemaVersion": "0.1.2",
        "Dvc": instance,
        "Operation": event.kind,
        "Object": event.object_label or event.resource_label or event.object_kind or noun,
        "ObjectId": event.object_id,
        "ObjectType": _OBJECT_TYPES.get(noun, "Other"),
        "OriginalObjectType": event.object_kind,
        **_actor(event),
        "TargetAppName": "latchportal",
        "SrcIpAddr": event.source_address or "",
        "AdditionalFields": _more(event),
    }
    return {name: value for name, value in columns.items() if value != ""}


def utc(moment: datetime) -> str:
    """Return the instant as Azure takes it: ISO 8601, UTC, with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _actor(event: Event) -> dict[str, str]:
    tenant, oid = person(event.actor_id)
    return {
        "ActorUserId": oid,
        "ActorUserIdType": "AADID" if tenant else "",
        "ActorScopeId": tenant,
        "ActorUsername": event.actor_label,
        "ActorUsernameType": "Simple",
        "ActorUserType": "Regular" if tenant else "Application",
    }


def _more(event: Event) -> dict[str, Any]:
    """What ASIM has no column for. CorrelationId is the one by which Azure's Activity Log is joined."""
    tenant, oid = person(event.subject_id)
    why, data, cuts = cut(event.why, _LONGEST_WHY), event.data, []
    if why != event.why:
        cuts.append("Why")
    if len(json.dumps(data)) > _LONGEST_DATA:
        data, cuts = {}, [*cuts, "Data"]
    found = {
        "Number": event.pk,
        "CorrelationId": event.correlation_id,
        "Resource": event.resource_label,
        "Request": event.story,
        "SubjectId": oid,
        "SubjectScopeId": tenant,
        "Subject": event.subject_label,
        "Why": why,
        "Data": data,
        "Cut": cuts,
    }
    return {name: value for name, value in found.items() if value not in ("", {}, [])}
