"""What the app roles allow in the admin."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser

from latchportal.entra.backend import EntraBackend
from requests_app.models import Person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "right", "allowed"),
    [
        ("administrator", "audit_app.view_event", True),
        ("administrator", "requests_app.change_entitlement", True),
        ("administrator", "requests_app.add_resource", True),
        ("administrator", "requests_app.view_grant", True),
        ("administrator", "requests_app.change_grant", False),
        ("administrator", "requests_app.delete_accessrequest", False),
        ("administrator", "requests_app.change_person", False),
        ("administrator", "audit_app.delete_event", False),
        ("administrator", "auth.change_group", False),
        ("auditor", "audit_app.view_event", True),
        ("auditor", "requests_app.view_grant", True),
        ("auditor", "requests_app.change_entitlement", False),
        ("requester", "requests_app.view_grant", False),
        ("requester", "audit_app.view_event", False),
        ("outsider", "requests_app.view_person", False),
    ],
)
def test_rights_come_from_the_role_alone(people: Any, role: str, right: str, allowed: bool) -> None:
    assert people[role].has_perm(right) is allowed


def test_rights_end_when_the_directory_says_disabled(people: Any) -> None:
    administrator = people["administrator"]
    assert administrator.has_module_perms("requests_app")
    Person.objects.filter(pk=administrator.pk).update(enabled=False)
    again = Person.objects.get(pk=administrator.pk)
    assert not again.has_perm("requests_app.view_grant")
    assert not again.has_module_perms("requests_app")


def test_nobody_unknown_has_rights() -> None:
    assert EntraBackend().get_all_permissions(AnonymousUser()) == set()


def test_an_auditor_may_look_at_every_table_of_the_house(people: Any) -> None:
    models = [one for app in ("requests_app", "audit_app") for one in apps.get_app_config(app).get_models()]
    unseen = {
        one._meta.label_lower
        for one in models
        if not one._meta.auto_created
        and not people["auditor"].has_perm(f"{one._meta.app_label}.view_{one._meta.model_name}")
    }
    assert not unseen, "a table the auditor's role does not name"
