"""Campaigns: planned, begun, reminded, escalated, signed off. Rows are decided in decide.py, and applied elsewhere."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from audit_app.models import AccessReview, ReviewItem
from audit_app.parties import Party, system
from audit_app.recurring import next_start
from audit_app.reviews.source import Row, source
from audit_app.trail import record

log = structlog.get_logger("latch.reviews")
CLOCK = system("reviews")
_BATCH = 1000


class NotYet(Exception):
    """A campaign can not be signed off while rows are undecided."""

    status = 409
    title = "Not everything is decided"
    check = "every row decided"
    way_on = "Decide what is left, or let the end of the campaign decide by its rule for silence."

    def __init__(self, left: int) -> None:
        self.reason = f"{left} row{'' if left == 1 else 's'} of this campaign still wait for a decision."
        super().__init__(self.reason)


def plan(*, by: Party, **fields: Any) -> AccessReview:
    """A campaign is planned; it begins at its `starts_at`, or with the next minute when that is past.

    `fields` are those of AccessReview: title, source, scope, reviewers, named, starts_at, due_at and so on. Raises
    UnknownSource for a source that nobody registered, IntegrityError for an end before the start.
    """
    source(fields["source"])
    with transaction.atomic():
        review = AccessReview.objects.create(
            made_by_id=by.id, made_by_label=by.label[:200], created_at=now(), **fields
        )
        record("review.planned", by=by, about=review.about(), data=_told(review))
    return review


def _told(review: AccessReview) -> dict[str, Any]:
    return {
        "scope": review.scope,
        "reviewers": review.reviewers,
        "starts_at": review.starts_at.isoformat(),
        "due_at": review.due_at.isoformat(),
        "silence": review.silence,
        "recurrence": review.recurrence,
    }


def call_off(*, by: Party, review: AccessReview, why: str) -> None:
    """A planned campaign never begins, nor do those that would have followed it. Stale once it has begun."""
    moment = now()
    move(
        review,
        "call_off",
        by=by,
        why=why,
        closed_at=moment,
        closed_by_id=by.id,
        closed_by_label=by.label[:200],
        closing_note=why,
    )


def begin(review_id: int) -> int:
    """A planned campaign runs: its rows are there, its reviewers are told; returns how many rows. 0 when it runs already.

    Where it recurs, the next one is planned. Raises NotReady, with nothing changed, while the rows can not be read.
    """
    moment = now()
    with transaction.atomic():
        review = _locked(review_id, AccessReview.State.PLANNED)
        if review is None:
            return 0
        of = source(review.source)
        items = [_item(review, row) for row in _wanted(review, of.rows(review.scope))]
        ReviewItem.objects.bulk_create(items, batch_size=_BATCH)
        asked = {person for item in items for person in item.reviewer_ids}
        data = {
            "rows": len(items),
            "reviewers": len(asked),
            "unreviewed": sum(not i.reviewer_ids for i in items),
        }
        move(review, "open", by=CLOCK, opened_at=moment, policy_hash=of.version(), data=data)
        _plan_next(review)
        of.tell("review_started", asked, review)
    log.info("review.begun", review=review.story, **data)
    return len(items)


def _wanted(review: AccessReview, rows: Iterable[Row]) -> Iterable[Row]:
    """Return all rows in scope; where the campaign asks again, those that nobody decided the last time."""
    before = review.asked_again_of
    if before is None:
        return rows
    left = set(before.items.filter(state=ReviewItem.State.UNDECIDED).values_list("key", flat=True))
    return (row for row in rows if row.key in left)


def _item(review: AccessReview, row: Row) -> ReviewItem:
    asked = _reviewers(review, row)
    return ReviewItem(
        review=review,
        key=row.key,
        person_id=row.person.id,
        person_label=row.person.label[:200],
        right_key=row.right_key,
        right_label=row.right_label[:200],
        resource_label=row.resource_label[:200],
        facts=row.facts,
        never_used=row.never_used,
        recommendation=row.recommendation,
        recommendation_why=row.recommendation_why[:300],
        reviewer_ids=[party.id for party in asked],
        apart_ids=sorted(row.apart),
        reviewer_labels=", ".join(party.label for party in asked)[:600],
    )


def _reviewers(review: AccessReview, row: Row) -> list[Party]:
    """Return who is asked about this row, never the person it is about nor who else has a part in it.

    Where the usual reviewer is missing or is one of them, those named for escalation are asked, and after
    them whoever made the campaign: no row waits for nobody without need.
    """
    usual = {
        AccessReview.Reviewers.MANAGER: [row.manager],
        AccessReview.Reviewers.OWNER: [row.owner],
    }.get(AccessReview.Reviewers(review.reviewers), _parties(review.named))
    maker = Party(review.made_by_id, review.made_by_label)
    never = {row.person.id, *row.apart}
    for candidates in (usual, _parties(review.escalate_to), [maker]):
        found = [party for party in candidates if party is not None and party.id not in never]
        if found:
            return found
    return []


def _parties(pairs: list[list[str]]) -> list[Party | None]:
    return [Party(id=pair[0], label=pair[1]) for pair in pairs]


def _plan_next(review: AccessReview) -> None:
    start = next_start(review.starts_at, review.recurrence)
    if start is None or AccessReview.objects.filter(follows=review).exists():
        return
    _again(review, start, follows=review)


def _again(review: AccessReview, start: datetime, **link: AccessReview) -> None:
    maker = Party(review.made_by_id, review.made_by_label)
    recurrence = review.recurrence if "follows" in link else AccessReview.Recurrence.NEVER
    plan(
        by=maker,
        title=review.title,
        source=review.source,
        scope=review.scope,
        reviewers=review.reviewers,
        named=review.named,
        escalate_to=review.escalate_to,
        starts_at=start,
        due_at=start + (review.due_at - review.starts_at),
        recurrence=recurrence,
        remind_days=review.remind_days,
        silence=review.silence,
        **link,
    )


def remind(review_id: int) -> int:
    """Whoever has undecided rows is told once that the end comes near; returns how many people."""
    with transaction.atomic():
        review = _locked(review_id, AccessReview.State.OPEN)
        if review is None or review.reminded_at is not None:
            return 0
        AccessReview.objects.filter(pk=review.pk).update(reminded_at=now())
        asked = _still_asked(review)
        record("review.reminded", by=CLOCK, about=review.about(), data={"people": len(asked)})
        source(review.source).tell("review_reminder", asked, review)
    return len(asked)


def escalate(review_id: int) -> int:
    """Those named for it are asked about every undecided row as well, but for rows about themselves; returns how many."""
    with transaction.atomic():
        review = _locked(review_id, AccessReview.State.OPEN)
        if review is None or review.escalated_at is not None:
            return 0
        AccessReview.objects.filter(pk=review.pk).update(escalated_at=now())
        found = list(review.items.filter(state=ReviewItem.State.UNDECIDED))
        others = [party for party in _parties(review.escalate_to) if party is not None]
        for item in found:
            asked = {item.person_id, *item.apart_ids, *item.reviewer_ids}
            more = [party for party in others if party.id not in asked]
            item.reviewer_ids = [*item.reviewer_ids, *(party.id for party in more)]
            labels = [item.reviewer_labels, *(party.label for party in more)]
            item.reviewer_labels = ", ".join(filter(None, labels))[:600]
        ReviewItem.objects.bulk_update(found, ["reviewer_ids", "reviewer_labels"], batch_size=_BATCH)
        record("review.escalated", by=CLOCK, about=review.about(), data={"rows": len(found)})
        if found:
            source(review.source).tell("review_escalated", [party.id for party in others], review)
    return len(found)


def _still_asked(review: AccessReview) -> set[str]:
    left = review.items.filter(state=ReviewItem.State.UNDECIDED).values_list("reviewer_ids", flat=True)
    return {person for people in left for person in people}


def sign_off(*, by: Party, review: AccessReview, note: str = "") -> None:
    """The campaign is closed with everything decided. Raises NotYet while rows wait, Stale when it is closed already."""
    with transaction.atomic():
        held = _locked(review.pk, AccessReview.State.OPEN)
        if held is None:
            raise Stale("This campaign is not running (any more). Nothing was changed.")
        left = held.items.filter(state=ReviewItem.State.UNDECIDED).count()
        if left:
            raise NotYet(left)
        _close(held, by, note)


def run_out(review_id: int) -> bool:
    """A campaign past its end is closed; what nobody decided goes by its rule for silence. False when it is not running."""
    with transaction.atomic():
        review = _locked(review_id, AccessReview.State.OPEN)
        if review is None:
            return False
        if review.silence == AccessReview.Silence.ASK_AGAIN and _undecided(review).exists():
            _again(review, now(), asked_again_of=review)
        _close(review, CLOCK, "Its time was over.")
    return True


def _close(review: AccessReview, by: Party, note: str) -> None:
    counts = {choice: review.items.filter(decision=choice).count() for choice in ("keep", "remove", "")}
    move(
        review,
        "close",
        by=by,
        why=note,
        closed_at=now(),
        closed_by_id=by.id,
        closed_by_label=by.label[:200],
        closing_note=note,
        data={"keep": counts["keep"], "remove": counts["remove"], "undecided": counts[""]},
    )


def _undecided(review: AccessReview) -> Any:
    return review.items.filter(state=ReviewItem.State.UNDECIDED)


def _locked(review_id: int, state: str) -> AccessReview | None:
    rows = AccessReview.objects.select_for_update(of=("self",))
    return rows.filter(pk=review_id, state=state).first()
