"""converge(): one container agrees with the database. Opening, closing and retrying are this one function.

No transaction stays open while Azure is called.
"""

import time
from datetime import datetime, timedelta

import structlog
from django.db.models import QuerySet

from audit_app import origin
from audit_app.clock import now
from requests_app import gateways
from requests_app.arming import is_armed
from requests_app.converge import lease as leases
from requests_app.converge import observe, pace
from requests_app.converge.due import bring_about
from requests_app.converge.lease import Lease
from requests_app.converge.look import look
from requests_app.converge.pause import ends_at, put_off, reschedule
from requests_app.converge.settle import REREADS, may_land_until
from requests_app.converge.write import remove, tried_since, unless_removed, write
from requests_app.models import Container, Grant, Opening
from requests_app.targets.base import ContainerState, Target

log = structlog.get_logger("latch.converge")
# A wake may come this much before its instant; the worker waits for it. The tick looks as far ahead.
AHEAD = timedelta(seconds=2)
# While it waits, it looks this often whether something more urgent came in: a revocation, say.
_GLANCE_SECONDS = 0.2
_ROUNDS = 50


def converge(container_id: int, *, compare: bool = False) -> int:
    """The container agrees with the database as far as Azure let us; returns how many rounds it took.

    To `compare` is to read it though nothing is due. Returns 0 at once while another worker holds the container: that
    one looks again before it lets go, and each look is a comparison.
    """
    lease = leases.take(container_id)
    if lease is None:
        return 0
    rounds = 0
    with lease.kept(), origin.origin():
        container = Container.objects.get(pk=container_id)
        with structlog.contextvars.bound_contextvars(container=container.azure_id):
            while rounds < _ROUNDS and (compare or _wait_for_work(container)):
                compare = False
                if not _round(container, lease):
                    break
                rounds += 1
    return rounds


def _wait_for_work(container: Container) -> bool:
    """Return whether something is due, having waited for its very instant when that is near."""
    while True:
        moment = now()
        near = Opening.objects.filter(container=container, due_at__lte=moment + AHEAD)
        first: datetime | None = near.order_by("due_at").values_list("due_at", flat=True).first()
        if first is None or first <= moment:
            return first is not None
        time.sleep(min(_GLANCE_SECONDS, (first - moment).total_seconds()))


def _round(container: Container, lease: Lease) -> bool:
    """One pass: removals, a reading, writes, a reading; False when the lease was lost or Azure can not be read.

    Removals need no reading before them, for removing what is gone is fine; so they never wait for one, but for what
    Azure called removed a moment ago.
    """
    bring_about(container)
    # What becomes due from here on, such as a revocation, is the next round's: it must not be put off untried.
    began = now()
    target = gateways.target(container.kind)
    if not _remove_due(target, container, lease, began):
        return False
    state = look(target, container, lease)
    if state is None or not _write_missing(target, container, lease, began, state):
        return False
    if not _closing_waits(container, began):
        _rest(container, began)
    return True


def _remove_due(target: Target, container: Container, lease: Lease, began: datetime) -> bool:
    closing = _due(container, began).filter(desired=Opening.Desired.ABSENT)
    for opening in unless_removed(closing.exclude(observed=Opening.Observed.ABSENT), began):
        if not lease.renew():
            return False
        if wait := pace.turn(container, closing=True):
            pace.defer(opening, wait)
        else:
            remove(target, opening)
    return True


def _write_missing(
    target: Target, container: Container, lease: Lease, began: datetime, state: ContainerState
) -> bool:
    """What is to be opened, extended or put right was sent; False when the lease was lost or nothing can be read.

    A rule that somebody removed from an open grant is never made again, so there only what stands is written over.
    """
    wanted = _due(container, began).filter(desired=Opening.Desired.PRESENT)
    missing = [
        opening
        for opening in wanted.exclude(observed=Opening.Observed.PRESENT)
        if opening.grant.state == Grant.State.OPENING or state.rule(opening.name)
    ]
    if missing and not is_armed():
        log.warning("converge.close_only", openings=len(missing))
        return True
    for opening in missing:
        if not lease.renew():
            return False
        if _closing_waits(container, began):
            # Closings go first: the next round begins with them, and what is left to open comes after.
            break
        if wait := pace.turn(container, closing=False):
            pace.defer(opening, wait)
        elif not observe.under_way(opening, state):
            write(target, opening, state)
    return not missing or look(target, container, lease) is not None


def _closing_waits(container: Container, began: datetime) -> bool:
    """Return whether something that is or may be open came due since this round began."""
    return _due(container, now()).filter(due_at__gt=began).exclude(grant__state=Grant.State.OPENING).exists()


def _due(container: Container, moment: datetime) -> QuerySet[Opening]:
    rows = Opening.objects.filter(container=container, due_at__lte=moment)
    return rows.select_related("grant", "container").order_by("pk")


def _rest(container: Container, began: datetime) -> None:
    """What this round saw as it should be has its next look set, or none; the rest is tried again after a pause."""
    for opening in _due(container, began):
        if opening.observed != opening.desired:
            if opening.desired == Opening.Desired.PRESENT or tried_since(opening, began):
                put_off([opening], now())
            # Else it was called removed and is still there: it stays due, and the next round removes it.
        elif opening.desired == Opening.Desired.ABSENT:
            _rest_closed(opening)
        else:
            reschedule(opening, ends_at(opening.grant))


def _rest_closed(opening: Opening) -> None:
    closed_at = opening.grant.closed_at
    left = max(0, opening.rereads_left - 1) if closed_at else opening.rereads_left
    if closed_at is None:
        # Gone. Either a write without an outcome may still land, and then its deadline is the time to look; or
        # another group of this grant is not closed yet, and whoever reads that one sets the time for both.
        # Asked for the moment of the reading, as settle() did: later, a deadline could fall between the two.
        later = may_land_until([opening], opening.read_at or now())
    else:
        later = closed_at + REREADS[-left] if left else None
    reschedule(opening, later, rereads_left=left)
