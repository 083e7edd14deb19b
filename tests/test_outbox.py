"""Mail: one for each event, after its commit, again while the server is away, and never a code in it."""

import smtplib
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import transaction

from audit_app.clock import now
from requests_app import outbox
from requests_app.actions import codes
from requests_app.models import Message
from tests.support.azure import approved, asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(people, policy):
    asked(people["requester"])
    return Message.objects.get(kind="approval_needed")


@pytest.fixture
def no_server(monkeypatch):
    """A mail server that refuses every mail."""
    from django.core.mail.backends.locmem import EmailBackend

    def refuse(self, messages):
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)


def test_a_mail_is_sent_once_though_its_task_runs_twice(message):
    assert outbox.send(message.pk)
    assert not outbox.send(message.pk)
    assert outbox.send_due() == 0
    assert len(mail.outbox) == 1
    message.refresh_from_db()
    assert message.sent_at
    assert message.due_at is None


def test_a_mail_waits_for_the_commit_of_its_event(people, policy):
    with transaction.atomic():
        asked(people["requester"])
        assert Message.objects.exists()
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert outbox.send_due() == 0


def test_a_refused_mail_is_tried_again_after_pauses_that_grow(message, no_server):
    pauses = []
    for _ in range(5):
        message.refresh_from_db()
        with time_machine.travel(message.due_at, tick=False):
            assert not outbox.send(message.pk)
            message.refresh_from_db()
            pauses.append(message.due_at - now())
    assert pauses == sorted(set(pauses)), pauses
    assert "SMTPServerDisconnected" in message.last_error
    assert message.tries == 5


def test_a_mail_that_was_refused_arrives_once_the_server_is_back(message, no_server, monkeypatch):
    assert not outbox.send(message.pk)
    monkeypatch.undo()
    assert outbox.send_due() == 0, "it is not due yet"
    message.refresh_from_db()
    with time_machine.travel(message.due_at + timedelta(seconds=1), tick=True):
        assert outbox.send_due() == 1
    assert len(mail.outbox) == 1


def test_the_pauses_have_an_upper_end_and_after_three_days_it_is_given_up(message, no_server):
    began, last = message.due_at, message.due_at
    while message.due_at:
        last = message.due_at
        with time_machine.travel(message.due_at, tick=False):
            outbox.send(message.pk)
            message.refresh_from_db()
            assert message.due_at is None or message.due_at - now() <= timedelta(hours=1)
    assert timedelta(days=2, hours=22) < last - began < timedelta(days=3)
    assert message.sent_at is None
    assert message.last_error


@pytest.mark.parametrize(
    "broken", [{"context": {}}, {"kind": "no_such_mail"}, {"context": {"duration_seconds": "x"}}]
)
def test_a_mail_that_can_not_be_made_does_not_stop_those_behind_it(people, policy, message, broken):
    Message.objects.filter(pk=message.pk).update(due_at=now() - timedelta(hours=1), **broken)
    asked(people["requester"], key="prod-web-02-ssh")
    assert outbox.send_due() == 1
    message.refresh_from_db()
    assert message.last_error
    assert message.due_at > now()


def test_no_mail_ever_holds_a_latch_code(people, policy):
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    outbox.send_due()
    assert mail.outbox
    for sent in mail.outbox:
        whole = sent.message().as_string() + sent.body + str(sent.alternatives)
        assert text not in whole
        assert "eyJ" not in sent.body + str(sent.alternatives), "something like a token stands in a mail"


def test_each_of_the_people_asked_gets_one_mail_and_the_requester_one_outcome(people, policy):
    approved(people)
    told = list(Message.objects.order_by("pk").values_list("kind", "recipient__display_name"))
    assert told[0] == ("approval_needed", str(people["manager"]))
    assert ("approval_needed", str(people["security"])) in told
    assert ("approval_needed", str(people["security2"])) in told
    assert told[-2:] == [("decided", str(people["requester"])), ("settled", str(people["security2"]))]
    assert len(told) == len(set(told))
