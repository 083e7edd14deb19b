"""Rows of a campaign: kept, removed, undone, applied. Stating a decision changes nobody's access; carrying out is above."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from audit_app.models import AccessReview, Event, ReviewItem
from audit_app.parties import Party
from audit_app.reviews.campaign import CLOCK
from audit_app.trail import record

# A removal can be undone for this long before it is carried out; with the minute between two looks it is done in five.
UNDO = timedelta(minutes=2)
_SETTLED_AT_ONCE = 500


class NotAsked(Exception):
    """Somebody decided a row they are not asked about, or one about themself. Nothing was changed."""

    status = 403
    title = "Not yours to decide"
    check = "reviewer of the row"
    way_on = "The row names who is asked. Nobody decides about themself."
    reason = "You are not a reviewer of this row."


class NeedsReason(Exception):
    """A removal without a reason. Nothing was changed."""

    status = 422
    title = "A reason is needed"
    check = "reason"
    way_on = "Say in a few words why; the person reads it."
    reason = "Taking something away needs a reason."


@dataclass(frozen=True)
class Decided:
    """How a decision about several rows went: how many it holds for, and how many somebody else had decided before."""

    done: int
    left: int


def decide(*, by: Party, item_ids: Iterable[int], choice: str, why: str = "") -> Decided:
    """Each of these rows is decided, as one vote each in the trail; one that is decided already stays as it is.

    Raises NotAsked for a row this person is not asked about, NeedsReason for a removal without one; then nothing
    changed. Raises Stale when every one of them was decided already, or its campaign does not run.
    """
    why = why.strip()
    if choice == ReviewItem.Choice.REMOVE and not why:
        raise NeedsReason(NeedsReason.reason)
    wanted = sorted(set(item_ids))
    moment, done = now(), 0
    with _asked_only(by), transaction.atomic():
        items = _locked(by, wanted)
        if len(items) != len(wanted):
            raise NotAsked(NotAsked.reason)
        for item in items:
            if item.review.state != AccessReview.State.OPEN or item.state != ReviewItem.State.UNDECIDED:
                continue
            move(item, choice, by=by, why=why, data=_seen(item), **item.decided(choice, by, moment, why))
            done += 1
        if not done:
            raise Stale("These rows are decided already, or the campaign is over. Nothing was changed.")
    return Decided(done, len(wanted) - done)


def _seen(item: ReviewItem) -> dict[str, object]:
    """What the reviewer saw stands with the decision."""
    return {"right": item.right_key, "recommended": item.recommendation, "facts": item.facts}


def undo(*, by: Party, item_id: int) -> None:
    """The row is undecided again. NotAsked for anyone but its reviewers, Stale once it is applied or the campaign over."""
    with _asked_only(by), transaction.atomic():
        found = _locked(by, [item_id])
        if not found:
            raise NotAsked(NotAsked.reason)
        item = found[0]
        if item.review.state != AccessReview.State.OPEN:
            raise Stale("The campaign is over; its decisions stand. Nothing was changed.")
        move(
            item,
            "undo",
            by=by,
            data={"was": item.decision, "by": item.decided_by_label, "reason": item.reason},
            decision="",
            decided_by_id="",
            decided_by_label="",
            decided_at=None,
            reason="",
        )


def _locked(by: Party, item_ids: list[int]) -> list[ReviewItem]:
    """Return those of these rows that this person is asked about, with their campaigns held: nobody signs off meanwhile.

    Campaign before row, as whoever closes one takes them.
    """
    held = AccessReview.objects.select_for_update(of=("self",)).filter(items__in=item_ids)
    list(held.order_by("pk").values_list("pk"))
    rows = ReviewItem.objects.filter(pk__in=item_ids).asked_of(by.id)
    return list(rows.select_for_update(of=("self",)).select_related("review").order_by("pk"))


@contextmanager
def _asked_only(by: Party) -> Iterator[None]:
    """A refusal inside stands in the trail by itself, after what was done was undone."""
    try:
        yield
    except NotAsked as refusal:
        with transaction.atomic():
            record(
                "review.refused",
                by=by,
                outcome=Event.Outcome.REFUSED,
                why=refusal.reason,
                data={"check": refusal.check},
            )
        raise


def to_apply(moment: datetime) -> list[int]:
    """Return the removals whose time for undoing is over, or whose campaign is closed; oldest first."""
    removals = ReviewItem.objects.filter(state=ReviewItem.State.REMOVE)
    ripe = removals.filter(decided_at__lte=moment - UNDO) | removals.filter(
        review__state=AccessReview.State.CLOSED
    )
    return list(ripe.order_by("decided_at", "pk").values_list("pk", flat=True)[:_SETTLED_AT_ONCE])


def applied(item: ReviewItem, *, by: Party, note: str) -> None:
    """The decision was carried out, in the caller's transaction. Stale when it was undone, or applied already."""
    move(
        item,
        "apply",
        by=by,
        applied_at=now(),
        applied_note=note[:300],
        data={"note": note, "decision": item.decision},
    )


def settle(review_id: int) -> int:
    """A part of a closed campaign's rows is settled: silence is decided by its rule, what is kept counts as applied.

    Returns how many; call it again until it is 0. Removals are carried out by whoever holds the rights.
    """
    moment = now()
    with transaction.atomic():
        review = AccessReview.objects.select_for_update().get(pk=review_id)
        if review.state != AccessReview.State.CLOSED or review.opened_at is None:
            return 0
        silent = review.items.none()
        if review.silence != AccessReview.Silence.ASK_AGAIN:
            silent = review.items.filter(state=ReviewItem.State.UNDECIDED)
        rows = list(silent[:_SETTLED_AT_ONCE]) or list(
            review.items.filter(state=ReviewItem.State.KEEP)[:_SETTLED_AT_ONCE]
        )
        for item in rows:
            if item.state == ReviewItem.State.UNDECIDED:
                words = f"Nobody decided until {review.due_at:%Y-%m-%d %H:%M} UTC."
                move(
                    item,
                    review.silence,
                    by=CLOCK,
                    why=words,
                    **item.decided(review.silence, CLOCK, moment, words),
                )
            else:
                applied(item, by=CLOCK, note="Kept.")
    return len(rows)


def unsettled() -> list[int]:
    """Return the closed campaigns that have rows to settle."""
    closed = AccessReview.objects.filter(state=AccessReview.State.CLOSED, opened_at__isnull=False)
    kept = closed.filter(items__state=ReviewItem.State.KEEP)
    silent = closed.exclude(silence=AccessReview.Silence.ASK_AGAIN).filter(
        items__state=ReviewItem.State.UNDECIDED
    )
    return sorted({*kept.values_list("pk", flat=True), *silent.values_list("pk", flat=True)})
