"""An identity that Entra proved becomes a Person and a SignIn. No HTTP and no tokens here."""

from datetime import UTC

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction

from audit_app import origin
from audit_app.clock import now
from audit_app.trail import About, Party, record
from latchportal.entra.claims import Identity, SignInRefused
from requests_app.models import Person, SignIn

UNKNOWN = Party(id="entra:unknown", label="Somebody not signed in")


def admit(identity: Identity, *, kind: str = "signin.succeeded") -> Person:
    """The person exists, has exactly the app roles Entra named, and the sign-in stands in table and trail.

    Raises SignInRefused for somebody the directory copy knows as disabled; then only the trail changed.
    """
    with transaction.atomic():
        person = _person(identity)
        if person is not None:
            gained, lost = _take_roles(person, identity.roles)
            _write_sign_in(person, identity)
            record(
                kind,
                by=person.party,
                about=about(person),
                data={
                    "roles": sorted(identity.roles),
                    "roles_gained": sorted(gained),
                    "roles_lost": sorted(lost),
                    "acrs": list(identity.acrs),
                    "sid": identity.sid,
                },
            )
            return person
    refusal = SignInRefused(
        "Your account is disabled in the directory.",
        check="enabled",
        way_on="Ask your manager. An account enabled again is known here within five minutes.",
    )
    record_refusal(refusal, identity=identity)
    raise refusal


def record_refusal(refusal: SignInRefused, *, identity: Identity | None = None) -> None:
    """The refusal stands in the trail, under whoever came back where that was proven."""
    who = Party(id=identity.id, label=identity.name or identity.upn or identity.id) if identity else UNKNOWN
    with transaction.atomic():
        record("signin.refused", by=who, outcome="refused", why=refusal.reason, data={"check": refusal.check})


def about(person: Person) -> About:
    """Return how the trail speaks of a person."""
    return About(kind="person", id=str(person.pk), label=str(person), subject=person.party)


def _person(identity: Identity) -> Person | None:
    """The row of (tid, oid), locked and made when missing; None when the directory says disabled."""
    made = {"password": make_password(None), "display_name": identity.name[:200]}
    Person.objects.get_or_create(tid=identity.tid, oid=identity.oid, defaults=made)
    person = Person.objects.select_for_update().get(tid=identity.tid, oid=identity.oid)
    if person.enabled is False:
        return None
    person.display_name = identity.name[:200] or person.display_name
    person.user_principal_name = identity.upn[:200] or person.user_principal_name
    # Where the directory was read, it knows better than the token; the mail is the directory's alone.
    if person.directory_read_at is None and identity.guest is not None:
        person.guest = identity.guest
    person.save(update_fields=["display_name", "user_principal_name", "guest"])
    return person


def _take_roles(person: Person, roles: frozenset[str]) -> tuple[set[str], set[str]]:
    before = set(person.groups.values_list("name", flat=True))
    person.groups.set([Group.objects.get_or_create(name=name)[0] for name in sorted(roles)])
    person.__dict__.pop("_role_names", None)
    return set(roles) - before, before - roles


def _write_sign_in(person: Person, identity: Identity) -> None:
    SignIn.objects.create(
        person=person,
        at=now(),
        auth_time=identity.auth_time,
        acrs=list(identity.acrs),
        session_id=identity.sid[:80],
        source_address=origin.current().source_address,
        roles=sorted(identity.roles),
    )


def session_facts(identity: Identity) -> dict[str, object]:
    """Return what the session keeps of this sign-in, under the key "sign_in"; instants in ISO 8601, UTC."""
    return {
        "tid": str(identity.tid),
        "oid": str(identity.oid),
        "acrs": list(identity.acrs),
        "auth_time": identity.auth_time.astimezone(UTC).isoformat() if identity.auth_time else None,
        "sid": identity.sid,
        "signed_in_at": now().isoformat(),
    }


def issuer() -> str:
    """Return the one issuer whose tokens count here."""
    return f"{settings.ENTRA_AUTHORITY}/{settings.ENTRA_TENANT_ID}/v2.0"
