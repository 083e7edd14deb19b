"""Channels: the real apprise to a real receiver on loopback; what goes there, once each, and never an address in a row."""

import contextlib
import logging
import socket
import time

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from audit_app.clock import now
from audit_app.models import Event
from latchportal import notice_settings
from requests_app import outbox
from requests_app.actions import decide
from requests_app.models import Message
from requests_app.notices import channels
from tests.support.azure import active_stage, asked
from tests.support.flaky import receiving
from tests.support.races import at_once

pytestmark = pytest.mark.django_db
SECRET = "T0P/S3CRET-hook"


@pytest.fixture
def receiver(settings):
    with receiving() as running:
        settings.NOTICE_CHANNELS = {"security-approvals": f"{running.address}/{SECRET}"}
        settings.NOTICE_ROUTES = {("approval_needed", "security"): ("security-approvals",)}
        yield running


def waits_for_security(people):
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    return access_request


def test_a_stage_is_told_to_its_channel_too_in_the_words_of_the_mail(people, policy, receiver):
    access_request = waits_for_security(people)
    outbox.send_due()
    (note,) = receiver.notes
    assert note["title"] == "[latchportal] Approval needed: SSH to prod-web-01 for Ada Lindqvist"
    assert 'the stage "Security" needs a decision' in note["message"]
    assert f"/requests/{access_request.pk}/" in note["message"]
    assert "Hello" not in note["message"], "a channel is nobody"
    assert [one.to for one in mail.outbox].count([people["security"].mail]) == 1, "the mail goes as well"


def test_another_stage_is_not_told_there(people, policy, receiver):
    asked(people["requester"])
    outbox.send_due()
    assert receiver.notes == []


def test_the_channel_hears_how_it_ended_if_it_was_asked(people, policy, receiver):
    access_request = waits_for_security(people)
    outbox.send_due()
    decide.decide(by=people["security"], stage_id=active_stage(access_request).pk, vote="approve")
    outbox.send_due()
    assert len(receiver.notes) == 2
    assert "Sol Marchetti approved the stage" in receiver.notes[1]["message"]


def test_a_channel_that_was_not_told_in_time_hears_neither(people, policy, receiver):
    access_request = waits_for_security(people)
    decide.decide(by=people["security"], stage_id=active_stage(access_request).pk, vote="approve")
    outbox.send_due()
    assert receiver.notes == []


def test_an_address_stands_in_no_row_no_event_and_no_line_of_the_log(
    people, policy, receiver, settings, caplog
):
    caplog.set_level(logging.INFO)
    waits_for_security(people)
    outbox.send_due()
    port = receiver.server_port
    receiver.refused = 1.0
    waits = Message.objects.filter(channel="security-approvals")
    waits.update(sent_at=None, due_at=now())
    outbox.send_due()
    assert waits.get().last_error.startswith("OSError: security-approvals did not take it")
    said = str(list(Message.objects.values())) + str(list(Event.objects.values())) + caplog.text
    assert SECRET not in said
    assert str(port) not in said


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("nonsense://somewhere", "apprise does not understand"),
        ("slack://AAAAAAAAA/BBBBBBBBB/CCCCCCCCCCCCCCCCCCCCCCCC/#one/#two", "leads to 2 places"),
    ],
)
def test_a_channel_that_can_not_work_says_so_and_holds_up_nobody(
    people, policy, receiver, settings, address, fault
):
    settings.NOTICE_CHANNELS = {"security-approvals": address}
    waits_for_security(people)
    outbox.send_due()
    message = Message.objects.get(channel="security-approvals")
    assert fault in message.last_error
    assert address not in message.last_error
    assert message.due_at > now()
    assert mail.outbox, "the mails behind it wait"


def test_a_channel_that_was_taken_out_of_the_settings_says_so(people, policy, receiver, settings):
    waits_for_security(people)
    settings.NOTICE_CHANNELS = {}
    outbox.send_due()
    assert "no channel security-approvals" in Message.objects.get(channel="security-approvals").last_error


def notices(count, channel):
    moment = now()
    words = {"label": "SSH to prod-web-01", "requester": "Ada", "stage": "Security", "request_id": 1}
    Message.objects.bulk_create(
        Message(
            key=f"many:{channel}:{number}",
            kind="approval_needed",
            channel=channel,
            created_at=moment,
            due_at=moment,
            context=words,
        )
        for number in range(count)
    )


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_200_notices_through_a_channel_that_fails_half_of_the_time_none_is_lost_and_none_comes_twice(
    settings,
):
    with receiving(refused=0.5, seed=7) as receiver:
        settings.NOTICE_CHANNELS = {"flaky": receiver.address}
        notices(200, "flaky")
        for _ in range(60):
            at_once(*[outbox.send_due] * 4)
            waiting = Message.objects.filter(due_at__isnull=False)
            if not waiting.exists():
                break
            # The pause after a failure is over.
            waiting.update(due_at=now())
        wanted = set(Message.objects.values_list("pk", flat=True))
        assert set(receiver.taken) == wanted, "some were lost"
        assert set(receiver.taken.values()) == {1}, "some came twice"
        assert receiver.refusals > 100
    connection.close()


