"""What the clock brings about for campaigns: which step is due, and taking it. The steps themselves are campaign.py's."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog

from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.recurring import escalates_at
from audit_app.reviews import campaign, decide
from audit_app.reviews.source import NotReady, UnknownSource

log = structlog.get_logger("latch.reviews")
Step = tuple[Callable[[int], object], int]


def keep_time() -> int:
    """Every step that is due was taken, and closed campaigns are settled; returns how many did something.

    A campaign whose rows can not be read just now is left for the next minute, and holds up no other.
    """
    done = 0
    for step, review_id in _due(now()):
        try:
            done += bool(step(review_id))
        except (NotReady, UnknownSource) as error:
            log.warning("review.not_ready", review=review_id, error=str(error))
    for review_id in decide.unsettled():
        while decide.settle(review_id):
            done += 1
    return done


def _due(moment: datetime) -> Iterator[Step]:
    planned = AccessReview.objects.filter(state=AccessReview.State.PLANNED, starts_at__lte=moment)
    for review in planned.order_by("starts_at", "pk"):
        yield campaign.begin, review.pk
    for review in AccessReview.objects.filter(state=AccessReview.State.OPEN).order_by("due_at", "pk"):
        if review.due_at <= moment:
            yield campaign.run_out, review.pk
        elif _escalates(review, moment):
            yield campaign.escalate, review.pk
        elif _reminds(review, moment):
            yield campaign.remind, review.pk


def _reminds(review: AccessReview, moment: datetime) -> bool:
    soon = review.due_at - timedelta(days=review.remind_days) <= moment
    return bool(review.remind_days) and review.reminded_at is None and soon


def _escalates(review: AccessReview, moment: datetime) -> bool:
    late = escalates_at(review.starts_at, review.due_at) <= moment
    return bool(review.escalate_to) and review.escalated_at is None and late
