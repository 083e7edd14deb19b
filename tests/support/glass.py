"""Breaking the glass in one line, as the demo's policy lets its people on call. No assertions here."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from audit_app import origin
from audit_app.clock import now
from requests_app.actions.break_glass import break_glass
from requests_app.context import Ask
from requests_app.models import AccessRequest, Entitlement, Person
from tests.support.azure import SSH, address_of

WHY = "The shop is down and nobody answers the telephone"


def proof(*acrs: str, ago: int = 0) -> dict[str, Any]:
    """Return what a session knows of a sign-in so many minutes ago."""
    return {"auth_time": (now() - timedelta(minutes=ago)).isoformat(), "acrs": list(acrs or ("c1",))}


def broken(person: Person, *, key: str = SSH, minutes: float = 30, **more: Any) -> AccessRequest:
    """Return the request of this person, on call, who broke the glass for this from their own address."""
    source = more.pop("source", address_of(person))
    ask = Ask(
        entitlement=Entitlement.objects.select_related("resource").get(key=key),
        duration=timedelta(minutes=minutes),
        reason=more.pop("reason", WHY),
        source=source,
    )
    with origin.origin(source_address=more.pop("observed", source)):
        return break_glass(
            by=person,
            ask=ask,
            submission_key=more.pop("submission_key", None) or uuid4(),
            sign_in=more.pop("sign_in", proof()),
        )
