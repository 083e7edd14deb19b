"""Every address of the site against everybody: who is let in, who is sent away, and that looking changes nothing.

The addresses come from the site's own table: one that is added there fails here until it has a row in url_rows.py.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from audit_app import exports
from audit_app.clock import now
from audit_app.models import Alert, Event, ExportSchedule
from audit_app.reviews import campaign
from requests_app.actions.take_away import take_away
from requests_app.models import Entitlement, TakenAway
from tests.support.azure import activated, active_stage, approved, asked, read_back
from tests.support.clients import signed_in
from tests.url_rows import ADMIN_READERS, ADMIN_TABLES, PERSONS, READ, ROWS, Row

pytestmark = pytest.mark.django_db

# What every answer carries, whoever gets it.
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# What any cache may keep: the public keys, and which codes are revoked.
FOR_CACHES = (
    "/.well-known/jwks.json",
    "/.well-known/trail-jwks.json",
    "/.well-known/latch-status/0",
    "/admin/jsi18n/",
)


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """Every address the site answers, as its own table writes it."""
    for pattern in resolver.url_patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, here)
        else:
            yield here


class Things(dict[str, Any]):
    """What the addresses are about: four requests of the requester's, a stage, an export, a review, an event."""

    def __init__(self, people: Any) -> None:
        waiting = asked(people["requester"])
        made = exports.start(by=people["auditor"].party, of=exports.dataset("events"), filters={})
        super().__init__(
            waiting=waiting.pk,
            ready=approved(people, key="prod-web-02-ssh").pk,
            opening=activated(people, key="prod-web-03-ssh").access_request_id,
            open=read_back(activated(people, key="prod-app-01-ssh")).access_request_id,
            oid=people["requester"].oid,
            stage=active_stage(waiting).pk,
            export=made.uid,
            regular=_regular(people).pk,
            alert=Alert.objects.create(rule="drift", cause="x", sentence="x", raised_at=now()).pk,
            event=Event.objects.latest("id").uid,
            **_review(people),
        )


def _regular(people: Any) -> ExportSchedule:
    moment = now()
    return ExportSchedule.objects.create(
        dataset="events",
        every="daily",
        since=moment,
        next_at=moment + timedelta(days=1),
        made_by_id=people["administrator"].identity,
        made_by_label="Adm",
        created_at=moment,
    )


def _review(people: Any) -> dict[str, Any]:
    """A campaign that runs, a row of it that waits for the requester's manager, a right that was taken away."""
    moment = now()
    review = campaign.plan(
        by=people["administrator"].party,
        title="Production",
        source="eligibility",
        scope={},
        starts_at=moment,
        due_at=moment + timedelta(days=7),
    )
    campaign.begin(review.pk)
    row = review.items.filter(person_id=people["requester"].identity).first()
    entitlement = Entitlement.objects.get(key="stg-web-01-ssh")
    take_away(
        by=people["manager"].party,
        person=people["yuki"],
        entitlement=entitlement,
        why="Not needed",
        origin=review.story,
    )
    return {"review": review.uid, "row": row.pk, "taken": TakenAway.objects.get().pk}


class Asker:
    """One person's browser, which forgets what an answer did: every answer is to the same situation."""

    def __init__(self, person: Any) -> None:
        self.client = Client(REMOTE_ADDR="81.2.69.99") if person is None else signed_in(person)
        self.cookies = deepcopy(self.client.cookies)

    def ask(self, method: str, address: str, data: dict[str, str] | None = None) -> Any:
        self.client.cookies = deepcopy(self.cookies)
        with transaction.atomic():
            answer = self.client.generic(method, address) if data is None else self.client.post(address, data)
            answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            self.changed = rows_of_everything() if method == "GET" else {}
            transaction.set_rollback(True)
        return answer


def rows_of_everything() -> dict[str, int]:
    """How many rows every table has, sessions apart: being here is noted there."""
    tables = {model._meta.label: model._meta.db_table for model in apps.get_models() if model is not Session}
    counts = ", ".join(f'(SELECT count(*) FROM "{table}")' for table in tables.values())
    with connection.cursor() as cursor:
        # In one question: it is asked after every look at every page.
        cursor.execute(f"SELECT {counts}")
        return dict(zip(tables, cursor.fetchone(), strict=True))


def said(answer: Any) -> str:
    """An answer as the rows write it."""
    if answer.status_code != 302:
        return str(answer.status_code)
    path = answer["Location"].split("?")[0]
    if path == "/admin/login/":
        return "door"
    return "in" if path == "/login/" else "on"


