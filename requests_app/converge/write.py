"""One write to Azure with its attempt row: committed before it is sent, closed with what the answer told.

Whether it worked is not decided here: only the reading afterwards says what is.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest

from audit_app.clock import now
from requests_app import gateways
from requests_app.converge import observe, pace, shut
from requests_app.converge.pause import put_off
from requests_app.models import Attempt, Grant, Opening
from requests_app.targets.base import ContainerState, Receipt, Target, TargetError
from requests_app.targets.priorities import next_free

log = structlog.get_logger("latch.writes")
# Before the target's own deadline starts it may spend half a minute on a token, and a write that was sent may
# land after it; absence is final only when all of that is over.
_GRACE = timedelta(seconds=50)
# Azure's word for a removal does for so long without a reading; then it is told once more.
_TOLD_HOLDS = timedelta(seconds=20)


def write(target: Target, opening: Opening, state: ContainerState) -> None:
    """The opening's rule was sent to Azure, at a free priority, if it is still wanted."""
    current = state.rule(opening.name)
    try:
        priority = (
            opening.priority
            if current and opening.priority
            else next_free(state, settings.PRIORITY_BAND, taken=_promised(opening))
        )
    except TargetError as error:
        _failed(opening, error)
        return
    Opening.objects.filter(pk=opening.pk).update(priority=priority)
    opening.priority = priority
    attempt = _begin(opening, Attempt.Kind.WRITE)
    if attempt is None:
        return
    try:
        spec = observe.wanted(opening, priority)
        receipt = target.write(opening.container.azure_id, spec, correlation_id=attempt.correlation_id)
    except TargetError as error:
        _end(attempt, error=error)
        pace.heed(opening.container, error)
        _failed(opening, error)
        if not error.certain:
            _look_again(opening)
        return
    _end(attempt, receipt=receipt)
    _look_again(opening)


def remove(target: Target, opening: Opening) -> None:
    """Azure was told to remove the opening's rule. A refusal is retried for ever, after a pause."""
    attempt = _begin(opening, Attempt.Kind.REMOVE)
    if attempt is None:
        return
    try:
        receipt = target.remove(
            opening.container.azure_id, opening.name, correlation_id=attempt.correlation_id
        )
    except TargetError as error:
        _end(attempt, error=error)
        pace.heed(opening.container, error)
        _put_off(opening, error)
        return
    _end(attempt, receipt=receipt)


def unless_removed(openings: QuerySet[Opening], moment: datetime) -> list[Opening]:
    """Return these openings without those that Azure called removed a moment ago and nobody could read since.

    To remove them again would take, of Azure's budget, what other closings need; the next reading says whether it must.
    """
    told = Attempt.objects.filter(
        opening=OuterRef("pk"),
        kind=Attempt.Kind.REMOVE,
        outcome=Attempt.Outcome.DONE,
        finished_at__gt=Greatest(OuterRef("read_at"), moment - _TOLD_HOLDS),
    )
    return list(openings.exclude(Exists(told)))


def tried_since(opening: Opening, moment: datetime) -> bool:
    """Return whether Azure was told anything about this opening since then."""
    return Attempt.objects.filter(opening=opening, started_at__gte=moment).exists()


def _begin(opening: Opening, kind: str) -> Attempt | None:
    """Return the attempt's row, or None when what is desired changed since we looked."""
    moment = now()
    rows = Opening.objects.filter(pk=opening.pk)
    if kind == Attempt.Kind.WRITE:
        too_old = moment - timedelta(seconds=settings.OPENING_BUDGET_SECONDS)
        opens = Q(grant__state=Grant.State.OPENING, grant__activated_at__gt=too_old)
        stays = Q(grant__state__in=[Grant.State.OPEN, Grant.State.EXTENDING], grant__expires_at__gt=moment)
        rows = rows.filter(opens | stays, desired=Opening.Desired.PRESENT, desired_spec=opening.desired_spec)
    else:
        rows = rows.filter(desired=Opening.Desired.ABSENT)
    if not rows.exists():
        return None
    limit = timedelta(seconds=gateways.azure_config().write_deadline_seconds)
    return Attempt.objects.create(
        opening=opening,
        kind=kind,
        started_at=moment,
        deadline=moment + limit + _GRACE,
        correlation_id=shut.correlation_of(opening.grant),
    )


def _end(attempt: Attempt, *, receipt: Receipt | None = None, error: TargetError | None = None) -> None:
    moment = now()
    attempt.finished_at = moment
    attempt.seconds = (moment - attempt.started_at).total_seconds()
    if error is None:
        attempt.outcome = Attempt.Outcome.DONE
        attempt.azure_request_id = receipt.azure_request_id if receipt else ""
    else:
        attempt.outcome = Attempt.Outcome.FAILED if error.certain else Attempt.Outcome.UNCERTAIN
        attempt.error_kind, attempt.error_code = error.kind, error.code
        attempt.error_message, attempt.azure_request_id = error.message, error.azure_request_id
    attempt.save()
    log.info(
        "azure.attempt",
        kind=attempt.kind,
        outcome=attempt.outcome,
        rule=attempt.opening.name,
        grant=str(attempt.opening.grant.uid),
        request=attempt.opening.grant.access_request_id,
        correlation_id=attempt.correlation_id,
        azure_request_id=attempt.azure_request_id,
        seconds=round(attempt.seconds, 3),
        error=str(error) if error else "",
    )


def _failed(opening: Opening, error: TargetError) -> None:
    """A refusal that is sure to last ends the opening or the extending, in words; anything else is tried again.

    Where the write may have gone through, as when only the polling was forbidden, the reading decides. What is put
    right in an open grant is tried until its end.
    """
    lasting = error.certain and not error.passing
    if lasting and opening.grant.state == Grant.State.OPENING:
        shut.fail(opening.grant, error.sentence(), now())
    elif lasting and opening.grant.state == Grant.State.EXTENDING:
        shut.not_extended(opening.grant, error.sentence(), now())
    else:
        _put_off(opening, error)


def _look_again(opening: Opening) -> None:
    """A rule that was written although it was no longer wanted, by a stalled worker say, is looked for at once."""
    unwanted = Opening.objects.filter(pk=opening.pk, desired=Opening.Desired.ABSENT)
    unwanted.update(observed=Opening.Observed.UNKNOWN, due_at=now())


def _put_off(opening: Opening, error: TargetError) -> None:
    put_off([opening], now(), error.retry_after)


def _promised(opening: Opening) -> set[int]:
    """Return priorities given to other rules of this group that Azure may not show yet."""
    others = Opening.objects.filter(container=opening.container, desired=Opening.Desired.PRESENT).exclude(
        pk=opening.pk
    )
    return {priority for priority in others.values_list("priority", flat=True) if priority}
