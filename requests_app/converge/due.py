"""What the clock brings about for the grants of one container, before Azure is asked anything."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from audit_app.clock import now
from requests_app.converge.shut import fail, shut
from requests_app.models import Attempt, Container, Grant
from requests_app.targets.kinds import Kind, words_for

_ALIVE = [Grant.State.OPENING, Grant.State.OPEN, Grant.State.EXTENDING]


def bring_about(container: Container) -> None:
    """Grants past their end are closing, and those that did not open within the budget have failed."""
    moment = now()
    too_old = moment - timedelta(seconds=settings.OPENING_BUDGET_SECONDS)
    over = Grant.objects.filter(openings__container=container, state__in=_ALIVE).filter(
        Q(expires_at__lte=moment)
        | Q(hard_end__lte=moment)
        | Q(state=Grant.State.OPENING, activated_at__lte=too_old)
    )
    for grant in over.select_related("entitlement__resource", "person").distinct():
        if grant.state == Grant.State.OPENING:
            fail(grant, f"It could not be opened in time. {_last_words(grant)}".strip(), moment)
        else:
            end = min(filter(None, (grant.expires_at, grant.hard_end)))
            shut(grant, "expire", Grant.Why.EXPIRED, end, moment)


def _last_words(grant: Grant) -> str:
    """Return what the last attempt that went wrong came to, in our words; nothing when none did."""
    wrong = Attempt.objects.filter(opening__grant=grant, kind=Attempt.Kind.WRITE).exclude(error_kind="")
    last = wrong.select_related("opening__container").last()
    if last is None:
        return ""
    kind: Kind = last.error_kind  # type: ignore[assignment]
    return words_for(kind, last.opening.container.name)
