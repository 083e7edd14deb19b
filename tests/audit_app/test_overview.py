"""The overview: figures counted from the trail, each against a story told by hand; pictures with a table behind."""

import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import time_machine
from django.db import transaction

from audit_app.parties import About
from audit_app.pictures import board, draw
from audit_app.pictures import doors as latest
from audit_app.pictures.bars import Bar, bars
from audit_app.pictures.doors import Door
from audit_app.pictures.figures import PERIOD, figures
from audit_app.reviews import campaign
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


def covered(spans: list[tuple[datetime, datetime]]) -> timedelta:
    """How much time lies in at least one of these spans, counted one by one: what the database's sum is held against."""
    total, reached = timedelta(0), None
    for begin, end in sorted(spans):
        begin = begin if reached is None else max(begin, reached)
        if end > begin:
            total += end - begin
            reached = end
    return total


@pytest.mark.parametrize(
    ("spans", "minutes"),
    [
        ([(0, 10)], 10),
        ([(0, 10), (20, 30)], 20),
        ([(0, 10), (5, 15)], 15),
        ([(0, 30), (5, 15)], 30),
        ([(5, 15), (0, 30), (29, 40)], 40),
        ([(0, 30), (5, 15), (16, 20)], 30),
        ([(10, 10)], 0),
    ],
)
def test_time_in_which_two_doors_were_open_counts_once(spans: list[tuple[int, int]], minutes: int) -> None:
    for number, (begin, end) in enumerate(spans):
        opened(
            NOW - HOUR + begin * MINUTE, (end - begin) * MINUTE, grant=f"g{number}", story=f"request-{number}"
        )
    (one,) = figures(NOW).exposure
    assert (one.openings, one.open_now, one.minutes) == (len(spans), 0, minutes)
    assert covered([(NOW + begin * MINUTE, NOW + end * MINUTE) for begin, end in spans]) == minutes * MINUTE


def test_the_databases_sums_are_those_of_counting_one_by_one() -> None:
    chance = Random(4)
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for number in range(150):
        resource, begin = chance.choice("abc"), NOW - timedelta(seconds=chance.randrange(86_400))
        lasting = None if number % 30 == 0 else timedelta(seconds=chance.randrange(7200))
        opened(begin, lasting, grant=f"g{number}", story=f"request-{number}", resource=resource)
        spans.setdefault(resource, []).append((begin, NOW if lasting is None else begin + lasting))
    found = {one.resource: (one.openings, one.minutes) for one in figures(NOW).exposure}
    wanted = {name: (len(times), covered(times) / MINUTE) for name, times in spans.items()}
    assert found == {name: (count, pytest.approx(minutes)) for name, (count, minutes) in wanted.items()}
    assert figures(NOW).open_now == 5


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


def test_a_grant_that_was_opened_again_is_closed_by_the_closing_that_follows() -> None:
    opened(NOW - 5 * HOUR, 10 * MINUTE)
    opened(NOW - 3 * HOUR, 20 * MINUTE)
    opened(NOW - 1 * HOUR, None)
    (one,) = figures(NOW).exposure
    assert (one.openings, one.open_now, one.minutes) == (3, 1, 90)
    assert [door.closed_at for door in figures(NOW).doors] == [
        None,
        NOW - 3 * HOUR + 20 * MINUTE,
        NOW - 5 * HOUR + 10 * MINUTE,
    ]


def test_only_the_latest_doors_are_shown_and_all_that_are_open_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latest, "MOST_DOORS", 2)
    for number in range(3):
        opened(NOW - number * HOUR, None, grant=f"g{number}", story=f"request-{number}")
    found = figures(NOW + MINUTE)
    assert [door.grant for door in found.doors] == ["g0", "g1"]
    assert found.open_now == 3


def test_what_is_asked_for_most_stands_first_and_a_bundle_counts_for_each_of_its_resources() -> None:
    told(NOW, "request.submitted", resource="web, db")
    told(NOW, "request.submitted", resource="db", story="request-2")
    told(NOW, "grant.opened", resource="web")
    found = figures(NOW + MINUTE).wanted
    assert [(one.resource, one.asked, one.opened, one.people) for one in found] == [
        ("db", 2, 0, 1),
        ("web", 1, 1, 1),
    ]


def test_each_approval_is_counted_with_those_that_took_as_long() -> None:
    for number, minutes in enumerate((0, 4, 5, 59, 60, 239, 240, 2000)):
        story = f"request-{number}"
        told(NOW - 40 * HOUR, "request.submitted", story=story)
        told(NOW - 40 * HOUR + minutes * MINUTE, "request.approved", story=story)
    found = figures(NOW)
    assert found.took == [2, 1, 1, 2, 1, 1]
    picture = board.took(found)
    assert picture
    assert picture.rows[0] == ("under 5 min", "2", "25 %")
    assert str(picture.drawn).count('class="pic-door"') == 6


def test_a_bar_is_as_long_as_its_part_of_the_whole_and_says_its_words() -> None:
    found = [Bar("<web>", 50, 100, "50 of 100"), Bar("n" * 80, 0, 100, "none"), Bar("tiny", 1, 100_000, "1")]
    svg = str(bars("Half", found, wholes=True))
    widths = re.findall(r'class="pic-door" x="0" y="\d+" width="([\d.]+)"', svg)
    assert [float(width) for width in widths] == [170, 0, 2], "what is there at all can be seen"
    assert svg.count('class="pic-whole"') == 3
    assert "&lt;web&gt;" in svg
    assert "50 of 100" in svg
    assert "n" * 60 not in svg.partition("<title>")[0]
    assert "style=" not in svg, "the content policy refuses inline style"


def test_exposure_is_drawn_against_always_open_and_the_table_says_the_same() -> None:
    opened(NOW - 72 * HOUR, 72 * HOUR)
    picture = board.exposure(figures(NOW))
    assert picture
    assert picture.table == [
        [("Resource", "web"), ("Openings", "1"), ("Minutes open", "4,320"), ("Shut, of the time", "90.00 %")]
    ]
    assert 'width="34.0"' in str(picture.drawn), "a tenth of all that it could be"
    assert "4,320 min, 90.00 % shut" in str(picture.drawn)


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
    told(now() - HOUR, "request.approved")
    told(now() - HOUR, "request.refused", outcome="refused", data={"check": "duration"})
    moment = now()
    wanted = {"source": "eligibility", "scope": {}, "starts_at": moment, "due_at": moment + timedelta(days=7)}
    campaign.begin(campaign.plan(by=people["administrator"].party, title="Production", **wanted).pk)
    with django_assert_max_num_queries(15):
        page = client.get("/audit/").content.decode()
    drawn = re.findall(r'<svg class="picture[^"]*"[^>]* aria-label="([^"]+)"', page)
    assert drawn == [
        "Open windows of the last 24 hours",
        "Requests by hour and weekday",
        "Minutes open, against always open",
        "Requests by resource",
        "Approvals by how long they took",
        "Refusals by check",
        "Reviews, by how much is decided",
    ]
    assert page.count("The same as a table") == 6
    assert "0 of " in page
