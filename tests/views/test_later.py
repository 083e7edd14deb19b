"""Asking for later on the pages: what may be typed, what is shown before and after, and each refusal in words."""

from typing import Any
from uuid import uuid4

import pytest

from requests_app.models import AccessRequest
from tests.support.azure import REASON, SSH, active_stage, address_of
from tests.support.windows import (
    HOUR,
    KEY,
    activates,
    agreed,
    asked_for,
    grants_of,
    in_hours,
    on_the_hour,
    settle,
)

pytestmark = pytest.mark.django_db
NEW, PREVIEW = "/requests/new", "/requests/preview"


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def said(person: Any, **more: Any) -> dict[str, Any]:
    """What a browser posts of a form filled for a staging machine."""
    words = {"submission_key": str(uuid4()), "duration": "2h", "reason": REASON, "source": address_of(person)}
    return {"entitlement": KEY, "zone": "Europe/Amsterdam", **words, **more}


def typed(hours: float) -> str:
    """A time so many hours from now as the browser's field sends it, on an Amsterdam clock."""
    return f"{in_hours(hours).starts[0].astimezone().replace(tzinfo=None):%Y-%m-%dT%H:%M}"


def test_what_is_typed_is_meant_by_the_clock_of_who_typed_it(client_for: Any, requester: Any) -> None:
    form = said(requester, begins_at="2026-12-01T22:00", every="week", times="3")
    with on_the_hour() as move:
        move(in_hours(0).starts[0].replace(year=2026, month=11, day=28))
        answer = client_for(requester).post(NEW, form, follow=True)
    made = AccessRequest.objects.get()
    assert [f"{start:%m-%d %H:%M}" for start in made.starts] == ["12-01 21:00", "12-08 21:00", "12-15 21:00"]
    html = answer.content.decode()
    assert "3 times, every week" in html
    assert "Chosen by the clocks of Europe/Amsterdam" in html


BAD: list[tuple[str, dict[str, str], str, int]] = [
    ("no time", {"begins_at": "tomorrow"}, "Write a day and a time", 422),
    ("in the past", {"begins_at": "2020-01-01T10:00"}, "in the past", 403),
    ("too far ahead", {"begins_at": "2028-01-03T10:00"}, "ahead", 403),
    ("a time that does not come", {"begins_at": "2027-03-28T02:30"}, "02:30 does not come", 422),
    ("a time that comes twice", {"begins_at": "2027-10-31T02:30"}, "02:30 comes twice", 422),
    ("a zone nobody knows", {"begins_at": "2026-12-24T18:00", "zone": "Moon/Base"}, "is not known here", 422),
    ("a year beyond all", {"begins_at": "9999-12-31T23:59"}, "", 422),
    ("how often without when", {"every": "week", "times": "3"}, "when the first one begins", 422),
    ("how many without how often", {"begins_at": "2026-12-24T18:00", "times": "3"}, "Say how often", 422),
    (
        "how often without how many",
        {"begins_at": "2026-12-24T18:00", "every": "week"},
        "Say how many times",
        422,
    ),
    ("how often in other words", {"begins_at": "2026-12-24T18:00", "every": "hour"}, "", 422),
    ("no number", {"begins_at": "2026-12-24T18:00", "every": "week", "times": "many"}, "A whole number", 422),
    ("none at all", {"begins_at": "2026-12-24T18:00", "every": "week", "times": "0"}, "", 422),
    (
        "too many for policy",
        {"begins_at": "2026-12-24T18:00", "every": "day", "times": "13"},
        "12 times",
        403,
    ),
    (
        "each longer than until the next",
        {"begins_at": "2026-12-24T18:00", "every": "day", "times": "2", "duration": "25h"},
        "longer than the 8 h",
        403,
    ),
]


