"""Take a right away from one person although policy gives it, and give it back. Rules in files are not touched."""

from django.db import transaction

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import ReviewItem
from audit_app.parties import Party
from audit_app.reviews import decide
from audit_app.trail import record, system
from requests_app import reviewing_delegations
from requests_app.actions import cover
from requests_app.actions.attempting import attempting
from requests_app.actions.refusals import require_reason
from requests_app.actions.revoke import revoke_grants
from requests_app.errors import Refused
from requests_app.models import Entitlement, Grant, Person, TakenAway

_REVIEWS = system("reviews")


def take_away(*, by: Party, person: Person, entitlement: Entitlement, why: str, origin: str) -> int:
    """This person may not ask for it any more, and what is or could be open of it is closing or void.

    Returns how many grants; nothing changes where it was taken away before, but for grants that came since.
    """
    why = require_reason(why)
    with transaction.atomic():
        taken, made = TakenAway.objects.get_or_create(
            person=person,
            entitlement=entitlement,
            given_back_at=None,
            defaults={"taken_at": now(), "taken_by_label": by.label[:200], "why": why, "origin": origin},
        )
        count = revoke_grants(Grant.objects.filter(person=person, entitlement=entitlement), by=by, reason=why)
        if made:
            record("right.taken_away", by=by, about=taken.about(), why=why, data={"grants": count})
    return count


def give_back(*, by: Person, taken_id: int, reason: str) -> TakenAway:
    """Policy alone decides again whether this person may ask. Refused for anyone but an administrator; Stale when it is."""
    reason = require_reason(reason)
    taken = TakenAway.objects.select_related("person", "entitlement__resource").get(pk=taken_id)
    with attempting("right.give_back_refused", by=by.party, about=taken.about()):
        if not by.is_administrator:
            raise Refused("Only an administrator can give a right back.", check="administrator")
        if by.pk == taken.person_id:
            raise Refused("Nobody gives a right back to themself.", check="somebody else")
        rows = TakenAway.objects.filter(pk=taken_id, given_back_at=None)
        if not rows.update(given_back_at=now(), given_back_by_label=str(by), given_back_why=reason):
            raise Stale("It was given back already. Nothing was changed.")
        record("right.given_back", by=by.party, about=taken.about(), why=reason)
    taken.refresh_from_db()
    return taken


def carry_out(item_id: int) -> bool:
    """What a review decided about this row is done, and the row says so; False when it was undone, or done already."""
    with transaction.atomic():
        item = ReviewItem.objects.select_for_update(of=("self",)).select_related("review").get(pk=item_id)
        if item.state != ReviewItem.State.REMOVE:
            return False
        decider = Party(item.decided_by_id, item.decided_by_label)
        decide.applied(item, by=_REVIEWS, note=_carried_out(item, decider))
    return True


def _carried_out(item: ReviewItem, decider: Party) -> str:
    if item.review.source == reviewing_delegations.SOURCE:
        return _called_off(item, decider)
    person = Person.objects.filter(key=item.person_id).first()
    entitlement = Entitlement.objects.select_related("resource").filter(key=item.right_key).first()
    if person is None or entitlement is None:
        return "There was nothing left to take away: the person or the entitlement is gone."
    count = take_away(
        by=decider, person=person, entitlement=entitlement, why=item.reason, origin=item.review.story
    )
    if not count:
        return "May not ask for it any more; nothing of it was open."
    return f"May not ask for it any more; {count} grant{'' if count == 1 else 's'} revoked."


def _called_off(item: ReviewItem, decider: Party) -> str:
    delegation = cover.take_back(
        by=decider,
        delegation_id=reviewing_delegations.delegation_of(item.right_key),
        why=item.reason,
        story=item.review.story,
    )
    if delegation is None:
        return "It was over already; there was nothing left to call off."
    return f"Called off: {delegation.receiver} does not decide in place of {delegation.giver} any more."
