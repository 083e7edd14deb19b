"""The login page, signing out, the admin's door, and the doors that are not there."""

from typing import Any

import pytest
from django.test import Client

from audit_app.models import Event
from tests.entra.conftest import SITE
from tests.support.devcloud import Devcloud

pytestmark = pytest.mark.django_db


def test_who_comes_by_themselves_sees_one_button(devcloud: Devcloud, browser: Client) -> None:
    page = browser.get("/login/")
    assert page.status_code == 200
    assert page.content.decode().count("Sign in with Entra ID</button>") == 1
    assert "no-store" in page["Cache-Control"]
    assert browser.post("/login/")["Location"].startswith(devcloud.url)


def test_the_button_needs_its_csrf_token(devcloud: Devcloud) -> None:
    strict = Client(enforce_csrf_checks=True, **SITE)
    assert strict.post("/login/").status_code == 403


def test_who_comes_from_a_page_goes_straight_to_entra(devcloud: Devcloud, browser: Client) -> None:
    first = browser.get("/inbox/")
    assert first["Location"] == "/login/?next=/inbox/"
    assert browser.get(first["Location"])["Location"].startswith(f"{devcloud.url}/")


def test_who_is_signed_in_is_not_asked_again(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    assert browser.get("/login/", {"next": "/inbox/"})["Location"] == "/inbox/"


def test_signing_out_is_a_post_and_offers_to_leave_entra_too(
    sign_in: Any, browser: Client, devcloud: Devcloud
) -> None:
    sign_in("ada")
    assert browser.get("/logout/").status_code == 405
    assert browser.get("/inbox/").status_code == 200, "a GET must not sign anybody out"
    answer = browser.post("/logout/")
    assert answer["Location"] == "/login/?why=signed-out"
    page = browser.get(answer["Location"]).content.decode()
    assert "You are signed out" in page
    assert f"{devcloud.url}/6f0b0f5e-3f5f-4c59-9d1b-0c2a4f3c7a10/oauth2/v2.0/logout?post_logout" in page
    assert browser.get("/inbox/").status_code == 302
    assert Event.objects.get(kind="session.ended").data == {"reason": "signed-out"}


def test_the_admin_leads_to_entra(devcloud: Devcloud, browser: Client) -> None:
    first = browser.get("/admin/", follow=False)
    assert first.status_code == 302
    assert browser.get(first["Location"])["Location"].startswith(devcloud.url)
    page = browser.get("/admin/login/").content.decode()
    assert "password" not in page.replace("there is no password here", "")


def test_an_administrator_comes_back_to_the_admin(sign_in: Any, browser: Client) -> None:
    assert sign_in("adm", next_url="/admin/")["Location"] == "/admin/"
    assert browser.get("/admin/login/")["Location"] == "/admin/"


@pytest.mark.parametrize("key", ["ada", "aud"])
def test_others_are_told_and_not_sent_in_circles(sign_in: Any, browser: Client, key: str) -> None:
    sign_in(key)
    answer = browser.get("/admin/login/?next=/admin/")
    assert answer.status_code == 403
    assert b"for administrators" in answer.content


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/logout/",
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/password/reset/",
        "/accounts/3rdparty/",
        "/accounts/3rdparty/signup/",
        "/accounts/social/connections/",
        "/accounts/oidc/entra/login/",
        "/accounts/oidc/other/login/callback/",
    ],
)
def test_no_other_page_of_allauth_is_there(sign_in: Any, browser: Client, path: str) -> None:
    sign_in("ada")
    assert browser.get(path).status_code == 404
