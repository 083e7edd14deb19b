"""Digests: one mail a day of what waited for it, leaving out what was decided, and nothing of nothing."""

from datetime import UTC, datetime, time

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from requests_app import outbox
from requests_app.actions import submit
from requests_app.models import Message
from tests.notices.test_choices import NOON, choose, fresh, mails_to
from tests.support.azure import asked

pytestmark = pytest.mark.django_db


def waiting_for_the_digest(people, count):
    """So many requests wait for the manager, who reads them with the digest of tomorrow."""
    choose(people["manager"], decide="digest", at=time(11))
    keys = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh")[:count]
    made = [asked(people["requester"], key=key) for key in keys]
    outbox.send_due()
    assert mails_to(people["manager"]) == [], "it came at once"
    Message.objects.filter(digest=True).update(due_at=datetime.now(UTC))
    return made


def test_a_digest_is_one_mail_with_a_link_to_each(people, policy):
    with time_machine.travel(NOON, tick=True):
        fresh()
        made = waiting_for_the_digest(people, 3)
        assert outbox.send_due() == 1
        (sent,) = mails_to(people["manager"])
        assert sent.subject == "[latchportal] 3 notices"
        assert [f"/requests/{one.pk}/" in sent.body for one in made] == [True] * 3
        assert "/inbox/" in sent.body
        assert not Message.objects.filter(digest=True, sent_at=None).exists()
        assert outbox.send_due() == 0, "it came twice"


def test_a_digest_leaves_out_what_was_decided_and_one_with_nothing_in_it_is_not_sent(people, policy):
    with time_machine.travel(NOON, tick=True):
        fresh()
        made = waiting_for_the_digest(people, 3)
        for one in made[:2]:
            submit.withdraw(by=people["requester"], access_request_id=one.pk)
        outbox.send_due()
        (sent,) = mails_to(people["manager"])
        assert sent.subject.startswith("[latchportal] Approval needed"), "one notice needs no digest"
        mail.outbox.clear()
        Message.objects.filter(kind="approval_needed").update(sent_at=None, due_at=datetime.now(UTC))
        submit.withdraw(by=people["requester"], access_request_id=made[2].pk)
        outbox.send_due()
        assert mails_to(people["manager"]) == []
        assert not Message.objects.filter(recipient=people["manager"], due_at__isnull=False).exists()


def test_a_digest_that_fails_is_tried_again_as_one(people, policy, monkeypatch):
    def refuse(self, messages):
        raise OSError("away")

    with time_machine.travel(NOON, tick=True):
        fresh()
        waiting_for_the_digest(people, 2)
        monkeypatch.setattr(EmailBackend, "send_messages", refuse)
        assert outbox.send_due() == 0
        monkeypatch.undo()
        assert set(Message.objects.filter(digest=True).values_list("tries", flat=True)) == {1}
        Message.objects.filter(due_at__isnull=False).update(due_at=datetime.now(UTC))
        assert outbox.send_due() == 1
