"""A closing that is late: told once, in the trail, in the log, by mail and by the hook; and never in its way."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import Group

from audit_app.clock import now
from audit_app.models import Event
from requests_app import outbox, tasks
from requests_app.actions import alarm, arm, end
from requests_app.converge import converge
from requests_app.models import Grant, Message
from tests.support.azure import containers, opened
from tests.support.convergence import WEB, fresh, later, opening_of, ours, run
from tests.support.races import at_once


def late(people: Any, azure: Any) -> Grant:
    """Return a grant that was to be closed more than a minute ago, and is not: Azure refuses."""
    grant = opened(people)
    azure.fault("locked", match={"method": "DELETE"}, times=None)
    end.end_now(by=grant.person, grant_id=grant.pk)
    run()
    Grant.objects.filter(pk=grant.pk).update(ending_at=now() - timedelta(seconds=61))
    return fresh(grant)


@pytest.mark.django_db
def test_a_closing_that_is_a_minute_late_is_told_once_with_azures_own_words(
    people: Any, policy: Any, azure: Any, mailoutbox: Any, caplog: Any
) -> None:
    grant = late(people, azure)
    assert tasks.overdue() == 1
    assert tasks.overdue() == 0, "it was told already"
    event = Event.objects.get(kind="grant.overdue")
    assert (event.outcome, event.object_id) == ("failure", str(grant.uid))
    assert "ScopeLocked" in event.why or "lock" in event.why
    assert event.data["late_seconds"] >= 61
    assert event.correlation_id == grant.access_request.correlation_id
    (line,) = (line for line in caplog.records if line.name == "latch.overdue")
    assert line.levelname == "ERROR"
    while outbox.send_due():
        pass
    told = [mail for mail in mailoutbox if "late" in mail.subject]
    assert [mail.to for mail in told] == [[people["administrator"].mail]]
    assert people["requester"].display_name in told[0].body


@pytest.mark.django_db
def test_what_is_closed_in_time_is_no_alarm(people: Any, policy: Any, azure: Any) -> None:
    grant = opened(people)
    end.end_now(by=grant.person, grant_id=grant.pk)
    run()
    with later(600):
        assert alarm.raise_overdue() == 0


@pytest.mark.django_db
def test_the_alarm_is_in_nobodys_way_it_closes_when_azure_lets_it(
    people: Any, policy: Any, azure: Any
) -> None:
    grant = late(people, azure)
    alarm.raise_overdue()
    azure.control("DELETE", "faults")
    with later(40):
        run()
    assert fresh(grant).state == "closed"
    assert not ours(azure)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_watchers_at_once_tell_it_once(people: Any, policy: Any, azure: Any) -> None:
    late(people, azure)
    answers = at_once(alarm.raise_overdue, alarm.raise_overdue)
    assert sorted(map(str, answers)) in (["0", "1"], ["1", "1"]), answers
    assert Event.objects.filter(kind="grant.overdue").count() == 1


class Hook(BaseHTTPRequestHandler):
    """Keeps what it was sent, and fails as often as it is told to."""

    taken: list[tuple[dict[str, str], bytes]] = []
    failures = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if type(self).failures:
            type(self).failures -= 1
            self.send_response(503)
        else:
            type(self).taken.append((dict(self.headers), body))
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook(settings: Any) -> Iterator[type[Hook]]:
    """A hook of ours listens, and the site knows it."""
    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/alerts"
    settings.ALERT_WEBHOOK_SECRET = "only for this test"
    Hook.taken, Hook.failures = [], 0
    yield Hook
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
def test_the_hook_is_told_signed_and_again_until_it_listened(
    people: Any, policy: Any, azure: Any, hook: type[Hook]
) -> None:
    grant = late(people, azure)
    alarm.raise_overdue()
    message = Message.objects.get(kind="alert")
    hook.failures = 1
    assert not outbox.send(message.pk)
    message.refresh_from_db()
    assert message.due_at is not None, "it is tried again"
    with later(60):
        assert outbox.send(message.pk)
        assert not outbox.send(message.pk), "told twice"
    ((headers, body),) = hook.taken
    words = json.loads(body)
    assert (words["kind"], words["object"]["id"]) == ("grant.overdue", str(grant.uid))
    assert words["correlation_id"] == grant.access_request.correlation_id
    expected = hmac.new(b"only for this test", body, hashlib.sha256).hexdigest()
    assert headers["Latch-Signature"] == f"sha256={expected}"


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["removed", "widened", "close-only", "found open"])
def test_the_hook_hears_of_everything_that_should_wake_somebody(
    people: Any, policy: Any, azure: Any, hook: type[Hook], what: str
) -> None:
    grant = opened(people)
    kept = azure.rules(WEB)[opening_of(grant).name]
    if what == "widened":
        body = {key: value for key, value in kept.items() if key not in ("name", "state", "id", "etag")}
        azure.control("PUT", f"rules/{WEB}/{kept['name']}", {**body, "sourceAddressPrefix": "*"})
        converge(containers()[0].pk, compare=True)
    elif what == "removed":
        azure.control("DELETE", f"rules/{WEB}/{kept['name']}")
        converge(containers()[0].pk, compare=True)
    elif what == "close-only":
        arm.arm(by=people["administrator"], reason="A restore is under way", armed=False)
    else:
        end.end_now(by=grant.person, grant_id=grant.pk)
        run()
        body = {key: value for key, value in kept.items() if key not in ("name", "state", "id", "etag")}
        azure.control("PUT", f"rules/{WEB}/{kept['name']}", body)
        converge(containers()[0].pk, compare=True)
    kinds = {
        "widened": "grant.repaired",
        "removed": "grant.removed_in_azure",
        "close-only": "portal.close_only",
    }
    (message,) = Message.objects.filter(kind="alert")
    assert message.context["kind"] == kinds.get(what, "grant.found_open")


@pytest.mark.django_db
def test_without_a_hook_nothing_waits_to_be_posted(people: Any, policy: Any, azure: Any) -> None:
    Group.objects.filter(name="Latch.Admin").delete()
    late(people, azure)
    assert alarm.raise_overdue() == 1
    assert not Message.objects.filter(kind__in=["alert", "overdue"])
