"""PURE: an event as an object of the Open Cybersecurity Schema Framework (OCSF) 1.5. No file is written here.

Rights, codes and rules are User Access Management (3005); requests, decisions, reviews and all else are Entity
Management (3004). OCSF 1.9 calls 3005 deprecated in favour of User Management; 1.5 is what products read today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from audit_app.shipping.acts import Act, act, cut, person, weight

if TYPE_CHECKING:
    from audit_app.models import Event

SCHEMA: Final = "1.5.0"
ENTITY, ACCESS, OTHER = 3004, 3005, 99
_LONGEST: Final = 60 * 1024
_CAPTIONS: Final = {ENTITY: "Entity Management", ACCESS: "User Access Management"}
_ACCESS_NOUNS: Final = frozenset({"grant", "grants", "code"})
_ENTITY_ACTIVITIES: Final[dict[Act, tuple[int, str]]] = {
    "create": (1, "Create"),
    "read": (2, "Read"),
    "change": (3, "Update"),
    "remove": (4, "Delete"),
}
# A right is there while the rule is, as read back from Azure: whatever lies between is told, and assigns nothing.
_ACCESS_ACTIVITIES: Final = {
    "grant.opened": (1, "Assign Privileges"),
    "grant.closed": (2, "Revoke Privileges"),
}
_STATUS: Final = {"success": (1, "Success"), "refused": (2, "Failure"), "failure": (2, "Failure")}
_SEVERITY: Final = {"success": (1, "Informational"), "refused": (2, "Low"), "failure": (3, "Medium")}


def told(event: Event, *, sentence: str, instance: str, version: str) -> dict[str, Any]:
    """Return the event as OCSF tells it; `metadata.uid` is the event's own id, the same at every repetition."""
    kind_of_class = ACCESS if event.kind.partition(".")[0] in _ACCESS_NOUNS else ENTITY
    activity, name = _activity(event, kind_of_class)
    status, severity = _STATUS[event.outcome], _SEVERITY[weight(event.kind, event.outcome)]
    return {
        "category_uid": 3,
        "category_name": "Identity & Access Management",
        "class_uid": kind_of_class,
        "class_name": _CAPTIONS[kind_of_class],
        "activity_id": activity,
        "activity_name": name,
        "type_uid": kind_of_class * 100 + activity,
        "time": int(event.at.timestamp() * 1000),
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": status[0],
        "status": status[1],
        **({"status_detail": cut(event.why, _LONGEST)} if event.why else {}),
        "message": f"{event.actor_label}: {sentence}",
        "metadata": _metadata(event, instance, version),
        "actor": _actor(event),
        **({"src_endpoint": {"ip": event.source_address}} if event.source_address else {}),
        **(_access(event) if kind_of_class == ACCESS else _entity(event)),
        "unmapped": {"number": event.pk, "request": event.story, "data": event.data},
    }


def _activity(event: Event, kind_of_class: int) -> tuple[int, str]:
    other = (OTHER, event.kind.partition(".")[2] or event.kind)
    if kind_of_class == ACCESS:
        return _ACCESS_ACTIVITIES.get(event.kind, other)
    return _ENTITY_ACTIVITIES.get(act(event.kind), other)


def _metadata(event: Event, instance: str, version: str) -> dict[str, Any]:
    return {
        "version": SCHEMA,
        "uid": str(event.uid),
        "event_code": event.kind,
        "correlation_uid": event.correlation_id,
        "log_name": "audit trail",
        "product": {
            "name": "latchportal",
            "vendor_name": "latchportal",
            "version": version,
            "uid": instance,
        },
    }


def _user(party_id: str, label: str) -> dict[str, Any]:
    tenant, oid = person(party_id)
    found: dict[str, Any] = {"uid": oid, "name": label}
    return {**found, "org": {"uid": tenant}} if tenant else found


def _actor(event: Event) -> dict[str, Any]:
    if person(event.actor_id)[0]:
        return {"user": _user(event.actor_id, event.actor_label)}
    return {"app_name": event.actor_label, "app_uid": event.actor_id}


def _access(event: Event) -> dict[str, Any]:
    """Whose right it is: the person it happened to, else the one who acted."""
    whose = (
        (event.subject_id, event.subject_label) if event.subject_id else (event.actor_id, event.actor_label)
    )
    resource = event.resource_label or event.object_label or "unnamed"
    return {
        "user": _user(*whose),
        "privileges": [event.object_label or resource],
        "resources": [{"name": resource}],
    }


def _entity(event: Event) -> dict[str, Any]:
    noun = event.kind.partition(".")[0]
    entity = {
        "type": event.object_kind or noun,
        "name": event.object_label or event.resource_label or noun,
        "uid": event.object_id,
    }
    return {"entity": {name: value for name, value in entity.items() if value}}
