"""Django test clients that are signed in the way the sign-in leaves a session. No page is known here."""

from django.test import Client

from audit_app.clock import now
from requests_app.models import Person, SignIn
from tests.support.organisation import the_world


def signed_in(person: Person, *, address: str | None = None) -> Client:
    """Return a client with this person's session, speaking from `address` (their own when not given)."""
    client = Client(REMOTE_ADDR=address or the_world().person(str(person.oid)).address)
    client.force_login(person)
    at = now()
    SignIn.objects.create(
        person=person,
        at=at,
        auth_time=at,
        source_address=client.defaults["REMOTE_ADDR"],
        roles=sorted(person.role_names),
    )
    return client
