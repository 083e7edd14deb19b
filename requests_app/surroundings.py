"""What lies around the groups of an entitlement, as last read by a worker. Web processes read the database alone."""

from datetime import timedelta

from audit_app import origin
from audit_app.clock import now
from requests_app import gateways
from requests_app.models import Container, ContainerSnapshot, Entitlement
from requests_app.policy.facts import Surrounding
from requests_app.targets.around import Around
from requests_app.targets.base import ContainerState
from requests_app.targets.findings import Finding

# Locks and admin rules change seldom, and reading them is two or three calls: not with every comparison.
EACH = timedelta(minutes=5)
# What policy has to say no to: it could not be closed.
_REFUSED = frozenset({"locked"})


def refresh(container_id: int) -> bool:
    """What lies around this container was read within the last five minutes; returns whether it was read now."""
    kept = ContainerSnapshot.objects.filter(container=container_id).select_related("container").first()
    moment = now()
    if kept is None or not kept.body or kept.error:
        return False
    if kept.around_read_at and moment - kept.around_read_at < EACH:
        return False
    state = ContainerState.from_dict(kept.body)
    with origin.origin():
        around = gateways.around(state, origin.current().correlation_id)
    ContainerSnapshot.objects.filter(pk=kept.pk).update(around=around.to_dict(), around_read_at=moment)
    return True


def as_facts(container: str, findings: tuple[Finding, ...]) -> tuple[Surrounding, ...]:
    """Return what policy may know of these findings."""
    return tuple(
        Surrounding(finding.kind, f"{container}: {finding.sentence}", finding.kind in _REFUSED)
        for finding in findings
    )


def locks(entitlement: Entitlement) -> tuple[Surrounding, ...]:
    """Return the locks, as last read, that would keep what is opened from being closed."""
    ids = [Container.one_spelling(nsg) for nsg in entitlement.nsgs]
    rows = ContainerSnapshot.objects.filter(container__azure_id__in=ids).select_related("container")
    found = []
    for row in rows.defer("body"):
        lock = Around.from_dict(row.around).lock_over(row.container.azure_id)
        if lock is not None:
            words = (
                f"{row.container.name}: a lock ({lock.level}) on {lock.where} keeps rules from being removed."
            )
            found.append(Surrounding("locked", words, refuses=True))
    return tuple(found)
