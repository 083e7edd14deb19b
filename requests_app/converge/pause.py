"""When somebody looks at an opening next. Work that Azure refused waits a while; it never gives up by itself."""

from datetime import datetime, timedelta

from django.conf import settings

from requests_app.models import Grant, Opening

# Azure may ask for a longer pause than a closing can bear; asking early costs one more refusal, and no more.
_LONGEST_SECONDS = 300.0


def put_off(openings: list[Opening], moment: datetime, retry_after: float | None = None) -> None:
    """What was due is due again after a pause that grows with each failure; Azure's own wish counts, up to 5 minutes.

    It is due again at the end of its budget, or of its time, at the latest, or nobody would notice that it is over.
    """
    for opening in openings:
        if opening.due_at is None or opening.due_at > moment:
            continue
        wished = timedelta(seconds=min(retry_after or 0.0, _LONGEST_SECONDS))
        later = moment + max(backoff(opening.failures, opening.pk), wished)
        reschedule(opening, min(later, ends_at(opening.grant) or later), failures=opening.failures + 1)


def ends_at(grant: Grant) -> datetime | None:
    """Return when somebody has to look at this grant at the latest; None when it is closing already."""
    if grant.state == Grant.State.OPENING:
        return gives_up_at(grant)
    return grant.expires_at if grant.state in (Grant.State.OPEN, Grant.State.EXTENDING) else None


def reschedule(opening: Opening, due_at: datetime | None, **fields: int) -> None:
    """The opening is due then; unless somebody gave it another time since it was read, such as a revocation's."""
    unchanged = Opening.objects.filter(pk=opening.pk, due_at=opening.due_at, desired=opening.desired)
    unchanged.update(due_at=due_at, **fields)


def gives_up_at(grant: Grant) -> datetime:
    """Return when this activated grant has failed unless it is open by then."""
    assert grant.activated_at is not None  # noqa: S101 - a CHECK of the schema
    return grant.activated_at + timedelta(seconds=settings.OPENING_BUDGET_SECONDS)


def backoff(failures: int, salt: int) -> timedelta:
    """Return the pause after so many failures: 1 s, 2 s, 4 s … at most 30 s, spread by up to a quarter."""
    seconds = min(30.0, float(2 ** min(failures, 5)))
    return timedelta(seconds=seconds * (1 + (salt * 7 % 25) / 100))
