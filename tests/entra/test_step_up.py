"""Proving more through Entra and coming back to the same form: the site's own pages and the pretend Entra, over HTTP."""

import html
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from django.contrib.sessions.models import Session

from audit_app.models import Event
from requests_app.models import AccessRequest, Person, SignIn
from requests_app.views import kept_form
from tests.entra.visitor import Visitor, query

pytestmark = pytest.mark.django_db
NEW, DATABASE = "/requests/new", "prod-db-01-psql"
LONG = "The nightly import stopped at row 1,204,551: " + "I look at the locks & the “stuck” job <now>. " * 18


def filled(visitor: Visitor, **more: str) -> dict[str, str]:
    return {
        "entitlement": DATABASE,
        "submission_key": str(uuid4()),
        "duration": "45",
        "reason": LONG,
        "ticket": "CHG-2214",
        "source": visitor.person.address,
        **more,
    }


def typed_into(page: str, form: dict[str, str]) -> None:
    """Every field of the page's form says what was typed."""
    assert html.escape(form["reason"].strip()) in page, "the reason is lost"
    for name in ("submission_key", "duration", "ticket", "source", "entitlement"):
        assert f'value="{form[name]}"' in page, f"{name} is lost"


def test_the_form_comes_back_as_typed_and_is_sent_by_hand(tenant: Any) -> None:
    tomas = Visitor("tomas")
    form = filled(tomas)
    away = tomas.sent(tomas.site.post(NEW, form))
    assert json.loads(query(away)["claims"]) == {"id_token": {"acrs": {"essential": True, "value": "c1"}}}
    assert query(away)["login_hint"] == tomas.person.upn
    assert {"nonce", "state", "code_challenge"} <= query(away).keys()
    before = tomas.site.session.session_key
    back = tomas.back(away, mfa="confirmed")
    assert not AccessRequest.objects.exists(), "coming back sends nothing by itself"
    page = tomas.site.get(back["Location"])
    typed_into(page.content.decode(), form)
    assert "You proved it" in page.content.decode()
    assert tomas.facts["acrs"] == ["c1"]
    assert tomas.site.session.session_key != before
    answer = tomas.site.post(NEW, form)
    made = AccessRequest.objects.get()
    assert answer["Location"] == f"/requests/{made.pk}/"
    assert (made.reason, made.ticket, str(made.submission_key)) == (
        LONG.strip(), "CHG-2214", form["submission_key"],
    )  # fmt: skip
    assert made.sign_in["acrs"] == ["c1"]
    assert not tomas.site.session["kept_forms"], "what was sent is kept no longer"


def test_the_trail_and_the_table_say_that_it_was_proved(tenant: Any) -> None:
    tomas = Visitor("tomas")
    tomas.back(tomas.sent(tomas.site.post(NEW, filled(tomas))), mfa="confirmed")
    person = Person.objects.get(oid=tomas.person.oid)
    kinds = list(Event.objects.filter(actor_id=person.identity).order_by("id").values_list("kind", flat=True))
    assert kinds == ["signin.succeeded", "signin.asked_again", "signin.proved_again"]
    assert list(SignIn.objects.order_by("id").values_list("acrs", flat=True)) == [[], ["c1"]]


def test_prove_it_now_keeps_a_form_that_is_half_filled(tenant: Any) -> None:
    tomas = Visitor("tomas")
    shown = tomas.site.get(f"{NEW}?entitlement={DATABASE}").content.decode()
    assert "Prove it now" in shown
    assert "still needed" in shown
    form = filled(tomas, ticket="", prove="1")
    page = tomas.site.get(tomas.back(tomas.sent(tomas.site.post(NEW, form)), mfa="confirmed")["Location"])
    assert html.escape(LONG.strip()) in page.content.decode()
    assert "Prove it now" not in page.content.decode()


def test_nothing_typed_stands_in_an_address_or_readable_in_the_database(tenant: Any) -> None:
    tomas = Visitor("tomas")
    answer = tomas.site.post(NEW, filled(tomas, reason="An unmistakable wording of mine"))
    away = tomas.sent(answer)
    assert "unmistakable" not in answer["Location"] + away
    held = "".join(str(row.get_decoded()) for row in Session.objects.all())
    assert "unmistakable" not in held
    assert "kept_forms" in held


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"mfa": "cancelled", "step": "confirm"}, "you cancelled"),
        ({"who": "mo", "mfa": "confirmed"}, "as Mo Adeyemi"),
    ],
)
def test_who_comes_back_with_nothing_has_lost_nothing(tenant: Any, form: Any, words: str) -> None:
    tomas = Visitor("tomas")
    wish = filled(tomas)
    before = tomas.facts
    back = tomas.back(tomas.sent(tomas.site.post(NEW, wish)), **form)
    page = tomas.site.get(back["Location"]).content.decode()
    typed_into(page, wish)
    assert words in page
    assert "your form is as you left it" in page
    assert tomas.facts == before
    assert not SignIn.objects.exclude(person__oid=tomas.person.oid).exists()
    assert Event.objects.get(kind="signin.not_proved").outcome == "refused"
    assert tomas.site.get("/").context["user"].oid == Person.objects.get(oid=tomas.person.oid).oid


def test_an_old_sign_in_is_made_anew_and_a_new_one_is_not(tenant: Any) -> None:
    tomas = Visitor("tomas")
    assert "prompt" not in query(tomas.sent(tomas.site.post(NEW, filled(tomas))))
    tomas.grow_old(minutes=14)
    asked_for = query(tomas.sent(tomas.site.post(NEW, filled(tomas))))
    assert (asked_for["prompt"], asked_for["max_age"]) == ("login", "900")