@pytest.mark.parametrize(("wrong", "words", "status"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_cannot_be_is_told_on_the_form_and_nothing_typed_is_lost(
    client_for: Any, requester: Any, wrong: dict[str, str], words: str, status: int
) -> None:
    answer = client_for(requester).post(NEW, said(requester, **wrong))
    html = answer.content.decode()
    assert answer.status_code == status
    assert words in html
    assert REASON in html
    assert f'value="{wrong.get("begins_at", "")}"' in html or "begins_at" not in wrong
    # The fields stand open, so that what is wrong is seen.
    assert '<details class="confirm later" id="later" open>' in html
    assert not AccessRequest.objects.exists()


def test_a_change_of_clocks_within_is_refused_by_name(client_for: Any, people: Any) -> None:
    with on_the_hour() as move:
        move(in_hours(0).starts[0].replace(year=2027, month=3, day=20))
        answer = client_for(people["requester"]).post(
            NEW, said(people["requester"], begins_at="2027-03-28T01:30", duration="2h")
        )
    html = answer.content.decode()
    assert answer.status_code == 403
    assert "The clocks in Europe/Amsterdam change between 01:30 and 04:30" in html
    assert "Choose a time before or after that change." in html


def test_the_preview_shows_every_window_before_it_is_asked_for(
    client_for: Any, requester: Any, clock: Any
) -> None:
    form = said(requester, zone="UTC", begins_at=typed(30), every="day", times="5")
    html = client_for(requester).post(PREVIEW, form).content.decode()
    assert html.count('<time data-when="time"') >= 5
    assert "All 5" in html
    assert "Once approved you have" not in html


def test_a_beginning_that_is_not_understood_does_not_look_like_now(client_for: Any, requester: Any) -> None:
    html = client_for(requester).post(PREVIEW, said(requester, begins_at="2026-1")).content.decode()
    assert "It begins at a time that is understood" in html


def test_what_can_be_had_now_alone_offers_nothing_later(client_for: Any, people: Any) -> None:
    form = client_for(people["requester"]).get(f"{NEW}?entitlement={KEY}").content.decode()
    assert "or several times" in form
    once = client_for(people["requester"]).get(f"{NEW}?entitlement={SSH}").content.decode()
    assert "Not now, but later" in once
    assert "or several times" not in once


def test_my_access_says_what_is_to_come_and_offers_it_when_it_begins(
    client_for: Any, people: Any, clock: Any
) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    browser = client_for(people["requester"])
    html = browser.get("/").content.decode()
    assert "Agreed to, for later" in html
    assert "Activate now" not in html
    clock(access_request.starts[0])
    html = client_for(people["requester"]).get("/").content.decode()
    assert "Activate now" in html
    assert "Agreed to, for later" in html, "the second window is still to come"


def test_the_page_of_a_request_leads_through_its_windows(
    client_for: Any, people: Any, azure: Any, clock: Any
) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=3))
    page = f"/requests/{access_request.pk}/"

    def look() -> str:
        return client_for(people["requester"]).get(page).content.decode()

    html = look()
    assert "Get the code ahead" in html
    assert "Activate now" not in html
    clock(access_request.starts[0])
    assert "Activate now" in look()
    activates(people, access_request)
    settle()
    html = look()
    assert "Get the code ahead" in html, "of the next window"
    assert "Extend" not in html
    clock(access_request.starts[0] + HOUR)
    settle()
    assert [grant.state for grant in grants_of(access_request)] == ["closed", "issued", "issued"]
    assert look().count("To come") == 2


def test_a_code_got_ahead_says_from_when_it_is_good(client_for: Any, people: Any, clock: Any) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=2))
    html = client_for(people["requester"]).post(f"/requests/{access_request.pk}/code").content.decode()
    assert "for you alone, from" in html
    assert "Activate now" not in html


def test_who_decides_sees_when_it_begins(client_for: Any, people: Any, clock: Any) -> None:
    access_request = asked_for(people, in_hours(9, every="week", times=3))
    assert active_stage(access_request)
    for page in ("/inbox/", f"/requests/{access_request.pk}/"):
        html = client_for(people["manager"]).get(page).content.decode()
        assert "every week, 3 times" in html


def test_queries_do_not_grow_with_the_windows(
    client_for: Any, people: Any, clock: Any, django_assert_max_num_queries: Any
) -> None:
    access_request = agreed(people, in_hours(9, every="day", times=12))
    browser = client_for(people["requester"])
    for page, most in (("/", 22), (f"/requests/{access_request.pk}/", 32)):
        with django_assert_max_num_queries(most):
            assert browser.get(page).status_code == 200