class Outline(HTMLParser):
    """The parts of a page that every page has."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.headings = 0
        self.title = self.language = ""
        self._in_title = False
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.headings += tag == "h1"
        self._in_title = tag == "title" and not self.title
        if tag == "html":
            self.language = dict(attrs).get("lang") or ""

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        self.title += data.strip() if self._in_title else ""


def faults_of_page(answer: Any) -> Iterator[str]:
    """What a page lacks that every page has; nothing of an answer that is no whole page."""
    if "text/html" not in answer.get("Content-Type", "") or b"<html" not in answer.body:
        return
    outline = Outline(answer.body)
    if outline.headings != 1:
        yield f"{outline.headings} main headings"
    if not outline.title:
        yield "no title"
    if not outline.language.lower().startswith("en"):
        yield f"language {outline.language!r}"


def faults_of_headers(answer: Any, address: str) -> Iterator[str]:
    """What an answer lets a browser do that it should not."""
    for name, value in HEADERS.items():
        if answer.get(name) != value:
            yield f"{name} is {answer.get(name)!r}"
    policy = answer.get("Content-Security-Policy", "")
    if "frame-ancestors 'none'" not in policy or "default-src 'none'" not in policy:
        yield f"the content policy is {policy!r}"
    if not address.startswith("/admin/") and re.search(r"unsafe|nonce|\*|https?:(?!//127)", policy):
        yield f"the content policy is not strict: {policy!r}"
    if address not in FOR_CACHES and "no-store" not in answer.get("Cache-Control", ""):
        yield f"a cache may keep it: {answer.get('Cache-Control')!r}"


def test_every_address_of_the_site_has_a_row() -> None:
    there = {route for route in routes(get_resolver()) if not route.startswith(tuple(ADMIN_TABLES))}
    assert there - set(ROWS) == set(), "these addresses have no row in tests/url_rows.py"
    assert set(ROWS) - there == set(), "these rows are about no address of the site"


def test_every_table_of_the_admin_has_a_row() -> None:
    tables = {
        match[0]
        for route in routes(get_resolver())
        if (match := re.match(r"admin/(?!password)[a-z_]+/[a-z]+/", route))
    }
    assert tables == set(ADMIN_TABLES), "tables of the admin and tests/url_rows.py differ"


def mistakes(asker: Asker, person: str, method: str, rows: dict[str, Row], things: Things) -> list[str]:
    """Every way in which an answer differs from its row, or from what every answer is."""
    before, found = rows_of_everything(), []
    for route, row in rows.items():
        address = row.example.format(**things)
        expected = dict(zip(PERSONS, (row.get if method == "GET" else row.post).split(), strict=True))[person]
        data = {name: value.format(**things) for name, value in row.data.items()}
        answer = asker.ask(method, address, data if method == "POST" else None)
        wrong = [*faults_of_page(answer), *faults_of_headers(answer, address)]
        if said(answer) != expected:
            wrong.append(f"answered {said(answer)}, should be {expected}")
        if method == "GET" and asker.changed != before and not row.get_writes:
            grown = {name: (before[name], now) for name, now in asker.changed.items() if now != before[name]}
            wrong.append(f"looking changed {grown}")
        found += [f"{method} {address} as {person} ({route}): {words}" for words in wrong]
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("person", PERSONS)
def test_address_answers_everybody_as_its_row_says(
    person: str, method: str, people: Any, policy: Any
) -> None:
    things = Things(people)
    asker = Asker(None if person == "anonymous" else people[person])
    found = mistakes(asker, person, method, ROWS, things)
    assert not found, "\n".join(found)


def admin_rows() -> dict[str, Row]:
    """The addresses of every table of the admin, about the first row each has."""
    rows = {}
    for prefix, table in ADMIN_TABLES.items():
        model = apps.get_model(*prefix.split("/")[1:3])
        first = model._base_manager.first()
        for action, there, gone in table:
            address = f"/{prefix}{action.format(first.pk if first else 0)}"
            administrator = there if first else gone
            rows[address] = Row(address, f"in door door door door {administrator}")
    return rows


@pytest.mark.parametrize("person", ADMIN_READERS)
def test_admin_is_for_administrators_alone(person: str, people: Any, policy: Any) -> None:
    things = Things(people)
    asker = Asker(None if person == "anonymous" else people[person])
    found = mistakes(asker, person, "GET", admin_rows(), things)
    assert not found, "\n".join(found)


def test_administrator_cannot_write_what_is_for_reading(people: Any, policy: Any) -> None:
    Things(people)
    client = signed_in(people["administrator"])
    for prefix in (prefix for prefix, table in ADMIN_TABLES.items() if table is READ):
        rows = apps.get_model(*prefix.split("/")[1:3])._base_manager.order_by("pk")
        before = list(rows.values())
        first = rows.first()
        pk = first.pk if first else 0
        for address in ("add/", f"{pk}/delete/", f"{pk}/change/"):
            client.post(f"/{prefix}{address}", {"post": "yes", "state": "open"})
        client.post(f"/{prefix}", {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
        assert list(rows.values()) == before, f"/{prefix} let an administrator write"


@pytest.mark.parametrize("door", ["/logout/", "/admin/logout/"])
def test_signing_out_does_not_lead_back_in_at_once(door: str, people: Any) -> None:
    assert signed_in(people["administrator"]).post(door)["Location"] == "/login/?why=signed-out"
