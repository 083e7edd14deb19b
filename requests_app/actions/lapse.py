"""What time does to requests nobody decided and rights nobody used. What time does to open doors is convergence."""

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from requests_app import notify
from requests_app.actions.codes import revoke_live
from requests_app.actions.extending import TOO_LATE
from requests_app.actions.stages import WORKFLOW, cancel_rest
from requests_app.models import AccessRequest, Grant, Stage
from requests_app.notices import asking

log = structlog.get_logger("latch.deadlines")
_BATCH = 200
UNDECIDED = (AccessRequest.State.PENDING, AccessRequest.State.RETURNED)
_WHY = {
    AccessRequest.State.PENDING.value: "Nobody decided in time.",
    AccessRequest.State.RETURNED.value: "The question was not answered in time.",
}


def lapse_undecided() -> int:
    """Requests past their stage's deadline have lapsed, and their requesters are told. Returns how many."""
    due = AccessRequest.objects.filter(state__in=UNDECIDED, lapses_at__lte=now())
    return sum(_lapse(due, pk, _WHY[state]) for pk, state in due.values_list("pk", "state")[:_BATCH])


def lapse_overtaken() -> int:
    """Requests for more time whose grant is over, or nearly, have lapsed. Returns how many."""
    soon = now() + TOO_LATE
    over = Q(extends__state__in=[Grant.State.CLOSING, Grant.State.CLOSED]) | Q(extends__expires_at__lte=soon)
    overtaken = AccessRequest.objects.filter(over, state__in=UNDECIDED, extends__isnull=False)
    why = "What it wanted to extend is over, or has less than two minutes left."
    return sum(_lapse(overtaken, pk, why) for pk in overtaken.values_list("pk", flat=True)[:_BATCH])


def _lapse(due: QuerySet[AccessRequest], pk: int, why: str) -> int:
    with transaction.atomic():
        moment = now()
        access_request = (
            due.select_for_update(of=("self",), skip_locked=True)
            .select_related("requester")
            .filter(pk=pk)
            .first()
        )
        if access_request is None:
            return 0
        active = access_request.stages.filter(state=Stage.State.ACTIVE)
        # Of several that were decided at the same time, those with time left are only not needed any more.
        for stage in active.filter(lapses_at__lte=moment) or active:
            stage.access_request = access_request
            move(stage, "lapse", by=WORKFLOW, why=why, decided_at=moment)
            asking.settled(stage)
        move(access_request, "lapse", by=WORKFLOW, why=why, decided_at=moment, lapses_at=None)
        cancel_rest(access_request, WORKFLOW)
        notify.decided(access_request, by="", why=why)
    return 1


def close_unused() -> int:
    """Grants whose time to activate is over are closed, their codes revoked. Returns how many."""
    due = Grant.objects.filter(state=Grant.State.ISSUED, activate_by__lte=now())
    return sum(_close_unused(pk) for pk in due.values_list("pk", flat=True)[:_BATCH])


def _close_unused(pk: int) -> int:
    with transaction.atomic():
        moment = now()
        grant = Grant.objects.select_related("entitlement__resource", "person", "access_request").get(pk=pk)
        AccessRequest.objects.select_for_update().get(pk=grant.access_request_id)
        try:
            move(
                grant,
                "unused",
                by=WORKFLOW,
                why="Nobody activated it in time.",
                ending_at=moment,
                closed_at=moment,
                ended_why=Grant.Why.UNUSED,
            )
        except Stale:
            log.info("deadlines.overtaken", grant=str(grant.uid))
            return 0
        # A code for the window after this one stays good.
        this = {"activate_from": grant.activate_from}
        revoke_live(grant.access_request, moment, "Time to activate is over", WORKFLOW, **this)
    return 1
