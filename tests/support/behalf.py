"""One person asking for another, in the demo organisation: whoever is on call may ask for engineers. No assertions here."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from audit_app import origin
from requests_app.actions import for_others
from requests_app.actions.policy import load
from requests_app.context import Ask
from requests_app.models import AccessRequest, DirectoryGroup, Entitlement, Person
from tests.support.azure import REASON, SSH, address_of
from tests.support.environment import ORGANISATION
from tests.support.organisation import the_world


def asked_for(asker: Person, whom: Person | str, *, key: str = SSH, **more: Any) -> AccessRequest:
    """Return a request that `asker`, at their own desk, made for `whom` (or a name typed), who comes from elsewhere."""
    return asked_together_for(asker, whom, key, **more)


def asked_together_for(
    asker: Person, whom: Person | str, *keys: str, minutes: float = 30, **more: Any
) -> AccessRequest:
    """The same, for all of these entitlements at once."""
    named = whom if isinstance(whom, str) else whom.user_principal_name
    source = address_of(whom) if isinstance(whom, Person) else "81.2.69.142"
    source, reason, plan = more.pop("source", source), more.pop("reason", REASON), more.pop("plan", None)
    found = {one.key: one for one in Entitlement.objects.select_related("resource").filter(key__in=keys)}
    asks = [
        Ask(
            entitlement=found[key],
            duration=timedelta(minutes=minutes),
            reason=reason,
            source=source,
            plan=plan,
        )
        for key in keys
    ]
    with origin.origin(source_address=address_of(asker)):
        return for_others.submit_for(
            by=asker, named=named, asks=asks, submission_key=more.pop("submission_key", uuid4()), **more
        )


def group(name: str) -> DirectoryGroup:
    """Return the group of this name."""
    return DirectoryGroup.objects.get(oid=the_world().group(name).id)


def policy_says(administrator: Person, *changes: tuple[str, str], file: str = "rules.yaml") -> None:
    """The demo's policy is in force, with these words of one file replaced."""
    documents = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted((ORGANISATION / "policy").glob("*.yaml"))
    }
    for old, new in changes:
        if old not in documents[file]:
            raise ValueError(f"{file} does not say {old}")
        documents[file] = documents[file].replace(old, new)
    load(by=administrator.party, documents=documents)
