"""Put a policy set in force: whole and sound, or not at all. Reading the folder is the door's work."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit_app.clock import now
from audit_app.trail import About, Party, record
from requests_app.models import Entitlement, PolicyVersion, Resource
from requests_app.models.catalogue import FromFile
from requests_app.policy.document import load as parse
from requests_app.policy.model import EntitlementRow, PolicySet, ResourceRow


def load(*, by: Party, documents: Mapping[str, str]) -> PolicyVersion:
    """These files are the policy in force and their catalogue is on offer; nothing changed when they were before.

    Raises PolicyFaults, naming file and line of every fault, and leaves the policy in force as it is.
    """
    policy = parse(documents)
    active = PolicyVersion.objects.filter(active=True).first()
    if active and active.hash == policy.hash:
        return active
    with transaction.atomic():
        # One loader at a time: the second sees what the first put in force.
        current = PolicyVersion.objects.select_for_update().filter(active=True).first()
        if current and current.hash == policy.hash:
            return current
        PolicyVersion.objects.filter(active=True).update(active=False)
        version, _ = PolicyVersion.objects.update_or_create(
            hash=policy.hash,
            defaults={"documents": dict(documents), "loaded_at": now(), "active": True},
        )
        _catalogue(policy)
        record(
            "policy.loaded",
            by=by,
            about=About(kind="policy", id=policy.hash[:40], label=f"Policy {policy.hash[:12]}"),
            data={
                "before": current.hash if current else None,
                "after": policy.hash,
                "files": sorted(documents),
            },
        )
    return version


def _catalogue(policy: PolicySet) -> None:
    """What the files offer is on offer, as they say it; what they no longer name is not. A few statements in all."""
    _upsert(Resource, [_resource(row) for row in policy.resources])
    resources = Resource.objects.in_bulk([row.key for row in policy.resources], field_name="key")
    _upsert(Entitlement, [_entitlement(row, resources[row.resource_key]) for row in policy.entitlements])
    from_file = FromFile.Origin.FILE
    entitlements = [row.key for row in policy.entitlements]
    Entitlement.objects.filter(origin=from_file).exclude(key__in=entitlements).update(active=False)
    Resource.objects.filter(origin=from_file).exclude(key__in=list(resources)).update(active=False)


def _upsert(model: type[Resource] | type[Entitlement], rows: list[Any]) -> None:
    fields = [field.name for field in model._meta.concrete_fields if field.name not in ("id", "key")]
    model._default_manager.bulk_create(
        rows, update_conflicts=True, unique_fields=["key"], update_fields=fields
    )


def _resource(row: ResourceRow) -> Resource:
    return Resource(
        key=row.key,
        name=row.name,
        kind=row.kind,
        azure_id=row.azure_id,
        environment=row.environment,
        owner_oid=row.owner or None,
        tags=list(row.tags),
        origin=FromFile.Origin.FILE,
        place=f"{row.file}:{row.line}",
        active=True,
    )


def _entitlement(row: EntitlementRow, resource: Resource) -> Entitlement:
    return Entitlement(
        key=row.key,
        resource=resource,
        name=row.name,
        kind=row.kind,
        nsgs=list(row.nsgs),
        destination=row.destination,
        protocol=row.protocol,
        ports=list(row.ports),
        connect_host=row.connect.host if row.connect else "",
        connect_user=row.connect.user if row.connect else "",
        connect_command=row.connect.command if row.connect else "",
        tags=list(row.tags),
        origin=FromFile.Origin.FILE,
        place=f"{row.file}:{row.line}",
        active=True,
    )
