"""Who is on call: a list of people, or a calendar read over HTTP; what can not be read lets nobody decide."""

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from requests_app import attention, calendars, directory, rotas
from requests_app.actions.policy import load
from requests_app.models import Person, Rota, Shift, Stage
from tests.support.azure import active_stage, asked
from tests.support.environment import ORGANISATION

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Feed:
    """What the calendar's address answers."""

    status = 200
    body = b""
    headers: dict[str, str] = {}
    url = ""


@pytest.fixture
def feed() -> Iterator[Feed]:
    """A calendar behind an address of this machine."""
    answers = Feed()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers.status)
            for name, value in answers.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answers.body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answers.url = f"http://127.0.0.1:{server.server_port}/rota.ics"
        yield answers
        server.shutdown()


def calendar(*events: str) -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//",
        *"\n".join(events).split("\n"),
        "END:VCALENDAR",
    ]
    return "\r\n".join(lines).encode()


def event(who: str, start: str, end: str, *more: str) -> str:
    return "\n".join(
        [
            "BEGIN:VEVENT",
            f"UID:{who}-{start}",
            f"DTSTART{start}",
            f"DTEND{end}",
            f"ATTENDEE;CN=Somebody:mailto:{who}",
            "SUMMARY:On call",
            *more,
            "END:VEVENT",
        ]
    )


def read(feed: Feed, at: datetime = NOON) -> list[calendars.Entry]:
    return calendars.read(feed.url, since=at - timedelta(hours=1), until=at + timedelta(days=2))


def test_a_week_that_repeats_is_unfolded_in_its_own_time_zone(feed: Feed) -> None:
    berlin = ";TZID=Europe/Berlin"
    feed.body = calendar(
        event("mo@x.example", f"{berlin}:20261018T080000", f"{berlin}:20261018T200000", "RRULE:FREQ=DAILY")
    )
    found = read(feed)
    # Berlin left summer time on 25 October: eight in the morning is seven in UTC.
    assert found[0] == calendars.Entry(
        "mo@x.example", datetime(2026, 11, 25, 7, tzinfo=UTC), datetime(2026, 11, 25, 19, tzinfo=UTC)
    )
    assert len(found) == 3


def test_what_was_called_off_and_what_names_nobody_counts_for_nothing(feed: Feed) -> None:
    times = (":20261125T000000Z", ":20261126T000000Z")
    feed.body = calendar(
        event("mo@x.example", *times, "STATUS:CANCELLED"),
        event("sol@x.example", *times).replace("mailto:sol@x.example", "urn:uuid:1"),
    )
    assert read(feed) == []


def test_days_without_times_are_days_of_utc(feed: Feed) -> None:
    feed.body = calendar(event("Mo@X.example", ";VALUE=DATE:20261125", ";VALUE=DATE:20261126"))
    (found,) = read(feed)
    assert (found.who, found.starts_at, found.ends_at) == (
        "mo@x.example",
        datetime(2026, 11, 25, tzinfo=UTC),
        datetime(2026, 11, 26, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (500, b"", {}, "answered 500"),
        (302, b"", {"Location": "http://169.254.169.254/"}, "answered 302"),
        (200, b"<html>not found</html>", {}, "no calendar"),
        (200, b"x" * (calendars.LARGEST + 1), {}, "larger than 2 MB"),
    ],
    ids=["error", "redirect", "no calendar", "endless"],
)
def test_what_is_no_calendar_is_said(
    feed: Feed, status: int, body: bytes, headers: dict[str, str], words: str
) -> None:
    feed.status, feed.body, feed.headers = status, body, headers
    with pytest.raises(calendars.Unreadable, match=words):
        read(feed)


def test_an_address_nobody_answers_at_is_said() -> None:
    with pytest.raises(calendars.Unreadable, match="did not answer"):
        calendars.read("http://127.0.0.1:9/rota.ics", since=NOON, until=NOON)


def in_force(administrator: Person, rota: str) -> None:
    """The demo's policy, its managers' stage decided by whoever is on call by this rota."""
    files = sorted((ORGANISATION / "policy").glob("*.yaml"))
    documents = {path.name: path.read_text(encoding="utf-8") for path in files}
    stages = documents["stages.yaml"].replace("approvers: manager", "approvers: {on_call: test-night}", 1)
    assert stages != documents["stages.yaml"]
    documents["stages.yaml"] = (
        stages.replace("on_call:\n", f"on_call:\n  test-night: {rota}\n", 1)
        if "on_call:\n" in stages
        else stages + f"on_call:\n  test-night: {rota}\n"
    )
    load(by=administrator.party, documents=documents)


def test_whoever_is_on_the_list_decides(people: Any, policy: Any, administrator: Person) -> None:
    in_force(administrator, f"{{people: [{people['director'].oid}, {people['disabled'].oid}]}}")
    rotas.refresh()
    stage = active_stage(asked(people["requester"]))
    assert stage in attention.inbox(people["director"])
    assert stage not in attention.inbox(people["manager"])
    assert directory.person_facts(people["director"], now()).on_call >= {"test-night"}


def test_whoever_the_calendar_says_decides_for_the_time_it_says(
    people: Any, policy: Any, administrator: Person, feed: Feed
) -> None:
    moment = now()
    shift = [f":{at:%Y%m%dT%H%M%SZ}" for at in (moment - timedelta(hours=1), moment + timedelta(hours=1))]
    feed.body = calendar(
        event(people["director"].user_principal_name.upper(), *shift), event("unknown@x.example", *shift)
    )
    in_force(administrator, f"{{calendar: '{feed.url}'}}")
    assert rotas.refresh() >= 1
    stage = active_stage(asked(people["requester"]))
    assert stage in attention.inbox(people["director"])
    with time_machine.travel(moment + timedelta(hours=1, seconds=1), tick=False):
        Person.objects.update(directory_read_at=now())
        assert stage not in attention.inbox(Person.objects.get(pk=people["director"].pk))


def test_a_calendar_that_can_not_be_read_grows_old_and_then_nobody_is_on_call(
    people: Any, policy: Any, administrator: Person, feed: Feed
) -> None:
    moment = now()
    shift = [f":{at:%Y%m%dT%H%M%SZ}" for at in (moment - timedelta(hours=1), moment + timedelta(hours=9))]
    feed.body = calendar(event(people["director"].user_principal_name, *shift))
    in_force(administrator, f"{{calendar: '{feed.url}'}}")
    rotas.refresh()
    feed.status = 500
    rotas.refresh()
    row = Rota.objects.get(name="test-night")
    assert row.error == "It answered 500."
    assert directory.on_call(now()).filter(rota=row).count() == 1, "what was read last still holds"
    with time_machine.travel(moment + timedelta(minutes=61), tick=False):
        assert not directory.on_call(now()).filter(rota=row).exists()


def test_a_rota_policy_no_longer_names_is_gone(people: Any, policy: Any, administrator: Person) -> None:
    in_force(administrator, f"{{people: [{people['director'].oid}]}}")
    rotas.refresh()
    Stage.objects.all().delete()
    files = sorted((ORGANISATION / "policy").glob("*.yaml"))
    load(by=administrator.party, documents={path.name: path.read_text(encoding="utf-8") for path in files})
    rotas.refresh()
    assert not Shift.objects.filter(rota__name="test-night").exists()