def test_a_sign_in_too_old_is_refused_although_its_context_is_shown(tenant: Any) -> None:
    tomas = Visitor("tomas")
    tomas.back(tomas.sent(tomas.site.post(NEW, filled(tomas))), mfa="confirmed")
    tomas.grow_old(minutes=16)
    tomas.sent(tomas.site.post(NEW, filled(tomas)))
    assert "16 min ago" in Event.objects.filter(kind="signin.asked_again").latest("id").why
    assert not AccessRequest.objects.exists()


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        (["acrs"], "optional claim <code>auth_time</code>"),
        ([], "optional claim <code>auth_time</code>"),
    ],
)
def test_what_entra_does_not_say_is_told_with_the_way_on(tenant: Any, claims: Any, words: str) -> None:
    tomas = Visitor("tomas")
    form = filled(tomas)
    tenant.control("POST", "tenant", {"optional_claims": claims})
    answer = tomas.back(tomas.sent(tomas.site.post(NEW, form)), mfa="confirmed")
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "Entra did not give it" in page
    assert words in page
    link = html.unescape(page.split('btn btn-primary" href="')[1].split('"')[0])
    typed_into(tomas.site.get(link).content.decode(), form)


def test_only_what_came_back_counts(tenant: Any) -> None:
    """Somebody who strips the challenge on the way to Entra comes back with nothing."""
    tomas = Visitor("tomas")
    away = tomas.sent(tomas.site.post(NEW, filled(tomas)))
    stripped = away.replace(f"claims={query_part(away, 'claims')}&", "").replace(
        f"&claims={query_part(away, 'claims')}", ""
    )
    assert "claims" not in stripped
    answer = tomas.back(stripped)
    assert answer.status_code == 403
    assert "did not hold c1" in answer.content.decode()
    assert tomas.facts["acrs"] == []


def query_part(address: str, name: str) -> str:
    return next(
        part.partition("=")[2] for part in urlsplit(address).query.split("&") if part.startswith(f"{name}=")
    )


def test_the_challenge_is_ours_alone(tenant: Any) -> None:
    tomas = Visitor("tomas")
    answer = tomas.site.post(NEW, filled(tomas))
    meddled = (
        f"{answer['Location']}&claims=%7B%7D&prompt=none&max_age=99999&scope=Mail.Read&auth_params=claims%3D"
    )
    asked_for = query(tomas.site.get(meddled)["Location"])
    assert "c1" in asked_for["claims"]
    assert (asked_for["max_age"], set(asked_for["scope"].split())) == ("900", {"openid", "profile"})
    assert "prompt" not in asked_for


def test_without_a_form_there_is_no_way_to_entra(tenant: Any) -> None:
    tomas = Visitor("tomas")
    for purpose in ("request", "nonsense", ""):
        assert tomas.site.get("/step-up/", {"for": purpose})["Location"] == "/"


def test_an_answer_can_not_be_played_twice(tenant: Any) -> None:
    tomas = Visitor("tomas")
    away = tomas.sent(tomas.site.post(NEW, filled(tomas)))
    answer = httpx.post(away, data={"person": tomas.person.oid, "mfa": "confirmed"}, timeout=10)
    to = urlsplit(answer.headers["location"])
    assert tomas.site.get(f"{to.path}?{to.query}").status_code == 302
    assert tomas.site.get(f"{to.path}?{to.query}").status_code == 400


def test_a_form_is_kept_for_a_quarter_of_an_hour(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tomas = Visitor("tomas")
    away = tomas.sent(tomas.site.post(NEW, filled(tomas)))
    monkeypatch.setattr(kept_form, "LIFE", timedelta(seconds=-61))
    back = tomas.back(away, mfa="confirmed")
    assert back["Location"] == "/"
    assert "is gone" in tomas.site.get("/").content.decode()
    assert tomas.facts["acrs"] == ["c1"]


def test_proving_makes_the_session_no_longer(tenant: Any) -> None:
    tomas = Visitor("tomas")
    before = tomas.facts["signed_in_at"]
    tomas.back(tomas.sent(tomas.site.post(NEW, filled(tomas))), mfa="confirmed")
    assert tomas.facts["signed_in_at"] == before


def test_who_was_disabled_meanwhile_proves_nothing(tenant: Any) -> None:
    tomas = Visitor("tomas")
    away = tomas.sent(tomas.site.post(NEW, filled(tomas)))
    Person.objects.filter(oid=tomas.person.oid).update(enabled=False)
    # The session ended, and with it what it had sent to Entra.
    assert tomas.back(away, mfa="confirmed").status_code == 400
    assert "_auth_user_id" not in tomas.site.session


def test_an_entra_that_is_away_loses_nothing(tenant: Any, settings: Any) -> None:
    from django.core.cache import cache

    from tests.entra.conftest import point_at

    tomas = Visitor("tomas")
    form = filled(tomas)
    cache.clear()
    point_at("http://127.0.0.1:1", settings)
    settings.ROOT_URLCONF = "latchportal.urls"
    answer = tomas.site.get(tomas.site.post(NEW, form)["Location"])
    page = tomas.site.get(answer["Location"]).content.decode()
    assert "can not be reached" in page
    typed_into(page, form)
