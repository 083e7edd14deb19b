"""The explorer: who may look, what each filter lets through, pages that never lose or repeat a row."""

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit_app import explorer, origin
from audit_app.explorer import Cursor
from audit_app.filters import EventFilter
from audit_app.models import Event
from audit_app.trail import Party, system
from tests.audit_app.trail_makers import ADA, MO, happened, many

pytestmark = pytest.mark.django_db
URL = "/audit/events/"
STAGE = "Manager: SSH to prod-web-01"


def asked(**filters: str) -> dict[str, Any]:
    form = EventFilter(filters)
    assert form.is_valid(), form.errors
    return form.cleaned_data


def found(**filters: str) -> list[Event]:
    return explorer.page(asked(**filters), Cursor()).events


@pytest.mark.parametrize("who", ["requester", "manager", "outsider"])
@pytest.mark.parametrize("name", ["events", "exports"])
def test_people_without_the_role_are_refused_in_words(
    people: Any, client_for: Any, who: str, name: str
) -> None:
    answer = client_for(people[who]).get(reverse(f"audit:{name}"))
    assert answer.status_code == 403
    assert "Latch.Auditor" in answer.content.decode(), "the refusal does not say what to do next"


@pytest.mark.parametrize("who", ["auditor", "administrator"])
def test_auditors_and_administrators_may_look(people: Any, client_for: Any, who: str) -> None:
    event = happened(why="Disk is full", story="request-7")
    answer = client_for(people[who]).get(URL)
    page = unescape(answer.content.decode())
    assert answer.status_code == 200
    for words in ("Asked for SSH to prod-web-01", "Ada Lindqvist", "Disk is full", event.correlation_id):
        assert words in page, f"{words!r} is not on the page"
    assert reverse("audit:story", args=["request-7"]) in page


def test_anonymous_is_sent_to_sign_in(client: Client) -> None:
    answer = client.get(URL)
    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login/")


@pytest.mark.parametrize(
    "filters",
    [
        {"actor": "lindq"},
        {"actor": ADA.id},
        {"subject": "petersen"},
        {"resource": "WEB-01"},
        {"kind": "request.submitted"},
        {"outcome": "refused"},
        {"address": "203.0.113.7"},
        {"correlation": "c0ffee"},
        {"story": "7"},
        {"story": "request-7"},
        {"q": "disk full"},
        {"q": "LINDQVIST ssh"},
        {"since": "2026-01-01T00:00", "until": "2126-01-01T00:00", "actor": "ada"},
    ],
)
def test_each_filter_lets_through_what_it_says_and_nothing_else(filters: dict[str, str]) -> None:
    with origin.origin("c0ffee", source_address="203.0.113.7"):
        wanted = happened(
            subject=MO,
            resource="prod-web-01",
            story="request-7",
            outcome="refused",
            why="The disk is full",
        )
    happened("policy.loaded", by=system("policy"), label="Policy", resource="other", story="request-8")
    assert found(**filters) == [wanted]


def test_period_is_read_as_utc_and_includes_its_ends(settings: Any) -> None:
    settings.TIME_ZONE = "Australia/Sydney"
    many(3, at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    last = found(since="2026-03-01T12:00", until="2026-03-01T12:00:01")
    assert [event.object_id for event in last] == ["1", "0"]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"since": "yesterday"}, "Write a date and a time"),
        ({"since": "2026-03-02T00:00", "until": "2026-03-01T00:00"}, "before the beginning"),
        ({"address": "300.1.1.1"}, "one whole address"),
        ({"kind": "nothing.known"}, "no kind of event"),
        ({"outcome": "maybe"}, "maybe"),
        ({"q": "x" * 201}, "200"),
        ({"q": "a\x00b"}, "Null characters"),
    ],
)
def test_bad_filter_is_said_on_its_field_and_loses_nothing(
    auditor: Any, client_for: Any, filters: dict[str, str], words: str
) -> None:
    happened()
    answer = client_for(auditor).get(URL, {**filters, "resource": "keep-me"})
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert words in page, "the message is missing"
    assert 'value="keep-me"' in page, "the other filter was lost"
    assert "Asked for SSH" not in page, "rows are shown under a filter that was not understood"


