"""The site of a test pointed at a running pretend Azure, and the story's steps in one line each. No assertions here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from audit_app import origin
from audit_app.clock import now
from requests_app import gateways, pacing
from requests_app.actions import activate, decide, submit
from requests_app.context import Ask
from requests_app.converge import converge
from requests_app.models import AccessRequest, Container, Entitlement, Grant, Opening, Person, Stage
from tests.support.devcloud import HEADER, Devcloud
from tests.support.organisation import the_world

SSH = "prod-web-01-ssh"
REASON = "Disk is full on prod-web-01, need to clear the journal"


@contextmanager
def pointed_at(devcloud: Devcloud, settings: Any, monkeypatch: Any) -> Iterator[Devcloud]:
    """Every target made inside speaks to this pretend Azure, by the real SDK and the real credential."""
    settings.ARM_ENDPOINT = devcloud.url
    settings.GRAPH_ENDPOINT = devcloud.url
    settings.AZURE_POLL_SECONDS = 0.05
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{devcloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    gateways.azure_config.cache_clear()
    gateways.target.cache_clear()
    pacing.forget()
    yield devcloud
    gateways.azure_config.cache_clear()
    gateways.target.cache_clear()


def address_of(person: Person) -> str:
    """Return the fixed public address this person comes from."""
    return the_world().person(str(person.oid)).address


def asked(person: Person, *, key: str = SSH, minutes: float = 30, **more: Any) -> AccessRequest:
    """Return a request of this person for this entitlement, submitted from their own address."""
    source = more.pop("source", address_of(person))
    ask = Ask(
        entitlement=Entitlement.objects.select_related("resource").get(key=key),
        duration=timedelta(minutes=minutes),
        reason=more.pop("reason", REASON),
        ticket=more.pop("ticket", ""),
        source=source,
        plan=more.pop("plan", None),
    )
    with origin.origin(source_address=more.pop("observed", source)):
        return submit.submit(
            by=person,
            ask=ask,
            submission_key=more.pop("submission_key", uuid4()),
            sign_in=more.pop("sign_in", None),
        )


def asked_together(person: Person, *keys: str, minutes: float = 30, **more: Any) -> AccessRequest:
    """Return one request of this person for all of these entitlements."""
    source = address_of(person)
    found = {one.key: one for one in Entitlement.objects.select_related("resource").filter(key__in=keys)}
    asks = [
        Ask(
            entitlement=found[key],
            duration=timedelta(minutes=minutes),
            reason=more.get("reason", REASON),
            ticket=more.get("ticket", ""),
            source=source,
        )
        for key in keys
    ]
    with origin.origin(source_address=source):
        return submit.submit(by=person, asks=asks, submission_key=uuid4(), sign_in=more.get("sign_in"))


def active_stage(access_request: AccessRequest) -> Stage:
    """Return the stage that waits for a decision."""
    return Stage.objects.get(access_request=access_request, state=Stage.State.ACTIVE)


def approved(people: Any, *, who: str = "requester", **more: Any) -> AccessRequest:
    """Return a request of `who` that manager and security have approved."""
    access_request = asked(people[who], **more)
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(access_request).pk, vote="approve")
    access_request.refresh_from_db()
    return access_request


def activated(people: Any, *, who: str = "requester", **more: Any) -> Grant:
    """Return the grant of an approved request that its requester has activated."""
    access_request = approved(people, who=who, **more)
    person = people[who]
    with origin.origin(source_address=address_of(person)):
        activate.activate(by=person, access_request_id=access_request.pk)
    return Grant.objects.get(access_request=access_request)


def read_back(grant: Grant) -> Grant:
    """The grant is open, as if Azure had been read: for pages, which never ask Azure."""
    moment = now()
    Opening.objects.filter(grant=grant).update(observed="present", read_at=moment, due_at=None)
    grant.state, grant.opened_at = Grant.State.OPEN, moment
    grant.expires_at = grant.hard_end = moment + grant.duration
    grant.save()
    return grant


def containers() -> list[Container]:
    """Return every container there is, in a fixed order."""
    return list(Container.objects.order_by("pk"))


def opened(people: Any, **more: Any) -> Grant:
    """Return a grant that is open, read back from the pretend Azure."""
    grant = activated(people, **more)
    for container in containers():
        converge(container.pk)
    grant.refresh_from_db()
    assert grant.state == Grant.State.OPEN, f"it did not open: {grant.state}, {grant.ended_note}"
    return grant
