"""What time does to a stage that is being decided: it reminds, brings in alternates, and says when nobody is there.

Lapsing is in lapse.py, voting in decide.py.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from audit_app.clock import now
from audit_app.lifecycle import move
from audit_app.trail import record, system
from requests_app import deciders
from requests_app.models import AccessRequest, Decision, Stage
from requests_app.notices import asking
from requests_app.standing import Decider

log = structlog.get_logger("latch.waiting")
WORKFLOW = system("workflow")
# How often it is looked whether somebody who may decide is there: absences begin and end by themselves.
LOOK = timedelta(minutes=5)
_BATCH = 500


def next_due(stage: Stage, moment: datetime) -> datetime:
    """Return when the clock next has something to do with this stage, after that moment; at the latest its end."""
    if stage.timed_from is None or stage.lapses_at is None:
        raise ValueError(f"{stage} has no clock")
    times = [stage.lapses_at, moment + LOOK]
    if stage.remind_every:
        times.append((stage.reminded_at or stage.timed_from) + stage.remind_every)
    if stage.escalate_after is not None and stage.escalated_at is None:
        times.append(stage.timed_from + stage.escalate_after)
    return max(min(times), moment)


def begin(stage: Stage, moment: datetime) -> None:
    """The stage is being decided and whoever may decide it is told; alternates at once where nobody is there.

    Its times are set and the request's row is held by the caller.
    """
    stage.due_at = next_due(stage, moment)
    move(
        stage,
        "start",
        by=WORKFLOW,
        activated_at=moment,
        timed_from=stage.timed_from,
        lapses_at=stage.lapses_at,
        due_at=stage.due_at,
    )
    found = deciders.of_stage(stage, stage.access_request, moment)
    asking.approval_needed(stage, found)
    if not _enough(found, stage.quorum):
        _see_who_is_there(stage, found, stage.quorum, moment)
        stage.save(update_fields=["escalated_at", "nobody_since"])


def keep_time() -> int:
    """Every stage whose clock is due was tended: reminded, escalated, or seen to have nobody. Returns how many."""
    due = Stage.objects.filter(
        state=Stage.State.ACTIVE, due_at__lte=now(), access_request__state=AccessRequest.State.PENDING
    )
    return sum(_tend(pk) for pk in due.order_by("due_at").values_list("pk", flat=True)[:_BATCH])


def _tend(stage_id: int) -> int:
    with transaction.atomic():
        access_request = (
            AccessRequest.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("requester")
            .filter(stages=stage_id, state=AccessRequest.State.PENDING)
            .first()
        )
        stage = Stage.objects.filter(pk=stage_id, state=Stage.State.ACTIVE, due_at__lte=now()).first()
        if access_request is None or stage is None:
            return 0
        stage.access_request = access_request
        tend(stage, now())
    return 1


def tend(stage: Stage, moment: datetime) -> None:
    """What is due of this stage is done, and its clock set anew. The caller holds the request's row."""
    found = deciders.of_stage(stage, stage.access_request, moment)
    if _over(stage.timed_from, stage.escalate_after, moment) and stage.escalated_at is None:
        _escalate(stage, moment, "Nobody decided in time.")
    elif _over(stage.reminded_at or stage.timed_from, stage.remind_every, moment):
        asking.reminded(stage, found)
        stage.reminded_at = moment
    _see_who_is_there(stage, found, _still_needed(stage), moment)
    stage.due_at = next_due(stage, moment)
    stage.save(update_fields=["due_at", "reminded_at", "escalated_at", "nobody_since"])


def _over(since: datetime | None, after: timedelta | None, moment: datetime) -> bool:
    return since is not None and after is not None and moment >= since + after


def _still_needed(stage: Stage) -> int:
    """Return how many more votes this stage needs at least."""
    votes = Decision.objects.filter(stage=stage, vote=Decision.Vote.APPROVE).count()
    return max(1, stage.quorum - votes)


def _see_who_is_there(stage: Stage, found: list[Decider], needed: int, moment: datetime) -> None:
    """Alternates join where too few are there; where nobody can decide even so, that is said, once."""
    if not _enough(found, needed) and stage.escalated_at is None and stage.alternate_kind:
        _escalate(stage, moment, _why_nobody(found))
        found = deciders.of_stage(stage, stage.access_request, moment)
    if _enough(found, needed):
        stage.nobody_since = None
    elif stage.nobody_since is None:
        stage.nobody_since = moment
        why = _why_nobody(found)
        record("stage.nobody_there", by=WORKFLOW, about=stage.about(), why=why, outcome="failure")
        asking.nobody_there(stage, why)
        log.warning("stage.nobody_there", request=stage.access_request_id, stage=stage.pk, why=why)


def _enough(found: list[Decider], needed: int) -> bool:
    return len({one.person.pk for one in found if one.away_until is None}) >= needed


def _escalate(stage: Stage, moment: datetime, why: str) -> None:
    already = {one.person.pk for one in deciders.of_stage(stage, stage.access_request, moment)}
    stage.escalated_at = moment
    joined = [
        one for one in deciders.of_stage(stage, stage.access_request, moment) if one.person.pk not in already
    ]
    record(
        "stage.escalated",
        by=WORKFLOW,
        about=stage.about(),
        why=why,
        data={"joined": [one.person.identity for one in joined]},
    )
    asking.escalated(stage, joined, why)


def _why_nobody(found: list[Decider]) -> str:
    """Return, in words, why too few of those who may decide are there."""
    away = sorted((one.away_until, str(one)) for one in found if one.away_until)
    if not away:
        return "Too few people are left who may decide it."
    said = ", ".join(f"{who} is away until {until:%a %d %b %H:%M} UTC" for until, who in away[:5])
    return f"{said}."
