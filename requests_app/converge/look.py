"""look(): read a container from Azure, and take in what was read. What is due is done in loop.py."""

from datetime import datetime

import structlog
from django.db.models import Q

from audit_app import origin
from audit_app.clock import now
from requests_app.arming import is_armed
from requests_app.converge import pace, snapshots
from requests_app.converge.lease import Lease
from requests_app.converge.observe import Reading, observe
from requests_app.converge.pause import put_off
from requests_app.converge.report import ours, report
from requests_app.models import Container, Opening
from requests_app.targets.base import ContainerState, RuleState, Target, TargetError

log = structlog.get_logger("latch.converge")


def look(target: Target, container: Container, lease: Lease) -> ContainerState | None:
    """Azure was read, and what was read stands in the database; None, with the work put off, when it could not be.

    Every reading is a whole comparison: rules of ours that no grant knows are found and removed by it too.
    """
    state, orphans = _read(target, container, lease)
    if state is not None and orphans and _removed(target, container, lease, orphans):
        state, _ = _read(target, container, lease)
    return state


def _read(
    target: Target, container: Container, lease: Lease
) -> tuple[ContainerState | None, list[RuleState]]:
    if not lease.renew():
        log.warning("converge.lease_lost")
        return None, []
    asked_at = now()
    try:
        state = target.read(container.azure_id, correlation_id=origin.current().correlation_id)
    except TargetError as error:
        return _unreadable(container, error, asked_at), []
    # A worker that stood still since it asked knows less than whoever took the container meanwhile.
    if not lease.renew():
        log.warning("converge.lease_lost")
        return None, []
    reading = Reading(state, asked_at, now(), armed=is_armed())
    observe(_of_interest(container, state), reading)
    return state, report(container, reading)


def _unreadable(container: Container, error: TargetError, asked_at: datetime) -> ContainerState | None:
    moment = now()
    snapshots.failed(container, error.sentence(), moment)
    log.warning(
        "converge.unreadable", kind=error.kind, error=error.message, azure_request_id=error.azure_request_id
    )
    if error.kind == "missing":
        # A group that is gone holds no rule; writing into it will be refused in Azure's own words.
        observe(_of_interest(container, None), Reading(None, asked_at, moment, armed=is_armed()))
        return ContainerState(azure_id=container.azure_id, location="", rules=())
    due = Opening.objects.filter(container=container, due_at__lte=moment).select_related("grant")
    put_off(list(due), moment, error.retry_after)
    return None


def _of_interest(container: Container, state: ContainerState | None) -> list[Opening]:
    """Return what a reading can tell us something about: what is due, what is or may be there, and what came back."""
    seen = [rule.name.lower() for rule in ours(state)] if state else []
    rows = Opening.objects.filter(container=container).filter(
        Q(due_at__lte=now())
        | Q(desired=Opening.Desired.PRESENT)
        | ~Q(observed=Opening.Observed.ABSENT)
        | Q(name__in=seen)
    )
    return list(rows.select_related("grant", "container"))


def _removed(target: Target, container: Container, lease: Lease, orphans: list[RuleState]) -> bool:
    """Azure was told to remove these rules of ours; False when the lease was lost. The next reading says what is."""
    for rule in orphans:
        if not lease.renew():
            return False
        if pace.turn(container, closing=True):
            return True
        correlation_id = origin.current().correlation_id
        try:
            target.remove(container.azure_id, rule.name, correlation_id=correlation_id)
        except TargetError as error:
            pace.heed(container, error)
            log.error("converge.orphan_stays", rule=rule.name, kind=error.kind, error=error.message)
        else:
            log.warning("converge.orphan_removed", rule=rule.name, correlation_id=correlation_id)
    return True
