"""What a worker read around a group is in the verdict: some of it warns, a lock refuses, and it is read seldom."""

from datetime import timedelta
from typing import Any

import pytest

from audit_app.clock import now
from requests_app import surroundings
from requests_app.actions import activate, reopen
from requests_app.context import Ask
from requests_app.converge import converge
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Container, ContainerSnapshot, Entitlement, Grant
from requests_app.policy.surrounding_words import SURROUNDINGS
from requests_app.preview import Preview, preview
from requests_app.targets import around, findings
from tests.support.azure import SSH, address_of, approved, asked, opened
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db
NSG = "nsg-prod-web"


@pytest.fixture(autouse=True)
def _story(people: Any, policy: Any, azure: Any) -> None:
    """Everybody is there, and the pretend Azure answers."""


def read_all() -> None:
    """A worker compared every group of the entitlement, and read what lies around it."""
    for nsg in Entitlement.objects.get(key=SSH).nsgs:
        container, _ = Container.objects.get_or_create(azure_id=Container.one_spelling(nsg))
        converge(container.pk, compare=True)
        ContainerSnapshot.objects.filter(container=container).update(around_read_at=None)
        assert surroundings.refresh(container.pk)


def lock(azure: Any, level: str | None = "CanNotDelete") -> None:
    azure.control("POST", "locks", {"nsg": NSG, "level": level})


def seen(people: Any) -> Preview:
    person = people["requester"]
    entitlement = Entitlement.objects.select_related("resource").get(key=SSH)
    ask = Ask(
        entitlement,
        timedelta(minutes=30),
        "Because the journal is full",
        ticket="",
        source=address_of(person),
    )
    return preview(person, ask, observed=address_of(person), now=now())


def azure_checks(people: Any) -> dict[str, str]:
    checks = seen(people).verdict.checks
    return {check.name: check.outcome for check in checks if check.name.startswith("azure_")}


def test_where_nothing_lies_around_the_verdict_says_nothing_of_it(people: Any) -> None:
    read_all()
    assert azure_checks(people) == {}


def test_what_was_never_read_is_said_to_be_unchecked_and_refuses_nothing(people: Any) -> None:
    nsg = Entitlement.objects.get(key=SSH).nsgs[0]
    converge(Container.objects.create(azure_id=Container.one_spelling(nsg)).pk, compare=True)
    assert azure_checks(people) == {"azure_locks_unchecked": "warn", "azure_admin_unchecked": "warn"}
    assert seen(people).verdict.allowed


def test_under_a_lock_it_could_not_be_closed_so_asking_is_refused_and_says_where_it_lies(
    people: Any, azure: Any
) -> None:
    lock(azure)
    read_all()
    assert azure_checks(people) == {"azure_locked": "fail"}
    refused(Refused, "CanNotDelete", "request.refused", lambda: asked(people["requester"]))
    assert not AccessRequest.objects.exists()


def test_a_lock_put_there_since_it_was_agreed_to_refuses_activating(people: Any, azure: Any) -> None:
    wish = approved(people)
    lock(azure)
    read_all()
    refused(
        Refused,
        "keeps rules from being removed",
        "code.refused",
        lambda: activate.activate(by=people["requester"], access_request_id=wish.pk, from_elsewhere=True),
    )
    lock(azure, None)
    read_all()
    activate.activate(by=people["requester"], access_request_id=wish.pk, from_elsewhere=True)


def test_a_lock_refuses_opening_again(people: Any, azure: Any) -> None:
    grant = opened(people)
    rule = grant.openings.get().name
    azure.control("DELETE", f"rules/{NSG}/{rule}")
    lock(azure)
    read_all()
    grant.refresh_from_db()
    assert grant.ended_why == Grant.Why.REMOVED_IN_AZURE
    refused(
        Refused,
        "keeps rules from being removed",
        "grant.open_again_refused",
        lambda: reopen.open_again(by=people["requester"], grant_id=grant.pk, from_elsewhere=True),
    )


def test_a_foreign_rule_that_lets_in_already_is_a_warning_in_the_verdict_and_no_refusal(
    people: Any, azure: Any
) -> None:
    everybody = {
        "priority": 150,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "*",
    }
    azure.control("PUT", f"rules/{NSG}/somebody-was-in-a-hurry", everybody)
    read_all()
    assert azure_checks(people)["azure_already_open"] == "warn"
    assert "somebody-was-in-a-hurry" in str(seen(people).verdict.to_dict())
    assert seen(people).verdict.allowed


def test_a_full_band_is_in_the_verdict(people: Any, settings: Any) -> None:
    read_all()
    settings.PRIORITY_BAND = (100, 100)
    names = set(azure_checks(people))
    assert names == {"azure_band_full"}


def test_what_lies_around_is_read_once_in_five_minutes(people: Any, azure: Any) -> None:
    read_all()
    container = Container.objects.get(azure_id__endswith=NSG)
    before = len(azure.calls())
    assert not surroundings.refresh(container.pk)
    assert len(azure.calls()) == before
    ContainerSnapshot.objects.update(around_read_at=now() - surroundings.EACH)
    assert surroundings.refresh(container.pk)
    assert len(azure.calls()) > before


def test_a_group_that_could_not_be_read_has_nothing_around_it_read(people: Any, azure: Any) -> None:
    read_all()
    ContainerSnapshot.objects.update(error="Azure did not answer", around_read_at=None)
    assert not surroundings.refresh(Container.objects.first().pk)


def test_every_kind_of_finding_but_those_on_sessions_has_its_words_in_the_verdict() -> None:
    import re
    from pathlib import Path

    source = "".join(Path(str(module.__file__)).read_text() for module in (findings, around))
    kinds = set(re.findall(r'Finding\(\s*"(\w+)"', source)) | {"band_full"}
    assert kinds - set(SURROUNDINGS) == {"sessions_end", "sessions_stay"}
    assert set(SURROUNDINGS) <= kinds