def test_two_channels_are_two_rows_and_one_that_fails_does_not_repeat_the_other(
    people, policy, receiver, settings, monkeypatch
):
    # What only takes long on a busy machine does not rest.
    monkeypatch.setattr(outbox, "_SLOW_SECONDS", 60)
    with receiving(refused=1.0) as broken:
        settings.NOTICE_CHANNELS = {**settings.NOTICE_CHANNELS, "broken": broken.address}
        settings.NOTICE_ROUTES = {("approval_needed", "security"): ("broken", "security-approvals")}
        waits_for_security(people)
        for _ in range(3):
            Message.objects.filter(due_at__isnull=False).update(due_at=now())
            outbox.send_due()
        assert broken.refusals == 3
    assert set(receiver.taken.values()) == {1}


def connections(listener: socket.socket) -> int:
    """How many have come to this address so far."""
    listener.setblocking(False)
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            found += 1
    return found


def test_a_channel_that_hangs_holds_a_worker_up_once_and_then_rests(people, policy, settings, monkeypatch):
    waited = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings.NOTICE_CHANNELS = {"hanging": f"json://127.0.0.1:{port}/?rto=0.3"}
        monkeypatch.setattr(outbox, "_SLOW_SECONDS", 0.2)
        monkeypatch.setattr(outbox, "_rests", {})
        notices(5, "hanging")
        asked(people["requester"])
        for message in Message.objects.order_by("pk"):
            began = time.monotonic()
            outbox.send(message.pk)
            waited.append(time.monotonic() - began)
        assert connections(silent) == 1, "it was tried again"
    assert waited[0] >= 0.3
    assert sorted(waited[1:])[-2] < 0.2, "it held the worker up again"
    assert mail.outbox, "mail rests as well"
    assert all(Message.objects.filter(channel="hanging", due_at__gt=now()).values_list("tries", flat=True))


class Killed(BaseException):
    """The process is gone at this very point."""


def test_a_worker_killed_after_handing_over_hands_over_again_under_the_same_number(
    people, policy, receiver, monkeypatch
):
    waits_for_security(people)
    message = Message.objects.get(channel="security-approvals")
    real = channels.hand_over

    def dies(*words):
        real(*words)
        raise Killed

    monkeypatch.setattr(channels, "hand_over", dies)
    with pytest.raises(Killed):
        outbox.send(message.pk)
    monkeypatch.undo()
    assert outbox.send(message.pk)
    assert receiver.taken == {message.pk: 2}, "at least once: by its number the receiver can tell"


def test_a_mail_whose_worker_is_killed_after_handing_over_comes_again_under_the_same_message_id(
    people, policy, monkeypatch
):
    asked(people["requester"])
    real = EmailBackend.send_messages

    def dies(self, messages):
        real(self, messages)
        raise Killed

    monkeypatch.setattr(EmailBackend, "send_messages", dies)
    with pytest.raises(Killed):
        outbox.send_due()
    monkeypatch.undo()
    outbox.send_due()
    assert len(mail.outbox) == 2
    assert len({one.message()["Message-ID"] for one in mail.outbox}) == 1


@pytest.mark.parametrize(
    "text", ["soc", "soc=", "SOC=json://x", "a=json://x a=json://y", "soc=//x", "=json://x", "soc=not-a-url"]
)
def test_channels_that_make_no_sense_stop_the_start_without_repeating_an_address(text):
    with pytest.raises(ImproperlyConfigured) as raised:
        notice_settings.channels(f"{text}")
    assert "json://" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "opened=soc",
        "approval_needed",
        "approval_needed=nobody",
        "overdue/security=soc",
        "approval_needed=me",
        "=soc",
    ],
)
def test_routes_that_make_no_sense_stop_the_start(text):
    with pytest.raises(ImproperlyConfigured, match="NOTICE_ROUTES"):
        notice_settings.routes(text, {"soc": "json://x", "me": "slack://x/{mail}"})


def test_channels_and_routes_are_read_as_they_are_written():
    found = notice_settings.channels("soc=json://x/y?z=1\n  ops=msteams://a/b/c/\n")
    assert found == {"soc": "json://x/y?z=1", "ops": "msteams://a/b/c/"}
    routes = notice_settings.routes("approval_needed/security=soc,ops overdue=ops", found)
    assert routes == {("approval_needed", "security"): ("soc", "ops"), ("overdue", ""): ("ops",)}
