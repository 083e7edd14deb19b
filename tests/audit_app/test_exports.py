"""Exports: begun by a POST that stands in the trail, streamed whole, filtered exactly, harmless in a spreadsheet."""

import csv
import io
import tracemalloc
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from audit_app import exports, origin
from audit_app.filters import EventFilter
from audit_app.models import Event, Export, ExportRun
from audit_app.trail import Party
from tests.audit_app.trail_makers import ADA, happened, many

pytestmark = pytest.mark.django_db
DANGEROUS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", '=HYPERLINK("http://x","y")')


def post(client: Client, dataset: str = "events", **filters: str) -> Any:
    return client.post("/audit/exports/new", {"dataset": dataset, **filters})


def download(client: Client, dataset: str = "events", **filters: str) -> list[dict[str, str]]:
    answer = post(client, dataset, **filters)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return rows(client.get(answer.headers["Location"]).getvalue())


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8"), newline="")))


def test_export_holds_exactly_the_filtered_rows_oldest_first(auditor: Any, client_for: Any) -> None:
    many(40)
    found = download(client_for(auditor), kind="grant.opened", outcome="success", resource="host-0")
    wanted = Event.objects.filter(kind="grant.opened", outcome="success", resource_label__startswith="host-0")
    assert [row["event"] for row in found] == [str(event.uid) for event in wanted.order_by("id")]
    assert len(found) > 2, "the test filtered everything away"


def test_export_is_recorded_in_the_trail_and_does_not_hold_itself(auditor: Any, client_for: Any) -> None:
    happened(why="Before")
    client = client_for(auditor)
    answer = post(client, actor="ada")
    event = Event.objects.get(kind="export.started")
    made = Export.objects.get()
    assert (event.actor_id, event.object_id) == (auditor.identity, str(made.uid))
    assert event.data == {"dataset": "events", "filters": {"actor": "ada"}, "form": "csv"}
    happened(why="After")
    assert [row["why"] for row in rows(client.get(answer.headers["Location"]).getvalue())] == ["Before"]


