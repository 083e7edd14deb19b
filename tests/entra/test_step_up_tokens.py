"""What comes back from Entra is judged claim by claim: a token that does not hold, or shows too little, changes nothing."""

import time
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from audit_app.models import Event
from latchportal.devcloud import tokens
from requests_app.models import AccessRequest, Person, SignIn
from tests.entra.false_entra import FalseEntra
from tests.entra.visitor import SITE, query
from tests.support.organisation import the_world

pytestmark = pytest.mark.django_db
FOREIGN = "9188040d-6c67-4c5b-b112-36a304b66dad"
REASON = "The nightly import stands still, I look at the locks"


class Away:
    """Tomáš on the way to Entra, with a form for a database kept; `comes_back` with a token of these claims."""

    def __init__(self, false_entra: FalseEntra) -> None:
        self.entra, self.described = false_entra, the_world().person("tomas")
        self.person = Person.objects.get(oid=self.described.oid)
        self.site = Client(**SITE, REMOTE_ADDR=self.described.address)
        self.site.force_login(self.person)
        self.form = {
            "entitlement": "prod-db-01-psql",
            "submission_key": str(uuid4()),
            "duration": "45",
            "reason": REASON,
            "ticket": "CHG-2214",
            "source": self.described.address,
        }
        sent = self.site.post("/requests/new", self.form)
        assert sent["Location"] == "/step-up/?for=request", sent.content.decode()[:400]
        self.asked = query(self.site.get(sent["Location"])["Location"])

    def comes_back(self, **changes: Any) -> Any:
        sound = {"oid": self.described.oid, "acrs": ["c1"], "auth_time": int(time.time())}
        claims = self.entra.claims(self.asked["nonce"], **(sound | changes))
        self.entra.returns(tokens.sign(claims))
        query = {"code": "a-code", "state": self.asked["state"]}
        return self.site.get("/accounts/oidc/entra/login/callback/", query)


@pytest.fixture
def away(false_entra: FalseEntra, people: Any, policy: Any, settings: Any) -> Away:
    settings.ROOT_URLCONF = "latchportal.urls"
    return Away(false_entra)


@pytest.mark.parametrize("acrs", [["c1"], "c1", ["c2", "c1"]])
def test_a_context_may_come_as_a_word_or_a_list(away: Away, acrs: Any) -> None:
    assert away.comes_back(acrs=acrs)["Location"].endswith("kept=request")
    assert "c1" in away.site.session["sign_in"]["acrs"]
    assert away.site.post("/requests/new", away.form).status_code == 302
    assert AccessRequest.objects.get().reason == REASON


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "somebody-elses"},
        {"nonce": None},
        {"tid": FOREIGN},
        {"tid": None},
        {"oid": None},
        {"oid": "c9f0c0de-0000-4000-8000-0000000000aa"},
        {"iss": f"https://login.microsoftonline.com/{FOREIGN}/v2.0"},
        {"aud": "another-app"},
        {"exp": 1_000_000_000},
        {"ver": "1.0"},
        {"acrs": 7},
        {"auth_time": "now"},
    ],
)
def test_a_token_that_does_not_hold_changes_nothing(away: Away, changes: dict[str, Any]) -> None:
    before = dict(away.site.session["sign_in"])
    back = away.comes_back(**changes)
    assert back.status_code == 302, back.content.decode()[:400]
    page = away.site.get(back["Location"]).content.decode()
    assert REASON in page, "the form is lost"
    assert away.form["submission_key"] in page
    assert "your form is as you left it" in page
    assert away.site.session["sign_in"] == before
    assert int(away.site.session["_auth_user_id"]) == away.person.pk, "somebody else is signed in"
    assert not SignIn.objects.exists()
    assert not Person.objects.filter(oid="c9f0c0de-0000-4000-8000-0000000000aa").exists()
    assert Event.objects.get(kind="signin.not_proved").actor_id == away.person.identity
    assert away.site.post("/requests/new", away.form)["Location"].startswith("/step-up/")
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"acrs": None}, "did not hold c1"),
        ({"acrs": ["c2"]}, "did not hold c1"),
        ({"auth_time": None}, "optional claim <code>auth_time</code>"),
        ({"auth_time": int(time.time()) - 3600}, "too old"),
        ({"auth_time": int(time.time()) + 3600}, "too old"),
    ],
)
def test_a_token_that_shows_too_little_is_said_to(away: Away, changes: dict[str, Any], words: str) -> None:
    answer = away.comes_back(**changes)
    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert away.site.post("/requests/new", away.form)["Location"].startswith("/step-up/")
    assert not AccessRequest.objects.exists()
    # It held, so it is what this session knows of its person now, and it stands in the table.
    assert SignIn.objects.get().person == away.person


def test_a_code_that_entra_refuses_loses_nothing(away: Away) -> None:
    away.entra.answer, away.entra.status = {"error": "invalid_grant"}, 400
    answer = away.site.get(
        "/accounts/oidc/entra/login/callback/", {"code": "a-code", "state": away.asked["state"]}
    )
    assert REASON in away.site.get(answer["Location"]).content.decode()
