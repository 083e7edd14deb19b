"""Whoever was asked and did not decide hears that nobody needs to any more; nobody does who was never asked."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from audit_app.clock import now
from requests_app import outbox
from requests_app.actions import decide, lapse, submit
from requests_app.models import AccessRequest, Message
from tests.support.azure import active_stage, asked
from tests.support.races import at_once

pytestmark = pytest.mark.django_db


def send() -> None:
    """All that is due goes out, and the mails of before are forgotten."""
    mail.outbox.clear()
    outbox.send_due()


def subjects(person):
    return [one.subject for one in mail.outbox if one.to == [person.mail]]


@pytest.fixture
def waiting(people, policy):
    """A request that waits for security, where two people were told by mail."""
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    send()
    return access_request


def settle(people, access_request, how):
    stage_id = active_stage(access_request).pk
    if how == "approved":
        decide.decide(by=people["security"], stage_id=stage_id, vote="approve")
    elif how == "denied":
        decide.decide(by=people["security"], stage_id=stage_id, vote="deny", reason="Use the bastion")
    elif how == "withdrawn":
        submit.withdraw(by=people["requester"], access_request_id=access_request.pk)
    else:
        AccessRequest.objects.filter(pk=access_request.pk).update(lapses_at=now())
        assert lapse.lapse_undecided() == 1


WAYS = {
    "approved": "Sol Marchetti approved the stage",
    "denied": "Sol Marchetti denied the request",
    "withdrawn": "Ada Lindqvist withdrew the request",
    "lapsed": "Nobody decided the stage",
}


@pytest.mark.parametrize("how", sorted(WAYS))
def test_who_was_asked_and_did_not_decide_hears_how_it_ended(people, waiting, how):
    settle(people, waiting, how)
    send()
    sent = [one for one in mail.outbox if one.to == [people["security2"].mail]]
    assert len(sent) == 1
    assert WAYS[how] in sent[0].body
    assert "Nothing waits for you here" in sent[0].body


def test_who_decided_hears_nothing_more(people, waiting):
    settle(people, waiting, "denied")
    send()
    assert subjects(people["security"]) == []
    assert subjects(people["manager"]) == [], "who agreed before gets a second message"


@pytest.mark.parametrize("how", sorted(WAYS))
def test_a_mail_that_was_not_sent_before_the_decision_is_dropped_and_nothing_follows(people, policy, how):
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    settle(people, access_request, how)
    send()
    assert subjects(people["security2"]) == []
    assert not Message.objects.filter(recipient=people["security2"], due_at__isnull=False).exists()


def test_who_decided_before_the_mail_went_out_does_not_get_it(people, policy):
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    stage = active_stage(access_request)
    stage.quorum = 2
    stage.save()
    decide.decide(by=people["security"], stage_id=stage.pk, vote="approve")
    send()
    assert subjects(people["security"]) == []
    assert len(subjects(people["security2"])) == 1


def test_both_mails_are_one_conversation(people, policy):
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    outbox.send_due()
    settle(people, access_request, "approved")
    outbox.send_due()
    first, second = (one.message() for one in mail.outbox if one.to == [people["security2"].mail])
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["Subject"] == f"Re: {first['Subject']}"
    assert first["In-Reply-To"] is None


def test_a_mail_has_the_same_message_id_at_every_try(people, policy):
    asked(people["requester"])
    message = Message.objects.get(kind="approval_needed")
    outbox.send(message.pk)
    Message.objects.update(sent_at=None, due_at=now())
    outbox.send(message.pk)
    first, second = (one.message()["Message-ID"] for one in mail.outbox)
    assert first == second


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_mail_that_is_being_sent_at_the_decision_is_followed_up_once_it_went(people, policy, monkeypatch):
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    first = Message.objects.get(kind="approval_needed", recipient=people["security2"])
    real = EmailBackend.send_messages
    went = []

    def slow(self, messages):
        if not went:
            went.append(1)
            # On other connections, while this one holds the first mail's row.
            at_once(lambda: settle(people, access_request, "approved"))
            at_once(outbox.send_due)
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", slow)
    outbox.send(first.pk)
    monkeypatch.undo()
    follow_up = Message.objects.get(kind="settled", recipient=people["security2"])
    assert follow_up.sent_at is None, "it was sent before what it follows"
    with time_machine.travel(now() + timedelta(seconds=6), tick=True):
        outbox.send_due()
    assert [
        one.subject.startswith("Re: ") for one in mail.outbox if one.to == [people["security2"].mail]
    ] == [
        False,
        True,
    ]


def test_a_decision_that_is_rolled_back_tells_nobody(people, waiting):
    with transaction.atomic():
        settle(people, waiting, "approved")
        transaction.set_rollback(True)
    send()
    assert mail.outbox == []
