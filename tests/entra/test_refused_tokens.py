"""Tokens that must not let anybody in, over the wire, from an Entra that answers what the test says."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from audit_app.models import Event
from latchportal.devcloud import tokens
from requests_app.models import Person
from tests.entra.false_entra import FalseEntra, begin

pytestmark = pytest.mark.django_db
CALLBACK = "/accounts/oidc/entra/login/callback/"
FOREIGN = "9188040d-6c67-4c5b-b112-36a304b66dad"


def come_back(browser: Client, asked: dict[str, str]) -> Any:
    return browser.get(CALLBACK, {"code": "any", "state": asked["state"]})


def test_a_sound_token_lets_its_person_in(false_entra: FalseEntra, browser: Client) -> None:
    asked = begin(browser)
    false_entra.returns(tokens.sign(false_entra.claims(asked["nonce"], acrs="c1", acct=1)))
    assert come_back(browser, asked)["Location"] == "/inbox/"
    assert Person.objects.get().guest is True
    assert browser.get("/inbox/").json()["sign_in"]["acrs"] == ["c1"]


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"tid": FOREIGN}, "claim tid"),
        ({"tid": None}, "claim tid"),
        ({"oid": None}, "claim oid"),
        ({"nonce": None}, "claim nonce"),
        ({"ver": "1.0"}, "claim ver"),
        ({"acct": 5}, "claim acct"),
        ({"iss": f"https://login.microsoftonline.com/{FOREIGN}/v2.0"}, "token"),
        ({"aud": "another-app"}, "token"),
        ({"exp": 1_000_000_000}, "token"),
        ({"exp": None}, "token"),
        ({"nbf": 4_000_000_000}, "token"),
        ({"sub": None}, "token"),
    ],
)
def test_a_token_with_a_wrong_claim_lets_nobody_in(
    false_entra: FalseEntra, browser: Client, changes: dict[str, Any], check: str
) -> None:
    asked = begin(browser)
    false_entra.returns(tokens.sign(false_entra.claims(asked["nonce"], **changes)))
    refused(browser, asked, check)


def test_a_token_signed_by_somebody_else_lets_nobody_in(false_entra: FalseEntra, browser: Client) -> None:
    asked = begin(browser)
    theirs = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = tokens.jwks()["keys"][0]["kid"]
    claims = false_entra.claims(asked["nonce"])
    false_entra.returns(jwt.encode(claims, theirs, algorithm="RS256", headers={"kid": kid}))
    refused(browser, asked, "token")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_names_a_weaker_algorithm_lets_nobody_in(
    false_entra: FalseEntra, browser: Client, algorithm: str
) -> None:
    asked = begin(browser)
    head = {"alg": algorithm, "typ": "JWT", "kid": tokens.jwks()["keys"][0]["kid"]}
    parts = [json.dumps(one).encode() for one in (head, false_entra.claims(asked["nonce"]))]
    false_entra.returns(
        ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
    )
    refused(browser, asked, "token")


@pytest.mark.parametrize("token", [None, "", "not a token", "a.b.c"])
def test_an_answer_without_a_readable_token_lets_nobody_in(
    false_entra: FalseEntra, browser: Client, token: str | None
) -> None:
    asked = begin(browser)
    false_entra.returns(token)
    refused(browser, asked, "token")


def test_a_code_that_entra_refuses_lets_nobody_in(false_entra: FalseEntra, browser: Client) -> None:
    asked = begin(browser)
    false_entra.answer, false_entra.status = {"error": "invalid_grant"}, 400
    refused(browser, asked, "token")


def refused(browser: Client, asked: dict[str, str], check: str) -> None:
    """Entra's answer is refused with a page and an event, and nobody is signed in."""
    answer = come_back(browser, asked)
    assert answer.status_code == 403, f"{check}: answered {answer.status_code}"
    assert b"You were not signed in" in answer.content
    event = Event.objects.get(kind="signin.refused")
    assert (event.outcome, event.data["check"]) == ("refused", check)
    assert not Person.objects.exists()
    assert browser.get("/inbox/")["Location"] == "/login/?next=/inbox/"
