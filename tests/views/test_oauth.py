"""What verifiers are told about latch codes, and who is told nothing."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from audit_app import origin
from audit_app.clock import now
from audit_app.models import Event
from requests_app.actions import activate, codes, end, revoke
from requests_app.models import Entitlement, Grant, LatchCode, Verifier
from requests_app.views import oauth
from requests_app.views.rate import Rate
from tests.support.azure import address_of, approved, read_back
from tests.support.verifiers import Asking, basic

pytestmark = pytest.mark.django_db
INACTIVE = {"active": False}


@pytest.fixture
def asking(people: Any, policy: Any) -> Asking:
    return Asking(people["administrator"])


@pytest.fixture
def code(people: Any, policy: Any) -> str:
    return codes.get_code(by=people["requester"], access_request_id=approved(people).pk)


def use(people: Any, text: str) -> Grant:
    person = people["requester"]
    with origin.origin(source_address=address_of(person)):
        activate.activate_with_code(by=person, text=text)
    return Grant.objects.get()


def test_a_code_that_waits_to_be_used_is_good_until_it_is_over(
    people: Any, asking: Asking, code: str
) -> None:
    said, row, grant = asking.introspect(code), LatchCode.objects.get(), Grant.objects.get()
    assert said["active"] is True
    assert said["sub"] == people["requester"].identity
    assert said["username"] == people["requester"].user_principal_name
    assert said["iss"] == said["aud"] == "http://127.0.0.1:8000"
    assert said["jti"] == str(row.jti)
    assert said["exp"] == int(row.expires_at.timestamp())
    assert said["iat"] == said["nbf"] == int(row.issued_at.timestamp())
    assert said["grants"] == [
        {
            "grant": str(grant.uid),
            "state": "issued",
            "exp": said["exp"],
            "entitlement": "prod-web-01-ssh",
            "resource": "prod-web-01",
            "source": address_of(people["requester"]),
            "destination": grant.entitlement.destination,
            "ports": ["22"],
            "protocol": "Tcp",
        }
    ]
    with time_machine.travel(row.expires_at, tick=False):
        assert asking.introspect(code) == INACTIVE


def test_a_spent_code_answers_by_its_grant_until_the_end(people: Any, asking: Asking, code: str) -> None:
    grant = use(people, code)
    said = asking.introspect(code)
    assert (said["active"], said["grants"][0]["state"]) == (True, "opening")
    grant = read_back(grant)
    said = asking.introspect(code)
    assert said["grants"][0]["state"] == "open"
    assert said["exp"] == int(grant.expires_at.timestamp())
    Grant.objects.update(
        expires_at=grant.expires_at + timedelta(hours=9), hard_end=grant.hard_end + timedelta(hours=9)
    )
    # Past the time by which it had to be activated, and still good: what it opened is open.
    with time_machine.travel(LatchCode.objects.get().expires_at + timedelta(minutes=1), tick=False):
        assert asking.introspect(code)["active"] is True
    with time_machine.travel(Grant.objects.get().expires_at, tick=False):
        assert asking.introspect(code) == INACTIVE


def _ended(people: Any, text: str) -> None:
    end.end_now(by=people["requester"], grant_id=read_back(use(people, text)).pk)


def _revoked(people: Any, text: str) -> None:
    grant = read_back(use(people, text))
    revoke.revoke(by=people["administrator"], grant_id=grant.pk, reason="Seen on the news")


def _cancelled(people: Any, text: str) -> None:
    codes.cancel(by=people["requester"], access_request_id=LatchCode.objects.get().access_request_id)


def _replaced(people: Any, text: str) -> None:
    codes.get_code(by=people["requester"], access_request_id=LatchCode.objects.get().access_request_id)


def _forgotten(people: Any, text: str) -> None:
    LatchCode.objects.all().delete()


@pytest.mark.parametrize("change", [_ended, _revoked, _cancelled, _replaced, _forgotten])
def test_what_is_good_no_more_is_told_at_once_and_nothing_else_is(
    people: Any, asking: Asking, code: str, change: Any
) -> None:
    change(people, code)
    assert asking.introspect(code) == INACTIVE


@pytest.mark.parametrize("text", ["x", "a.b.c", "é" * 10, "A" * 20000, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_code_is_not_good(asking: Asking, text: str) -> None:
    assert asking.introspect(text) == INACTIVE


def test_another_audience_s_code_is_not_good(asking: Asking, code: str, settings: Any) -> None:
    settings.LATCH_CODE_AUDIENCE = "https://elsewhere.example"
    assert asking.introspect(code) == INACTIVE


LIMITS = [
    ({}, True),
    ({"resources": ["prod-web-01"]}, True),
    ({"resources": ["prod-web-02"]}, False),
    ({"tags": ["jump"]}, True),
    ({"tags": ["sql"]}, False),
    ({"tags": ["sql"], "resources": ["prod-web-01"]}, True),
]


@pytest.mark.parametrize(("limits", "sees"), LIMITS)
def test_a_verifier_knows_of_what_it_is_for_alone(
    people: Any, policy: Any, code: str, limits: dict[str, Any], sees: bool
) -> None:
    Entitlement.objects.filter(key="prod-web-01-ssh").update(tags=["jump"])
    said = Asking(people["administrator"], **limits).introspect(code)
    assert said["active"] is sees
    assert sees or said == INACTIVE


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer x",
        "Basic",
        "Basic !!!",
        "Basic /w==",
        basic("jump-host-1", "wrong"),
        basic("nobody", "x"),
        basic("", ""),
        basic("jump-host-1\0", "x"),
    ],
)
def test_who_is_no_verifier_is_asked_to_sign_in(asking: Asking, code: str, path: str, header: Any) -> None:
    more = {} if header is None else {"HTTP_AUTHORIZATION": header}
    answer = Client().post(path, {"token": code}, **more)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert LatchCode.objects.get().revoked_at is None


def test_a_disabled_verifier_is_told_nothing(asking: Asking, code: str) -> None:
    Verifier.objects.update(disabled_at=now())
    assert asking.post("/oauth/introspect", {"token": code}).status_code == 401


def test_each_scope_is_for_itself(people: Any, policy: Any, code: str) -> None:
    asks = Asking(people["administrator"], may_revoke=False)
    revokes = Asking(people["administrator"], key="siem", may_introspect=False)
    for answer in (asks.revoke(code), revokes.post("/oauth/introspect", {"token": code})):
        assert answer.status_code == 400
        assert answer.json()["error"] == "unauthorized_client"
    assert asks.introspect(code)["active"] is True


WRONG_FORMS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("", {"token": ""}),
    ("", {"token": ["a", "b"]}),
    ("?token=a", {"token": "a"}),
]


@pytest.mark.parametrize(("query", "form"), WRONG_FORMS)
@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_a_code_belongs_once_into_the_body(asking: Asking, path: str, query: str, form: Any) -> None:
    answer = asking.post(path + query, form)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def test_no_cache_keeps_an_answer_and_no_other_method_is_heard(asking: Asking, code: str) -> None:
    answer = asking.post("/oauth/introspect", {"token": code})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert Client().get("/oauth/introspect").status_code == 405


def test_asking_is_cheap_and_changes_nothing(
    asking: Asking, code: str, django_assert_num_queries: Any
) -> None:
    asking.introspect(code)
    events = Event.objects.count()
    with django_assert_num_queries(3):
        asking.introspect(code)
    assert Event.objects.count() == events


def test_a_verifier_that_runs_wild_is_slowed_down(
    asking: Asking, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "ASKED", Rate(3, 10_000_000))
    answers = [asking.post("/oauth/introspect", {"token": code}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "10000000"


def test_who_is_mistaken_too_often_is_not_looked_up_any_more_and_no_other_is_kept_out(
    asking: Asking, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth, "MISTAKEN", Rate(2, 10_000_000))
    wrong = [Client().post("/oauth/introspect", HTTP_AUTHORIZATION=basic("x", "y")) for _ in range(3)]
    assert [answer.status_code for answer in wrong] == [401, 401, 429]
    assert asking.introspect(code)["active"] is True


# --- revoking ------------------------------------------------------------------------------------------------


def told(kind: str) -> Event:
    return Event.objects.get(kind=kind)


def test_revoking_an_unspent_code_takes_the_right_with_it(people: Any, asking: Asking, code: str) -> None:
    assert asking.revoke(code).status_code == 200
    grant = Grant.objects.get()
    assert (grant.state, grant.ended_why) == ("closed", "revoked")
    assert LatchCode.objects.get().revoked_at
    assert asking.introspect(code) == INACTIVE
    for kind in ("verifier.revoked", "grant.voided", "code.revoked"):
        assert told(kind).actor_id == "verifier:jump-host-1"
    assert told("verifier.revoked").data == {"jti": str(LatchCode.objects.get().jti), "count": 1}


def test_revoking_a_spent_code_closes_what_it_opened(people: Any, asking: Asking, code: str) -> None:
    grant = read_back(use(people, code))
    assert asking.revoke(code).status_code == 200
    grant.refresh_from_db()
    assert (grant.state, grant.ended_why) == ("closing", "revoked")
    assert grant.openings.get().desired == "absent"
    assert told("grant.revoked").why == "Its latch code was revoked by Jump host 1."
    assert asking.introspect(code) == INACTIVE


def test_revoking_twice_or_what_is_over_or_no_code_is_well_and_changes_nothing(
    people: Any, asking: Asking, code: str
) -> None:
    asking.revoke(code)
    events = Event.objects.count()
    for text in (code, "no.code.atall", "é"):
        answer = asking.revoke(text)
        assert (answer.status_code, answer.json()) == (200, {})
    assert Event.objects.count() == events


def test_a_replaced_code_takes_nothing_with_it(people: Any, asking: Asking, code: str) -> None:
    _replaced(people, code)
    asking.revoke(code)
    assert Grant.objects.get().state == "issued"


def test_a_hint_about_the_kind_of_token_is_heard_and_not_needed(asking: Asking, code: str) -> None:
    form = {"token": code, "token_type_hint": "refresh_token"}
    assert asking.post("/oauth/revoke", form).status_code == 200
    assert LatchCode.objects.get().revoked_at


def test_a_verifier_revokes_nothing_that_it_does_not_see(people: Any, policy: Any, code: str) -> None:
    asking = Asking(people["administrator"], resources=["prod-web-02"])
    answer = asking.revoke(code)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert Grant.objects.get().state == "issued"
    assert told("verifier.revoke_refused").outcome == "refused"
