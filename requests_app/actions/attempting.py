"""attempting(): the frame of every action: one transaction, and a refusal that stands in the trail all the same."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import transaction

from audit_app.models import Event
from audit_app.trail import About, Party, record
from requests_app.errors import Gone, Refused, SignInNeeded


@contextmanager
def attempting(
    refused_kind: str, *, by: Party, about: About, data: Mapping[str, str] | None = None
) -> Iterator[None]:
    """What is done inside is committed whole, or not at all; a refusal undoes it and is recorded, with this data."""
    try:
        with transaction.atomic():
            yield
    except SignInNeeded as error:
        # Not a refusal of the person: they go, prove it and come back. It would drown the real ones.
        with transaction.atomic():
            record("signin.asked_again", by=by, about=about, why=error.reason)
        raise
    except (Refused, Gone) as error:
        with transaction.atomic():
            record(
                refused_kind,
                by=by,
                about=about,
                outcome=Event.Outcome.REFUSED,
                why=error.reason,
                data={"check": error.check, **(data or {})},
            )
        raise
