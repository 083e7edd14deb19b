"""`manage.py seed` writes a past that the schema and the actions agree with."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit_app.clock import now
from audit_app.models import Event
from requests_app.models import AccessRequest, Grant, Opening, Person, Stage

pytestmark = pytest.mark.django_db


def seed(count: int = 80, *more: str) -> None:
    call_command("seed", "--requests", str(count), *more, verbosity=0)


@pytest.fixture
def past(policy: object) -> None:
    seed()


def test_as_many_requests_as_asked_for(past: None) -> None:
    assert AccessRequest.objects.count() == 80
    assert set(AccessRequest.objects.values_list("state", flat=True)) >= {"approved", "denied", "lapsed"}


def test_nothing_of_the_past_is_alive(past: None) -> None:
    assert set(Grant.objects.values_list("state", flat=True)) == {"closed"}
    assert not Stage.objects.filter(state__in=["active", "waiting"]).exists()
    assert not Opening.objects.filter(due_at__isnull=False).exists()


def test_nothing_of_the_past_lies_ahead(past: None) -> None:
    assert not Event.objects.filter(at__gt=now()).exists()
    assert not Event.objects.filter(at__lt=now() - timedelta(days=31)).exists()
    assert not Grant.objects.filter(closed_at__gt=now()).exists()


def test_every_request_has_its_story_in_the_trail_in_order(past: None) -> None:
    for access_request in AccessRequest.objects.all():
        kinds = list(
            Event.objects.filter(story=access_request.story).order_by("id").values_list("kind", flat=True)
        )
        assert kinds[0] == "request.submitted", f"{access_request.story}: {kinds}"
        assert f"request.{access_request.state}" in kinds, f"{access_request.story}: {kinds}"
        times = list(
            Event.objects.filter(story=access_request.story).order_by("id").values_list("at", flat=True)
        )
        assert times == sorted(times), f"{access_request.story} is not told in order"


def test_nobody_decided_on_their_own_request(past: None) -> None:
    for access_request in AccessRequest.objects.prefetch_related("decisions"):
        voters = [decision.person_id for decision in access_request.decisions.all()]
        assert access_request.requester_id not in voters
        assert len(voters) == len(set(voters))


def test_seeding_twice_changes_nothing_unless_told(past: None) -> None:
    seed()
    assert AccessRequest.objects.count() == 80
    seed(5, "--more")
    assert AccessRequest.objects.count() == 85


def test_only_a_demo_has_a_made_up_past(policy: object, settings: Settings) -> None:
    settings.LATCH_DEMO = False
    with pytest.raises(CommandError, match="LATCH_DEMO"):
        seed()
    assert not AccessRequest.objects.exists()


def test_seeding_says_what_is_missing_without_a_policy(people: object) -> None:
    assert Person.objects.exists()
    with pytest.raises(CommandError, match="policy load"):
        seed()
