"""Every page of the admin draws, for administrators alone; tables that move by actions can only be read."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit_app.models import Event
from requests_app.models import Decision, Entitlement, Message, Resource, SignIn, Verifier
from tests.audit_app.trail_makers import many

pytestmark = pytest.mark.django_db
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
KEPT_HERE = {Resource, Entitlement, Verifier}
NAMES = [model._meta.label for model in MODELS]


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_the_admin_shows_these_tables_and_no_library_brings_its_own() -> None:
    labels = {model._meta.app_label for model in MODELS if model._meta.label != "auth.Group"}
    assert labels == {"audit_app", "requests_app"}, "somebody else's table can be kept in the admin"
    wanted = {"Person", "Resource", "Entitlement", "Group", "AccessRequest", "Stage", "Decision", "Grant"}
    wanted |= {"Opening", "Attempt", "LatchCode", "Message", "Event", "PolicyVersion"}
    assert wanted <= {model.__name__ for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_every_list_and_row_draws(model: Any, full_site: Any, administrator: Any, client_for: Any) -> None:
    client = client_for(administrator)
    listed = client.get(address(model, "changelist"), {"q": "1"} if model is not SignIn else {})
    assert listed.status_code == 200
    row = model._default_manager.first()
    assert row is not None, f"the test made no {model.__name__}"
    assert client.get(address(model, "change", row.pk)).status_code == 200


def test_first_page_of_the_admin_draws(administrator: Any, client_for: Any) -> None:
    assert client_for(administrator).get("/admin/").status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_only_the_catalogue_can_be_changed(
    model: Any, full_site: Any, administrator: Any, client_for: Any
) -> None:
    client = client_for(administrator)
    wanted = 200 if model in KEPT_HERE else 403
    assert client.get(address(model, "add")).status_code == wanted
    if model in KEPT_HERE:
        return
    row = model._default_manager.first()
    assert client.post(address(model, "change", row.pk), {"reason": "changed"}).status_code == 403
    assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    bulk = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    client.post(address(model, "changelist"), bulk)
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("who", ["requester", "auditor", "manager"])
@pytest.mark.parametrize("path", ["/admin/", "/admin/requests_app/resource/", "/admin/audit_app/event/"])
def test_only_administrators_come_in(people: Any, client_for: Any, who: str, path: str) -> None:
    answer = client_for(people[who]).get(path)
    assert answer.status_code in {302, 403}
    assert "Northwind" not in answer.content.decode()
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith("/admin/login/")


def test_anonymous_is_sent_to_sign_in(client: Client) -> None:
    assert client.get("/admin/requests_app/resource/").status_code == 302


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


@pytest.mark.parametrize("model", [Event, Decision, Message], ids=lambda model: model.__name__)
def test_lists_ask_no_more_for_many_rows(
    model: Any, full_site: Any, people: Any, administrator: Any, client_for: Any
) -> None:
    client = client_for(administrator)
    path = address(model, "changelist")
    client.get(path)
    few = queries_of(client, path)
    if model is Event:
        many(60)
    elif model is Message:
        names = list(people.people.values())
        Message.objects.bulk_create(
            Message(key=f"m{number}", kind="decided", recipient=person, created_at=full_site.issued_at)
            for number, person in enumerate(names)
        )
    else:
        stage = full_site.access_request.stages.first()
        others = [p for p in people.people.values() if p.pk not in {full_site.person_id}]
        for person in others:
            Decision.objects.get_or_create(
                access_request=full_site.access_request,
                person=person,
                defaults={"stage": stage, "vote": "approve", "decided_at": full_site.issued_at},
            )
    assert queries_of(client, path) == few
    assert few <= 12, f"{few} queries for one list"
