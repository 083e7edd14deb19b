"""`manage.py seed` makes up no past where it must not, or can not."""

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from requests_app.models import AccessRequest, Person

pytestmark = pytest.mark.django_db


def test_only_a_demo_has_a_made_up_past(policy: object, settings: Settings) -> None:
    settings.LATCH_DEMO = False
    with pytest.raises(CommandError, match="LATCH_DEMO"):
        call_command("seed", verbosity=0)
    assert not AccessRequest.objects.exists()


def test_seeding_says_what_is_missing_without_a_policy(people: object) -> None:
    assert Person.objects.exists()
    with pytest.raises(CommandError, match="policy load"):
        call_command("seed", verbosity=0)
