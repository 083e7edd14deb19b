"""The overview: figures counted from the trail, each against a story told by hand; pictures with a table behind."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction

from audit_app.parties import About
from audit_app.pictures import draw
from audit_app.pictures.figures import PERIOD, Door, covered, figures
from audit_app.trail import record
from tests.audit_app.trail_makers import ADA, MO

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def told(
    at: datetime, kind: str, *, grant: str = "g", resource: str = "web", story: str = "request-1", **more: Any
) -> None:
    about = About("grant", grant, f"SSH to {resource}", resource=resource, subject=ADA, story=story)
    with time_machine.travel(at, tick=False), transaction.atomic():
        record(kind, by=MO, about=about, **more)


def opened(at: datetime, lasting: timedelta | None, **more: Any) -> None:
    told(at, "grant.opened", **more)
    if lasting is not None:
        told(at + lasting, "grant.closed", **more)


@pytest.mark.parametrize(
    ("spans", "minutes"),
    [
        ([], 0),
        ([(0, 10)], 10),
        ([(0, 10), (20, 30)], 20),
        ([(0, 10), (5, 15)], 15),
        ([(0, 30), (5, 15)], 30),
        ([(5, 15), (0, 30), (29, 40)], 40),
        ([(10, 10)], 0),
    ],
)
def test_time_in_which_two_doors_were_open_counts_once(spans: list[tuple[int, int]], minutes: int) -> None:
    at = [(NOW + begin * MINUTE, NOW + end * MINUTE) for begin, end in spans]
    assert covered(at) == minutes * MINUTE


def test_exposure_is_minutes_open_against_always_open() -> None:
    opened(NOW - 5 * HOUR, 30 * MINUTE, grant="a")
    opened(NOW - 5 * HOUR + 20 * MINUTE, 30 * MINUTE, grant="b", story="request-2")
    opened(NOW - 72 * MINUTE, None, grant="c", story="request-3", resource="db")
    found = figures(NOW)
    by_name = {one.resource: one for one in found.exposure}
    assert (by_name["web"].openings, by_name["web"].minutes) == (2, 50)
    assert by_name["db"].minutes == 72
    assert by_name["db"].share == pytest.approx(72 * MINUTE / PERIOD)
    assert found.reduced == pytest.approx(100 * (1 - (50 + 72) / 2 * MINUTE / PERIOD))
    assert [one.resource for one in found.exposure] == ["db", "web"]


def test_the_last_day_shows_what_was_open_in_it_and_no_more() -> None:
    opened(NOW - 30 * HOUR, HOUR, grant="over")
    opened(NOW - 26 * HOUR, 4 * HOUR, grant="reaches in", story="request-2")
    opened(NOW - HOUR, None, grant="open", story="request-3")
    assert [door.grant for door in figures(NOW).doors] == ["open", "reaches in"]


def test_requests_refusals_and_how_long_approval_took_are_counted() -> None:
    for number, minutes in enumerate((2, 4, 20)):
        story = f"request-{number}"
        told(NOW - HOUR, "request.submitted", story=story)
        told(NOW - HOUR + minutes * MINUTE, "request.approved", story=story)
    for _ in range(2):
        told(NOW, "request.refused", outcome="refused", data={"check": "duration"})
    told(NOW, "decision.refused", outcome="refused")
    found = figures(NOW + MINUTE)
    assert (found.requests, found.decided, found.median) == (3, 3, 4 * MINUTE)
    assert found.hours == {(3, 11): 3}
    assert found.refusals == [("duration", 2), ("decision.refused", 1)]


def test_a_picture_has_a_bar_for_each_door_and_the_open_one_reaches_the_edge() -> None:
    doors = [
        Door("1", "SSH to <web>", "web", "Ada", "request-1", NOW - HOUR, None),
        Door("2", "SSH to db", "db", "Mo", "request-2", NOW - 30 * HOUR, NOW - 20 * HOUR),
    ]
    svg = str(draw.doors(doors, NOW, "UTC"))
    bars = re.findall(r'<rect class="(pic-\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"', svg)
    assert [kind for kind, _, _ in bars] == ["pic-open", "pic-door"]
    (_, x, width), (_, begin, _) = bars
    assert float(x) + float(width) == pytest.approx(952, abs=1)
    assert float(begin) == 190, "what began before the day begins at its edge"
    assert "&lt;web&gt;" in svg
    assert "style=" not in svg, "the content policy refuses inline style"


def test_the_fullest_hour_is_the_darkest_and_each_cell_says_its_number() -> None:
    svg = str(draw.week({(1, 9): 10, (5, 17): 1}))
    assert svg.count("<rect") == 7 * 24
    assert 'class="pic-shade-5"' in svg
    assert "Mon 09:00: 10 requests" in svg
    assert "Fri 17:00: 1 request<" in svg


def test_the_page_answers_with_and_without_a_past(
    client_for: Any, people: Any, policy: Any, django_assert_max_num_queries: Any
) -> None:
    client = client_for(people["auditor"])
    assert "Nothing was open in the last 24 hours" in client.get("/audit/").content.decode()
    from audit_app.clock import now

    opened(now() - HOUR, None)
    told(now() - HOUR, "request.submitted")
    with django_assert_max_num_queries(14):
        page = client.get("/audit/").content.decode()
    assert "<svg" in page
    assert "The same as a table" in page
