"""An access review that runs, with some of its rows decided, so that a demo has one to look at. Nothing is removed."""

from datetime import timedelta

from audit_app.clock import now
from audit_app.models import AccessReview, ReviewItem
from audit_app.reviews import campaign, decide
from requests_app.models import Person

_LASTS = timedelta(days=12)
# Nobody has a role before signing in; in the demo's organisation this is who gets the administrator's.
_MAKER = "Identity administrator"
# Of the rows that are recommended to be kept, every so-manieth is decided already.
_DECIDED = 2


def begin_review() -> None:
    """A campaign about production runs; reviewers have kept some of what is used. Nothing where there is one already."""
    maker = Person.objects.filter(job_title=_MAKER).first() or Person.objects.order_by("pk").first()
    if maker is None or AccessReview.objects.exists():
        return
    moment = now()
    review = campaign.plan(
        by=maker.party,
        title="Production",
        source="eligibility",
        scope={"environments": ["production"]},
        starts_at=moment,
        due_at=moment + _LASTS,
        recurrence=AccessReview.Recurrence.QUARTERLY,
    )
    campaign.begin(review.pk)
    people = {person.identity: person for person in Person.objects.all()}
    used = review.items.filter(recommendation=ReviewItem.Choice.KEEP).exclude(reviewer_ids=[])
    for item in used.order_by("pk")[::_DECIDED]:
        reviewer = people.get(item.reviewer_ids[0])
        if reviewer is not None:
            decide.decide(by=reviewer.party, item_ids=[item.pk], choice="keep")
