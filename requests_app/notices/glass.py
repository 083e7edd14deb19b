"""Who hears, at once and whatever they chose, that somebody opened in an emergency what nobody had agreed to."""

from collections.abc import Iterable

from django.conf import settings

from audit_app.models import AccessReview
from requests_app.models import AccessRequest, Person
from requests_app.notices import channels
from requests_app.notices.putting import put, tell_channels
from requests_app.notices.topics import BREAK_GLASS


def broken(
    access_request: AccessRequest, people: Iterable[Person], review: AccessReview, skipped: str
) -> None:
    """Each of these people, and the channels that want it, are told who opened what and why, and which review asks."""
    words = {
        "skipped": skipped,
        "review_url": f"{settings.BASE_URL}/audit/reviews/{review.uid}/",
        "due_at": review.due_at.isoformat(),
    }
    key = f"{BREAK_GLASS}:{access_request.pk}"
    for person in people:
        put(f"{key}:{person.pk}", BREAK_GLASS, person, access_request, **words)
    tell_channels(channels.of(BREAK_GLASS), key, BREAK_GLASS, access_request, **words)
