"""Readings for the pages: every container on offer, seen lately. No writes to Azure, no grants moved."""

from datetime import timedelta

import structlog

from audit_app import origin
from audit_app.clock import now
from requests_app import gateways
from requests_app.converge import observe
from requests_app.models import Container, Entitlement
from requests_app.preview import container_id
from requests_app.targets.base import TargetError

log = structlog.get_logger("latch.snapshots")
FRESH = timedelta(seconds=50)


def refresh() -> int:
    """Each container of an active entitlement has a row and a reading younger than a minute; returns how many were read."""
    offered = {
        (container_id(nsg), entitlement.kind)
        for entitlement in Entitlement.objects.filter(active=True, resource__active=True)
        for nsg in entitlement.nsgs
    }
    known = set(Container.objects.values_list("azure_id", flat=True))
    Container.objects.bulk_create(
        [
            Container(azure_id=azure_id, kind=kind)
            for azure_id, kind in sorted(offered)
            if azure_id not in known
        ],
        ignore_conflicts=True,
    )
    stale = Container.objects.filter(azure_id__in=[azure_id for azure_id, _ in offered]).exclude(
        snapshot__tried_at__gt=now() - FRESH
    )
    return sum(_read(container) for container in stale)


def _read(container: Container) -> int:
    with origin.origin() as here:
        try:
            state = gateways.target(container.kind).read(
                container.azure_id, correlation_id=here.correlation_id
            )
        except TargetError as error:
            observe.snapshot_failed(container, error.sentence(), now())
            log.warning(
                "snapshot.unreadable", container=container.azure_id, kind=error.kind, error=error.message
            )
            return 0
    observe.snapshot(container, state, now())
    return 1