def walk(filters: dict[str, Any], way: str) -> list[int]:
    """All ids, page by page, the way a reader turns them."""
    seen: list[int] = []
    cursor = Cursor() if way == "older" else Cursor(after=1)
    for _ in range(1000):
        page = explorer.page(filters, cursor)
        ids = [event.id for event in page.events]
        seen += ids if way == "older" else ids[::-1]
        step = page.older_before if way == "older" else page.newer_after
        if step is None:
            return seen
        cursor = Cursor(before=step) if way == "older" else Cursor(after=step)
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("window", [7, 100_000])
@pytest.mark.parametrize("filters", [{}, {"q": "ticket"}, {"q": "refused-never"}, {"outcome": "refused"}])
def test_turning_pages_shows_every_row_once(
    filters: dict[str, str], window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer, "WINDOW", window)
    many(173)
    happened("request.lapsed", why="")
    matching = EventFilter(filters)
    assert matching.is_valid()
    wanted = [event.id for event in Event.objects.order_by("-id")]
    if "outcome" in filters:
        wanted = list(Event.objects.filter(outcome="refused").order_by("-id").values_list("id", flat=True))
    elif filters.get("q") == "ticket":
        wanted = wanted[1:]
    elif filters:
        wanted = []
    assert walk(matching.cleaned_data, "older") == wanted
    assert walk(matching.cleaned_data, "newer") == [pk for pk in reversed(wanted) if pk > 1]


@pytest.mark.parametrize("cursor", ["-1", "x", "9" * 40, "９", ""])
def test_a_broken_cursor_shows_the_newest(auditor: Any, client_for: Any, cursor: str) -> None:
    happened(why="The newest of all")
    answer = client_for(auditor).get(URL, {"before": cursor})
    assert "The newest of all" in answer.content.decode()


def test_queries_are_few_and_the_table_is_never_counted(administrator: Any, client_for: Any) -> None:
    client = client_for(administrator)
    many(120, subject_id=MO.id, subject_label=MO.label)
    client.get(URL)  # the first answer of a session also writes it
    everything = {"q": "ticket", "actor": "ada", "subject": "mo", "resource": "host", "outcome": "success"}
    for filters in ({}, {"q": "ticket"}, everything):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(URL, filters).status_code == 200
        statements = [query["sql"] for query in queries.captured_queries]
        assert len(statements) <= 9, f"{filters}: {len(statements)} queries\n" + "\n".join(statements)
        assert not any("COUNT(" in sql and "audit_app_event" in sql for sql in statements)


def test_labels_of_people_are_text_and_never_markup(auditor: Any, client_for: Any) -> None:
    happened(by=Party("t:o", "<script>alert(1)</script>"), label="<img src=x>", why="<b>bold</b>")
    page = client_for(auditor).get(URL).content.decode()
    for markup in ("<script>alert", "<img src=x>", "<b>bold"):
        assert markup not in page


def test_story_tells_every_step_with_all_that_was_recorded(auditor: Any, client_for: Any) -> None:
    first = happened(story="request-9", data={"duration_seconds": 1800, "rules": ["a", "b"]})
    happened("decision.approved", by=MO, subject=ADA, story="request-9", why="On call", label=STAGE)
    happened(story="request-10", why="Somebody else's")
    page = unescape(client_for(auditor).get("/audit/stories/request-9/").content.decode())
    for words in (
        "2 steps",
        "Asked for SSH",
        "Approved SSH to prod-web-01 for Ada Lindqvist, as “Manager”",
        "On call",
    ):
        assert words in page, f"{words!r} is missing"
    for words in ("Duration seconds", "1800", "a, b", first.correlation_id, str(first.uid)):
        assert words in page, f"{words!r} is not among the details"
    assert "Somebody else's" not in page


def test_story_nobody_told_is_not_found(auditor: Any, client_for: Any) -> None:
    assert client_for(auditor).get("/audit/stories/request-404/").status_code == 404


def test_story_is_refused_to_its_own_requester(requester: Any, client_for: Any) -> None:
    happened(by=requester.party, story="request-9")
    assert client_for(requester).get("/audit/stories/request-9/").status_code == 403


def test_rows_after_the_period_end_are_left_out() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    many(5, at=at)
    late = at + timedelta(seconds=2)
    assert len(found(until=late.isoformat(), q="ticket")) == 3
