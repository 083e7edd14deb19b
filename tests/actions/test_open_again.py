"""What somebody took away in Azure: opened again by its holder alone, for the time that was left and no longer."""

from datetime import timedelta
from typing import Any

import pytest

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app.actions import end, reopen
from requests_app.converge import converge
from requests_app.errors import Gone, Refused
from requests_app.models import Arming, DirectoryGroup, Grant, Person
from requests_app.targets.mark import read_end
from tests.support.azure import address_of, containers, opened
from tests.support.convergence import WEB, at, fresh, opening_of, ours, run
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def taken_away(people: Any, azure: Any) -> Grant:
    grant = opened(people)
    azure.control("DELETE", f"rules/{WEB}/{opening_of(grant).name}")
    for container in containers():
        converge(container.pk, compare=True)
    grant = fresh(grant)
    assert (grant.state, grant.ended_why) == ("closed", "removed_in_azure")
    return grant


def read_anew() -> None:
    """The directory was read just now."""
    Person.objects.update(directory_read_at=now())
    DirectoryGroup.objects.update(read_at=now())


def again(grant: Grant, by: Person | None = None, **more: Any) -> Grant:
    with origin.origin(source_address=more.pop("observed", address_of(grant.person))):
        return reopen.open_again(by=by or grant.person, grant_id=grant.pk, **more)


def test_it_opens_for_the_time_left_and_ends_when_it_would_have(people: Any, azure: Any) -> None:
    first = taken_away(people, azure)
    assert first.expires_at
    with at(first.expires_at - timedelta(minutes=10)):
        read_anew()
        first.person.refresh_from_db()
        second = again(first)
        run()
        second = fresh(second)
        assert second.state == "open"
        assert second.expires_at is not None
        assert second.expires_at <= first.expires_at, "longer than it ever was to be open"
        (rule,) = ours(azure).values()
        assert read_end(rule["description"]) <= first.expires_at + timedelta(seconds=1)
    with at(first.expires_at):
        run()
        assert fresh(second).state == "closed"
        assert not ours(azure)
    kinds = Event.objects.filter(object_id=str(second.uid)).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == [
        f"grant.{verb}" for verb in ("opened_again", "activated", "opened", "expired", "closed")
    ]


def test_it_opens_again_once(people: Any, azure: Any) -> None:
    grant = taken_away(people, azure)
    assert reopen.could_open_again(grant, now())
    again(grant)
    assert not reopen.could_open_again(grant, now())
    with pytest.raises(Stale, match="again already"):
        again(grant)


@pytest.mark.parametrize("who", ["manager", "administrator", "outsider"])
def test_nobody_but_its_holder_opens_it_again(people: Any, azure: Any, who: str) -> None:
    grant = taken_away(people, azure)
    refused(Refused, "Only its holder", "grant.open_again_refused", lambda: again(grant, people[who]))


def test_from_elsewhere_it_asks_first(people: Any, azure: Any) -> None:
    grant = taken_away(people, azure)
    refused(Refused, "You asked from", "grant.open_again_refused", lambda: again(grant, observed="8.8.4.4"))
    assert again(grant, observed="8.8.4.4", from_elsewhere=True).state == "opening"


def test_policy_is_asked_again(people: Any, azure: Any) -> None:
    grant = taken_away(people, azure)
    Person.objects.filter(pk=grant.person_id).update(enabled=False)
    grant.person.refresh_from_db()
    refused(Refused, "disabled", "grant.open_again_refused", lambda: again(grant))


def test_a_close_only_portal_opens_nothing_again(people: Any, azure: Any) -> None:
    grant = taken_away(people, azure)
    Arming.objects.update(armed=False)
    refused(Refused, "only closes", "grant.open_again_refused", lambda: again(grant))


def test_when_its_time_is_nearly_over_it_is_gone(people: Any, azure: Any) -> None:
    grant = taken_away(people, azure)
    assert grant.expires_at
    with at(grant.expires_at - timedelta(seconds=119)):
        read_anew()
        refused(Gone, "over, or nearly", "grant.open_again_refused", lambda: again(grant))


def test_what_ended_otherwise_does_not_open_again(people: Any, azure: Any) -> None:
    grant = opened(people)
    end.end_now(by=grant.person, grant_id=grant.pk)
    run()
    with pytest.raises(Stale, match="Only what somebody removed"):
        again(fresh(grant))
