"""Signing in, end to end: the site and the pretend Entra over HTTP."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.contrib.auth import authenticate
from django.test import Client

from audit_app.models import Event
from latchportal.entra.backend import EntraBackend
from requests_app.models import Person, SignIn
from tests.entra.conftest import SITE, picked
from tests.support.devcloud import Devcloud
from tests.support.environment import CLIENT, TENANT
from tests.support.organisation import the_world

pytestmark = pytest.mark.django_db


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


def test_signing_in_makes_the_person_once(sign_in: Any, browser: Client) -> None:
    answer = sign_in("ada")
    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")
    ada = Person.objects.get()
    assert (str(ada.tid), str(ada.oid)) == (TENANT, the_world().person("ada").oid)
    assert (ada.display_name, ada.user_principal_name) == ("Ada Lindqvist", "ada@northwind-harbour.example")
    assert ada.enabled is None, "a sign-in must not claim to know what only the directory knows"
    assert ada.mail == "", "the address for notices comes from the directory, never from a token"
    assert not ada.has_usable_password()
    sign_in("ada", client=Client(**SITE))
    assert Person.objects.get() == ada
    assert SignIn.objects.filter(person=ada).count() == 2
    assert Event.objects.filter(kind="signin.succeeded", actor_id=ada.identity).count() == 2


def test_the_session_keeps_what_entra_said(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    facts = browser.get("/inbox/").json()["sign_in"]
    row = SignIn.objects.get()
    assert facts["tid"] == TENANT
    assert facts["oid"] == the_world().person("ada").oid
    assert facts["auth_time"] == row.auth_time.isoformat()
    assert facts["acrs"] == row.acrs == []
    assert facts["sid"] == row.session_id != ""
    assert row.source_address == "127.0.0.1"


def test_a_person_the_directory_made_is_the_one_who_signs_in(sign_in: Any, people: Any) -> None:
    before = Person.objects.count()
    sign_in("ada")
    assert Person.objects.count() == before
    assert SignIn.objects.get().person == people["requester"]
    assert Person.objects.get(pk=people["requester"].pk).mail == people["requester"].mail


def test_an_equal_address_does_not_make_it_the_same_person(sign_in: Any, people: Any) -> None:
    other = Person.objects.create(
        tid=TENANT, oid="d9f0c0de-0000-4000-8000-000000000001", mail="ada@northwind-harbour.example"
    )
    sign_in("ada")
    assert SignIn.objects.get().person != other


def test_the_session_key_changes_at_sign_in(sign_in: Any, browser: Client) -> None:
    browser.get("/login/", {"next": "/"})
    before = browser.cookies["sessionid"].value
    sign_in("ada")
    assert browser.cookies["sessionid"].value != before


def test_app_roles_become_exactly_the_groups(sign_in: Any, devcloud: Devcloud) -> None:
    sign_in("adm")
    administrator = Person.objects.get()
    assert administrator.role_names == {"Latch.Admin"}
    assert administrator.is_staff
    devcloud.control("POST", "people/adm", {"roles": ["Latch.Auditor"]})
    sign_in("adm", client=Client(**SITE))
    administrator = Person.objects.get()
    assert administrator.role_names == {"Latch.Auditor"}
    assert not administrator.is_staff
    last = Event.objects.filter(kind="signin.succeeded").latest("id")
    assert (last.data["roles_gained"], last.data["roles_lost"]) == (["Latch.Auditor"], ["Latch.Admin"])


def test_somebody_our_directory_copy_knows_as_disabled_is_refused_in_words(sign_in: Any, people: Any) -> None:
    Person.objects.filter(pk=people["requester"].pk).update(enabled=False)
    answer = sign_in("ada")
    assert answer.status_code == 403
    assert b"disabled in the directory" in answer.content
    assert not SignIn.objects.exists()
    refused = Event.objects.get(kind="signin.refused")
    assert (refused.actor_id, refused.outcome) == (people["requester"].identity, "refused")


def test_a_token_for_another_sign_in_is_refused(sign_in: Any, browser: Client) -> None:
    def other_nonce(url: str) -> str:
        return url.replace(query_of(url)["nonce"][0], "somebody-elses")

    answer = sign_in("ada", edit=other_nonce)
    assert answer.status_code == 403
    assert b"belongs to another sign-in" in answer.content
    assert not Person.objects.exists()
    assert Event.objects.get(kind="signin.refused").data == {"check": "claim nonce"}


def test_an_answer_can_not_be_played_twice(devcloud: Devcloud, browser: Client) -> None:
    back = picked(browser.get("/login/", {"next": "/"})["Location"], "ada")
    assert browser.get(back).status_code == 302
    again = browser.get(back)
    assert again.status_code == 400
    assert b"finished already" in again.content
    assert SignIn.objects.count() == 1


def test_an_answer_is_worth_nothing_in_another_browser(devcloud: Devcloud, browser: Client) -> None:
    back = picked(browser.get("/login/", {"next": "/"})["Location"], "ada")
    assert Client(**SITE).get(back).status_code == 400
    assert not SignIn.objects.exists()


def test_what_goes_to_entra_is_ours_alone(devcloud: Devcloud, browser: Client) -> None:
    meddling = {
        "next": "/",
        "auth_params": "prompt=none&max_age=99999&claims={}",
        "scope": "offline_access,Mail.Read",
        "process": "connect",
        "action": "rerequest",
        "prompt": "none",
    }
    asked = query_of(browser.get("/login/", meddling)["Location"])
    assert set(asked) == {
        "client_id",
        "redirect_uri",
        "scope",
        "response_type",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    assert set(asked["scope"][0].split()) == {"openid", "profile"}
    assert asked["client_id"] == [CLIENT]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8000/accounts/oidc/entra/login/callback/"]


def test_connecting_accounts_is_no_way_in(devcloud: Devcloud, browser: Client) -> None:
    back = picked(browser.get("/login/", {"next": "/", "process": "connect"})["Location"], "ada")
    assert browser.get(back)["Location"] == "/"
    assert not SocialAccount.objects.exists()
    assert not EmailAddress.objects.exists()


def test_a_row_in_a_table_adds_no_way_in(devcloud: Devcloud, browser: Client) -> None:
    SocialApp.objects.create(provider="openid_connect", provider_id="entra", name="Evil", client_id="evil")
    assert query_of(browser.get("/login/", {"next": "/"})["Location"])["client_id"] == [CLIENT]


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/login/"]
)
def test_nobody_is_sent_to_another_site(sign_in: Any, wanted: str) -> None:
    assert sign_in("ada", next_url=wanted)["Location"] == "/"


def test_signing_in_as_somebody_else_leaves_nothing_of_the_first(sign_in: Any, browser: Client) -> None:
    sign_in("adm")
    browser.post("/logout/")
    sign_in("ada")
    assert browser.get("/inbox/").json()["oid"] == the_world().person("ada").oid


def test_the_person_is_told_when_entra_says_no(devcloud: Devcloud, browser: Client) -> None:
    state = query_of(browser.get("/login/", {"next": "/"})["Location"])["state"][0]
    answer = browser.get(
        "/accounts/oidc/entra/login/callback/",
        {"error": "access_denied", "state": state, "error_description": "<b>x"},
    )
    assert answer.status_code == 403
    assert b"you cancelled" in answer.content
    assert b"<b>x" not in answer.content


def test_an_entra_that_is_away_is_said_in_words(settings: Any, browser: Client) -> None:
    from tests.entra.conftest import point_at

    point_at("http://127.0.0.1:1", settings)
    answer = browser.get("/login/", {"next": "/"})
    assert answer.status_code == 503
    assert b"can not be reached" in answer.content


def test_there_is_no_other_backend_and_no_password() -> None:
    ada = Person(tid=TENANT, oid=the_world().person("ada").oid)
    ada.set_password("a local password")
    ada.save()
    assert authenticate(username=ada.identity, password="a local password") is None
    assert EntraBackend().authenticate(None, username=ada.identity, password="a local password") is None
