"""What every review of ours shares: who can be asked, how they are told, and what must be known to begin one."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from audit_app.models import AccessReview
from audit_app.parties import Party
from audit_app.reviews.source import NotReady
from requests_app import context, notify
from requests_app.eligibility import directory_is_fresh
from requests_app.errors import Refused
from requests_app.models import Person


def people() -> Sequence[Party]:
    """Return everybody who can be asked about a row: enabled members, by name."""
    known = Person.objects.filter(enabled=True, guest=False).order_by("display_name", "pk")
    return [person.party for person in known]


def tell(kind: str, keys: Iterable[str], review: AccessReview) -> None:
    """Whoever of these is enabled is told of this campaign."""
    notify.review(kind, Person.objects.filter(key__in=list(keys), enabled=True), review)


def require_ready(moment: datetime) -> None:
    """Raises NotReady while our copy of the directory is too old to know who is who, or no policy is loaded."""
    if not directory_is_fresh(moment):
        raise NotReady("The directory copy is too old to know who is in which group.")
    try:
        context.active_policy()
    except Refused as no_policy:
        raise NotReady(str(no_policy)) from no_policy
