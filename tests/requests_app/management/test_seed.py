"""`manage.py seed` writes a past that the schema and the actions agree with."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from audit_app.clock import now
from audit_app.models import Event
from requests_app.models import AccessRequest, Grant, Opening, Stage
from tests.support import organisation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("past"), pytest.mark.xdist_group("seed")]


def seed(count: int = 80, *more: str) -> None:
    call_command("seed", "--requests", str(count), *more, verbosity=0)


# Seconds of work: made once for all of these, each of which undoes what itself has changed.
@pytest.fixture(scope="module")
def past(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A demo's past, in a transaction around all of these tests that nobody commits."""
    with django_db_blocker.unblock(), transaction.atomic():
        organisation.rule(organisation.hire()["administrator"])
        seed()
        django_db_blocker.block()
        yield
        django_db_blocker.restore()
        transaction.set_rollback(True)


def test_as_many_requests_as_asked_for() -> None:
    assert AccessRequest.objects.count() == 80
    assert set(AccessRequest.objects.values_list("state", flat=True)) >= {"approved", "denied", "lapsed"}


def test_nothing_of_the_past_is_alive() -> None:
    assert set(Grant.objects.values_list("state", flat=True)) == {"closed"}
    assert not Stage.objects.filter(state__in=["active", "waiting"]).exists()
    assert not Opening.objects.filter(due_at__isnull=False).exists()


def test_nothing_of_the_past_lies_ahead() -> None:
    assert not Event.objects.filter(at__gt=now()).exists()
    assert not Event.objects.filter(at__lt=now() - timedelta(days=31)).exists()
    assert not Grant.objects.filter(closed_at__gt=now()).exists()


def test_every_request_has_its_story_in_the_trail_in_order() -> None:
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


def test_nobody_decided_on_their_own_request() -> None:
    for access_request in AccessRequest.objects.prefetch_related("decisions"):
        voters = [decision.person_id for decision in access_request.decisions.all()]
        assert access_request.requester_id not in voters
        assert len(voters) == len(set(voters))


def test_seeding_twice_changes_nothing_unless_told() -> None:
    seed()
    assert AccessRequest.objects.count() == 80
    seed(5, "--more")
    assert AccessRequest.objects.count() == 85
