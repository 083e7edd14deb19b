"""The same rows in every form: CSV and JSON Lines, plain and packed; and who could ask for what, as of any moment."""

import csv
import gzip
import io
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.models import Event, Export
from requests_app import eligibility, tasks
from requests_app.models import DirectoryGroup, DirectoryMembership, EligibilitySpan, Heartbeat, Person
from tests.audit_app.trail_makers import happened

pytestmark = pytest.mark.django_db
WILD = 'Line one\nline "two"\twith \\ and \x01, \u2028 and 日本 =1+1'
RIGHT = "prod-web-01-ssh"


def fetched(client: Any, dataset: str, **asked: str) -> tuple[bytes, Export]:
    answer = client.post("/audit/exports/new", {"dataset": dataset, **asked})
    assert answer.status_code == 302, answer.content[:500]
    answer = client.get(answer["Location"])
    return b"".join(answer.streaming_content), Export.objects.latest("id")


def test_json_lines_say_what_csv_says_with_data_as_an_object_and_nothing_guarded(
    auditor: Any, client_for: Any
) -> None:
    happened(why=WILD, data={"nested": {"list": [1, "zwei", None]}})
    happened(why="=HYPERLINK(1)")
    client = client_for(auditor)
    plain, _ = fetched(client, "events", kind="request.submitted")
    lines, made = fetched(client, "events", kind="request.submitted", form="jsonl")
    told = [json.loads(line) for line in lines.decode().split("\n") if line]
    rows = list(csv.DictReader(io.StringIO(plain.decode(), newline="")))
    assert [one["event"] for one in told] == [row["event"] for row in rows]
    assert [one["why"] for one in told] == [WILD, "=HYPERLINK(1)"]
    assert rows[1]["why"] == "'=HYPERLINK(1)"
    assert told[0]["data"]["nested"] == {"list": [1, "zwei", None]}
    assert told[0]["number"] == Event.objects.order_by("id").first().id
    assert told[0]["at"] == rows[0]["at"]
    assert made.rows == 2
    assert lines.count(b"\n") == 2, "a line of JSON Lines is broken by what stands in it"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_packed_is_the_same_file_in_gzip_and_its_digest_is_kept(
    auditor: Any, client_for: Any, form: str
) -> None:
    for number in range(50):
        happened(why=f"Number {number}")
    client = client_for(auditor)
    plain, _ = fetched(client, "events", kind="request.submitted", form=form)
    packed, made = fetched(client, "events", kind="request.submitted", form=form, packed="on")
    assert gzip.decompress(packed) == plain
    assert (made.digest, made.size, made.rows) == (sha256(packed).hexdigest(), len(packed), 50)
    assert made.file_name.endswith(f".{form}.gz")


def test_a_form_that_is_none_makes_no_export(auditor: Any, client_for: Any) -> None:
    answer = client_for(auditor).post("/audit/exports/new", {"dataset": "events", "form": "pdf"})
    assert answer.status_code == 404
    assert not Export.objects.exists()


def test_an_empty_export_is_an_empty_file_of_its_form(auditor: Any, client_for: Any) -> None:
    client = client_for(auditor)
    lines, made = fetched(client, "events", actor="nobody-like-that", form="jsonl")
    assert (lines, made.rows) == (b"", 0)
    packed, made = fetched(client, "events", actor="nobody-like-that", form="csv", packed="on")
    assert (gzip.decompress(packed).count(b"\r\n"), made.rows) == (1, 0)


def leaves(person: Person) -> None:
    DirectoryMembership.objects.filter(person=person).delete()


def test_who_could_ask_for_what_is_told_as_of_any_moment(people: Any, policy: Any, client_for: Any) -> None:
    ada, began = people["requester"], now()
    assert eligibility.refresh() > 0
    assert eligibility.refresh() == 0, "looking twice changed something"
    leaves(ada)
    with time_machine.travel(began + timedelta(minutes=2)):
        assert eligibility.refresh() > 0
    client = client_for(people["auditor"])

    def rights(as_of: str) -> set[str]:
        body, _ = fetched(client, "eligibility", person="Ada", form="jsonl", as_of=as_of)
        return {json.loads(line)["entitlement_key"] for line in body.decode().splitlines()}

    minute = "%Y-%m-%dT%H:%M"
    assert RIGHT in rights((began + timedelta(minutes=1)).strftime(minute))
    assert RIGHT not in rights((began + timedelta(minutes=4)).strftime(minute))
    assert rights((began - timedelta(days=1)).strftime(minute)) == set()


def test_who_could_break_the_glass_is_told_beside_who_could_ask(
    people: Any, policy: Any, client_for: Any
) -> None:
    eligibility.refresh()
    body, _ = fetched(client_for(people["auditor"]), "eligibility", person="Ben", form="jsonl")
    told = [json.loads(line) for line in body.decode().splitlines()]
    (emergency,) = [one for one in told if (one["entitlement_key"], one["way"]) == (RIGHT, "break_glass")]
    assert (emergency["max_minutes"], emergency["stages"]) == (30, "")
    assert (RIGHT, "ask") in {(one["entitlement_key"], one["way"]) for one in told}
    assert not EligibilitySpan.objects.filter(person_label__startswith="Ada", way="break_glass").exists()


def test_while_the_directory_copy_is_old_nothing_is_concluded_of_it(people: Any, policy: Any) -> None:
    eligibility.refresh()
    before = list(EligibilitySpan.objects.order_by("pk").values())
    leaves(people["requester"])
    DirectoryGroup.objects.update(read_at=now() - timedelta(hours=1))
    assert eligibility.refresh() == 0
    assert list(EligibilitySpan.objects.order_by("pk").values()) == before


def test_what_reviews_decided_can_be_exported(people: Any, policy: Any, client_for: Any) -> None:
    from audit_app.reviews import campaign, decide

    review = campaign.plan(
        by=people["administrator"].party,
        title="Web servers",
        source="eligibility",
        scope={"resources": ["prod-web-01"]},
        starts_at=now(),
        due_at=now() + timedelta(days=7),
    )
    campaign.begin(review.pk)
    row = review.items.get(person_id=people["requester"].identity, right_key=RIGHT)
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why="Not on call")
    body, made = fetched(client_for(people["auditor"]), "reviews", title="web", form="jsonl")
    told = [json.loads(line) for line in body.decode().splitlines()]
    assert made.rows == review.items.count() == len(told)
    (removed,) = [one for one in told if one["decision"] == "remove"]
    assert (removed["decided_by"], removed["reason"]) == ("Mo Adeyemi", "Not on call")
    assert removed["facts"]["asked"] == 0


def test_the_task_looks_once_and_rests_ten_times_as_long_as_it_took(people: Any, policy: Any) -> None:
    assert tasks.keep_eligibility() > 0
    leaves(people["requester"])
    Heartbeat.objects.filter(name="eligibility").update(data={"seconds": 20})
    assert tasks.keep_eligibility() == 0, "it did not rest"
    with time_machine.travel(now() + timedelta(minutes=4)):
        assert tasks.keep_eligibility() > 0


def test_without_a_policy_nobody_may_ask_and_nothing_is_concluded(people: Any) -> None:
    assert tasks.keep_eligibility() == 0
    assert not EligibilitySpan.objects.exists()
