"""Every page of the requests app answers, leaks nothing to whom it is not for, and writes nothing when read."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session

from requests_app.converge import converge
from tests.support.azure import activated, approved, asked, containers

pytestmark = pytest.mark.django_db

PAGES = ("/", "/catalogue/", "/requests/new?entitlement=prod-web-01-ssh", "/inbox/", "/status/", "/activate/")
PUBLIC = ("/healthz", "/readyz", "/.well-known/jwks.json")


def counts() -> dict[str, int]:
    """How many rows every table has, sessions apart."""
    models = [model for model in apps.get_models() if model is not Session]
    return {model._meta.label: model._default_manager.count() for model in models}


@pytest.mark.parametrize("page", PAGES)
def test_page_is_for_the_signed_in_alone(page: str, client: Any, people: Any, policy: Any) -> None:
    answer = client.get(page)
    assert answer.status_code == 302
    assert answer.url.startswith("/login/")


@pytest.mark.parametrize("page", PUBLIC)
def test_health_and_keys_are_for_anybody(page: str, client: Any, db: Any) -> None:
    assert client.get(page).status_code == 200


def test_keys_at_the_well_known_address_are_public_ones(client: Any, db: Any) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert key["kty"] == "EC"
    assert "d" not in key, "the private key is published"


@pytest.mark.parametrize("page", PAGES)
def test_page_has_one_heading_a_title_and_nothing_the_content_policy_refuses(
    page: str, client_for: Any, requester: Any, policy: Any
) -> None:
    html = client_for(requester).get(page).content.decode()
    assert html.count("<h1") == 1
    assert re.search(r"<title>\s*[A-Z]", html)
    assert " style=" not in html
    assert " onclick=" not in html


def test_reading_pages_writes_nothing(client_for: Any, people: Any, policy: Any) -> None:
    waiting, ready = asked(people["requester"], key="prod-web-02-ssh"), approved(people)
    pages = [
        *PAGES,
        f"/requests/{waiting.pk}/",
        f"/requests/{ready.pk}/",
        "/requests/preview?entitlement=prod-web-01-ssh",
    ]
    clients = [client_for(people[role]) for role in ("requester", "manager", "administrator")]
    before = counts()
    for page in pages:
        for one in clients:
            one.get(page)
    assert counts() == before


@pytest.mark.parametrize("verb", ["withdraw", "cancel", "code", "activate", "end", "revoke"])
def test_what_changes_access_is_never_a_get(verb: str, client_for: Any, people: Any, policy: Any) -> None:
    access_request = approved(people)
    assert client_for(people["requester"]).get(f"/requests/{access_request.pk}/{verb}").status_code == 405


@pytest.mark.parametrize("verb", ["", "withdraw", "cancel", "code", "activate", "end", "revoke"])
def test_request_of_somebody_else_is_not_there(verb: str, client_for: Any, people: Any, policy: Any) -> None:
    access_request = approved(people)
    outsider = client_for(people["outsider"])
    call = outsider.post if verb else outsider.get
    answer = call(f"/requests/{access_request.pk}/{verb}", {"reason": "Because"})
    assert answer.status_code == 404
    assert "prod-web-01" not in answer.content.decode()
    assert str(people["requester"]) not in answer.content.decode()


def test_open_access_can_be_watched_from_asking_to_closed(
    client_for: Any, people: Any, policy: Any, azure: Any
) -> None:
    grant = activated(people)
    browser = client_for(people["requester"])
    page = f"/requests/{grant.access_request_id}/"
    assert "Writing the rule into Azure" in browser.get(page).content.decode()
    assert "every 2s" in browser.get("/").content.decode()
    for container in containers():
        converge(container.pk)
    home = browser.get("/").content.decode()
    assert "data-countdown" in home
    assert "ssh azureuser@prod-web-01" in home
    assert "every 30s" in home
    assert browser.post(f"{page}end", {"back": "home"}).url == "/"
    for container in containers():
        converge(container.pk)
    assert "The rule is gone from Azure" in browser.get(page).content.decode()
    assert "Ask again" in browser.get("/").content.decode()
