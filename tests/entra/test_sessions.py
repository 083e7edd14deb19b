"""When sessions end, and where their people go."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit_app.clock import now
from audit_app.models import Event
from requests_app.models import Person

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://127.0.0.1:8000/inbox/?page=2"}
MINUTE = timedelta(minutes=1)


def later(**by: float) -> Any:
    return time_machine.travel(now() + timedelta(**by), tick=False)


def test_a_session_lasts_eight_hours_whatever_its_person_does(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    signed_in_at = now()
    for hour in range(1, 8):
        with time_machine.travel(signed_in_at + timedelta(hours=hour), tick=False):
            assert browser.get("/inbox/").status_code == 200, f"ended after {hour} h"
    with time_machine.travel(signed_in_at + timedelta(hours=8), tick=False):
        answer = browser.get("/inbox/?page=2")
        assert answer["Location"] == "/login/?why=age&next=%2Finbox%2F%3Fpage%3D2"
        page = browser.get(answer["Location"]).content.decode()
    assert "it lasts eight hours" in page
    assert 'value="/inbox/?page=2"' in page
    assert Event.objects.get(kind="session.ended").data == {"reason": "age"}


@pytest.mark.parametrize("key", ["aud", "adm"])
def test_the_privileged_are_signed_out_after_half_an_idle_hour(
    sign_in: Any, browser: Client, key: str
) -> None:
    sign_in(key)
    with later(minutes=29):
        assert browser.get("/inbox/").status_code == 200
    with later(minutes=29 + 29):
        assert browser.get("/inbox/").status_code == 200
    with later(minutes=29 + 29 + 30):
        answer = browser.get("/inbox/")
    assert answer["Location"] == "/login/?why=idle&next=%2Finbox%2F"
    assert "30 minutes without a click" in browser.get(answer["Location"]).content.decode()


def test_others_may_idle(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    with later(hours=7):
        assert browser.get("/inbox/").status_code == 200


def test_the_privileged_do_not_outstay_eight_hours_by_clicking(sign_in: Any, browser: Client) -> None:
    sign_in("adm")
    for minutes in range(20, 480, 20):
        with later(minutes=minutes):
            assert browser.get("/inbox/").status_code == 200
    with later(hours=8):
        assert "why=age" in browser.get("/inbox/")["Location"]


def test_a_page_that_asks_again_by_itself_keeps_nobody_signed_in(sign_in: Any, browser: Client) -> None:
    sign_in("aud")
    for minutes in (10, 20, 29):
        with later(minutes=minutes):
            assert browser.get("/inbox/", HTTP_X_LATCH_POLL="1").status_code == 200
    with later(minutes=31):
        assert "why=idle" in browser.get("/inbox/")["Location"]


def test_being_at_work_is_written_at_most_once_a_minute(sign_in: Any, browser: Client) -> None:
    sign_in("aud")
    with later(minutes=2):
        browser.get("/inbox/")
        with CaptureQueriesContext(
            connection,
        ) as second:
            browser.get("/inbox/")
    assert not [one["sql"] for one in second if not one["sql"].startswith("SELECT")]


def test_reading_pages_writes_nothing_for_others(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    with later(hours=1), CaptureQueriesContext(connection) as queries:
        browser.get("/inbox/")
    assert not [one["sql"] for one in queries if not one["sql"].startswith("SELECT")]


def test_who_is_disabled_is_signed_out_at_the_next_click(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    Person.objects.update(enabled=False)
    answer = browser.get("/inbox/")
    assert answer["Location"] == "/login/?why=disabled&next=%2Finbox%2F"
    assert "your account is disabled" in browser.get(answer["Location"]).content.decode()
    assert Event.objects.get(kind="session.ended").data == {"reason": "disabled"}
    Person.objects.update(enabled=True)
    assert browser.get("/inbox/")["Location"] == "/login/?next=/inbox/", "the session must not come back"


def test_a_fragment_sends_the_whole_page_to_sign_in(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    with later(hours=9):
        answer = browser.get("/inbox/", **HTMX)
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/login/?why=age&next=%2Finbox%2F%3Fpage%3D2"


def test_a_fragment_of_nobody_sends_the_whole_page_to_sign_in(devcloud: Any, browser: Client) -> None:
    answer = browser.get("/inbox/", **HTMX)
    assert answer["HX-Redirect"] == "/login/?next=%2Finbox%2F%3Fpage%3D2"


def test_a_fragment_can_not_name_another_site(devcloud: Any, browser: Client) -> None:
    answer = browser.get("/inbox/", **{**HTMX, "HTTP_HX_CURRENT_URL": "https://evil.example/x"})
    assert answer["HX-Redirect"] == "/login/?next=%2F"


def test_after_a_lost_form_one_comes_back_to_its_page(devcloud: Any, browser: Client) -> None:
    answer = browser.post("/inbox/", HTTP_REFERER="http://127.0.0.1:8000/inbox/?page=3")
    assert answer["Location"] == "/login/?next=%2Finbox%2F%3Fpage%3D3"


def test_a_spoilt_session_is_over(sign_in: Any, browser: Client) -> None:
    sign_in("ada")
    session = browser.session
    session["sign_in"] = {"signed_in_at": "not a time"}
    session.save()
    assert "why=age" in browser.get("/inbox/")["Location"]