def test_export_that_can_not_be_recorded_does_not_exist(
    auditor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("no trail")

    monkeypatch.setattr(exports, "record", fails)
    with pytest.raises(RuntimeError), transaction.atomic():
        exports.start(by=auditor.party, of=exports.dataset("events"), filters={})
    assert not Export.objects.exists()


def test_finished_export_knows_its_rows(auditor: Any, client_for: Any) -> None:
    many(7)
    download(client_for(auditor))
    made = Export.objects.get()
    assert made.rows == 7
    assert made.finished_at is not None


def test_every_cell_that_a_spreadsheet_would_calculate_is_guarded(auditor: Any, client_for: Any) -> None:
    for text in DANGEROUS:
        with origin.origin(text[:40]):
            happened(by=Party("t:o", text), label=text, resource=text, why=text)
    found = download(client_for(auditor))
    columns = ("actor", "object", "resource", "why", "correlation_id")
    for row, text in zip(found, DANGEROUS, strict=True):
        for column in columns:
            assert row[column] == "'" + text, f"{column} holds {row[column]!r} unguarded"
    for row in found:
        for column, cell in row.items():
            assert not cell or cell[0] not in "=+-@\t\r\n＝＋－＠", f"{column}: {cell!r} is a formula"


def test_harmless_text_is_as_it_was_written(auditor: Any, client_for: Any) -> None:
    text = 'Zoë said: "disk, full"\nand = is no formula here; 100 % of it'
    happened(why=text, data={"a": {"b": [1, None, "ü"]}})
    row = download(client_for(auditor))[0]
    assert row["why"] == text
    assert row["data"] == '{"a": {"b": [1, null, "ü"]}}'
    assert row["at"].endswith("Z"), row["at"]
    assert row["at"][10] == "T", row["at"]


def test_lines_end_as_rfc_4180_says_and_the_header_comes_first(auditor: Any, client_for: Any) -> None:
    happened()
    client = client_for(auditor)
    answer = client.get(post(client).headers["Location"])
    lines = answer.getvalue().split(b"\r\n")
    assert lines[0].startswith(b"number,event,at,kind,outcome,actor,")
    assert lines[-1] == b"", "the last line is not ended"
    assert len(lines) == 3
    assert answer.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="events-')
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/audit/exports/new", "/audit/exports/new?dataset=events"])
def test_nothing_is_exported_by_get(auditor: Any, client_for: Any, path: str) -> None:
    assert client_for(auditor).get(path).status_code == 405
    assert not Export.objects.exists()


def test_address_nobody_posted_for_is_not_found(auditor: Any, client_for: Any) -> None:
    address = "/audit/exports/7b0fd1f6-5d5b-4a6e-9a5c-0f3f8d0f4a11/file"
    assert client_for(auditor).get(address).status_code == 404


@pytest.mark.parametrize("who", ["requester", "manager", "outsider"])
def test_others_can_neither_start_nor_fetch(people: Any, auditor: Any, client_for: Any, who: str) -> None:
    happened(why="Secret")
    address = post(client_for(auditor)).headers["Location"]
    other = client_for(people[who])
    assert post(other).status_code == 403
    assert other.get(address).status_code == 403
    assert Export.objects.count() == 1


def test_anonymous_can_neither_start_nor_fetch(auditor: Any, client_for: Any, client: Client) -> None:
    address = post(client_for(auditor)).headers["Location"]
    assert client.get(address).headers["Location"].startswith("/login/")
    assert post(client).headers["Location"].startswith("/login/")
    assert Export.objects.count() == 1


def test_other_auditor_or_administrator_may_fetch(auditor: Any, administrator: Any, client_for: Any) -> None:
    happened()
    address = post(client_for(auditor)).headers["Location"]
    assert len(rows(client_for(administrator).get(address).getvalue())) == 1


def test_export_needs_the_token_of_its_form(auditor: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(auditor)
    assert post(client).status_code == 403
    assert not Export.objects.exists()


def test_bad_filter_makes_no_export_and_says_why(auditor: Any, client_for: Any) -> None:
    answer = post(client_for(auditor), since="yesterday", resource="keep-me")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Write a date and a time" in page
    assert 'value="keep-me"' in page
    assert not Export.objects.exists()


def test_unknown_dataset_is_not_found(auditor: Any, client_for: Any) -> None:
    assert post(client_for(auditor), "secrets").status_code == 404


def test_list_shows_who_asked_for_what_and_how_to_read_it(auditor: Any, client_for: Any) -> None:
    client = client_for(auditor)
    download(client, actor="ada")
    page = client.get("/audit/exports/").content.decode()
    for words in ("actor: ada", str(auditor), "RFC 4180", "close_lag_seconds", "apostrophe"):
        assert words in page, f"{words!r} is not on the page"


def test_twenty_thousand_events_stream_in_flat_memory(auditor: Any) -> None:
    many(20_000)
    made = exports.start(by=auditor.party, of=exports.dataset("events"), filters={})
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in exports.stream(made))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 4_000_000, f"only {size} bytes came"
    assert peak < 2_000_000, f"{peak} bytes were held for a file of {size}"


@pytest.mark.django_db(transaction=True)
def test_reader_who_goes_away_ends_the_query_and_leaves_the_connection_usable() -> None:
    many(20_000)
    made = exports.start(by=ADA, of=exports.dataset("events"), filters={})
    streaming = exports.stream(made)
    first = next(streaming)
    assert first.startswith(b"number,")
    streaming.close()
    made.refresh_from_db()
    assert (made.rows, made.finished_at) == (None, None), "half a file counts as finished"
    run = ExportRun.objects.get(export=made.uid)
    assert (run.outcome, run.rows > 100, run.size) == ("broken_off", True, len(first))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_every_dataset_has_a_column_for_every_value_and_runs_on_an_empty_site() -> None:
    for of in exports.datasets():
        made = exports.start(by=ADA, of=of, filters={})
        body = b"".join(exports.stream(made)).decode()
        assert body.splitlines()[0] == ",".join(column.name for column in of.columns)


def test_filter_names_what_a_dataset_reads() -> None:
    assert exports.dataset("events").filters is EventFilter
