"""Alerts by mail: one for each cause and person, a burst in one, none for what was looked at or whose work it is not."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from audit_app.alerts import raising
from audit_app.clock import now
from audit_app.models import Alert
from audit_app.tasks import watch
from requests_app import alert_mail, outbox
from requests_app.models import Message
from tests.audit_app.trail_makers import ADA, MO, happened, placed
from tests.support.races import at_once

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _fresh(people: Any, policy: Any) -> None:
    """The policy's own loading was looked at, and nobody was told of it."""
    placed()
    watch()
    Alert.objects.all().delete()
    Message.objects.all().delete()


def burn(count: int = 1, kind: str = "grant.break_glass", **more: Any) -> None:
    """So many causes of an alert, each seen and raised."""
    for number in range(count):
        happened(kind, label=f"SSH to host-{number}", why="Everything burns", **more)
    placed()
    watch()


def later(wait: timedelta) -> Any:
    return time_machine.travel(now() + wait, tick=True)


def send() -> int:
    """What is due was sent; returns how many mails that were."""
    before = len(mail.outbox)
    while outbox.send_due():
        pass
    return len(mail.outbox) - before


def addresses() -> list[str]:
    return sorted(address for sent in mail.outbox for address in sent.to)


def test_each_auditor_and_administrator_gets_one_mail_of_one_cause_a_minute_later(people: Any) -> None:
    burn()
    watch()
    assert send() == 0, "it goes out before others could join it"
    with later(MINUTE):
        send()
        send()
    assert addresses() == sorted([people["auditor"].mail, people["administrator"].mail])


def test_the_mail_says_what_happened_who_when_and_leads_to_the_alert(people: Any, settings: Any) -> None:
    burn()
    alert = Alert.objects.get()
    with later(MINUTE):
        send()
    sent = mail.outbox[0]
    assert sent.subject == "[latchportal] 1 alert: The glass is broken"
    for text in (sent.body, str(sent.alternatives[0][0])):
        for words in (
            alert.sentence,
            ADA.label,
            f"{now():%Y}",
            f"{settings.BASE_URL}/audit/alerts/{alert.pk}/",
        ):
            assert words in text


def test_somebody_disabled_without_the_role_or_without_an_address_gets_none(people: Any) -> None:
    for name, change in (("auditor", {"enabled": False}), ("administrator", {"enabled": None})):
        for field, value in change.items():
            setattr(people[name], field, value)
        people[name].save()
    people["manager"].groups.add(Group.objects.get(name="Latch.Auditor"))
    people["manager"].mail = ""
    people["manager"].save()
    burn()
    assert not Message.objects.filter(kind="alerts").exists()


def test_who_is_disabled_before_it_goes_out_gets_none(people: Any) -> None:
    burn()
    people["auditor"].enabled = False
    people["auditor"].save()
    with later(MINUTE):
        send()
    assert addresses() == [people["administrator"].mail]


def test_one_who_is_both_gets_one(people: Any) -> None:
    people["auditor"].groups.add(Group.objects.get(name="Latch.Admin"))
    burn()
    assert Message.objects.filter(kind="alerts", recipient=people["auditor"]).count() == 1


def test_a_burst_is_one_mail_and_another_rule_has_its_own(people: Any) -> None:
    burn(3)
    burn(2)
    burn(kind="policy.loaded")
    with later(MINUTE):
        assert send() == 4
    mine = [sent for sent in mail.outbox if sent.to == [people["auditor"].mail]]
    assert sorted(sent.subject for sent in mine) == [
        "[latchportal] 1 alert: The policy has changed",
        "[latchportal] 5 alerts: The glass is broken",
    ]


def test_a_mail_tells_so_many_and_how_many_more(people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_mail, "MOST", 2)
    burn(5)
    with later(MINUTE):
        send()
    assert "And 3 more." in mail.outbox[0].body
    assert mail.outbox[0].body.count("Everything burns") == 2
    assert "/audit/alerts/?rule=break_glass" in mail.outbox[0].body


def test_after_a_mail_the_next_of_its_rule_waits_a_quarter_of_an_hour(people: Any) -> None:
    burn()
    with later(MINUTE):
        assert send() == 2
        burn()
        burn()
        with later(13 * MINUTE):
            assert send() == 0
        with later(16 * MINUTE):
            assert send() == 2
            assert mail.outbox[-1].subject.startswith("[latchportal] 2 alerts")
    with later(60 * MINUTE):
        burn()
        with later(MINUTE):
            assert send() == 2, "an hour later somebody waits for longer than a minute"


def test_what_was_looked_at_before_is_left_out_and_nothing_is_sent_of_nothing(people: Any) -> None:
    burn(2)
    first = Alert.objects.order_by("pk")[0]
    raising.acknowledge(by=MO, alert_id=first.pk)
    with later(MINUTE):
        send()
    assert "1 alert:" in mail.outbox[0].subject
    assert first.sentence not in mail.outbox[0].body
    burn(kind="policy.loaded")
    raising.acknowledge(by=MO, alert_id=Alert.objects.get(rule="policy_changed").pk)
    with later(MINUTE):
        assert send() == 0
    assert not Message.objects.filter(due_at__isnull=False).exists(), (
        "a mail that says nothing is tried again"
    )
    burn(kind="policy.loaded")
    with later(MINUTE):
        assert send() == 2, "a mail that never went holds up the next"


def test_administrators_get_one_mail_of_a_late_closing(people: Any) -> None:
    burn(kind="grant.overdue", outcome="failure", subject=ADA)
    assert [one.recipient for one in Message.objects.filter(kind="alerts")] == [people["auditor"]]


def test_named_addresses_get_it_and_nobody_else(people: Any, settings: Any) -> None:
    settings.ALERT_MAIL_TO = ("soc@example.org",)
    burn()
    burn()
    with later(MINUTE):
        assert send() == 1
    assert addresses() == ["soc@example.org"]
    assert mail.outbox[0].body.startswith("Hello soc@example.org,")


def test_switched_off_nobody_gets_any_not_even_of_before(people: Any, settings: Any) -> None:
    burn()
    settings.ALERT_MAIL_TO = ()
    burn()
    with later(MINUTE):
        assert send() == 0
    assert Message.objects.filter(kind="alerts").count() == 2


def test_an_alert_that_is_rolled_back_leaves_no_mail_and_comes_again_once(people: Any) -> None:
    happened("grant.break_glass", why="Everything burns")
    placed()
    with transaction.atomic():
        assert watch() == 1
        transaction.set_rollback(True)
    assert (Alert.objects.count(), Message.objects.count()) == (0, 0)
    watch()
    with later(MINUTE):
        assert send() == 2


def test_mails_that_can_not_be_written_hold_back_their_alert(
    people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(raising, "_listeners", [fails])
    with pytest.raises(RuntimeError):
        burn()
    monkeypatch.undo()
    assert not Alert.objects.exists(), "an alert without its mail"
    watch()
    with later(MINUTE):
        assert send() == 2


class Killed(BaseException):
    """The process is gone at this very point."""


def test_a_sender_that_dies_before_the_server_has_it_sends_it_the_next_time(
    people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise Killed

    burn()
    with later(MINUTE):
        monkeypatch.setattr(EmailBackend, "send_messages", dies)
        with pytest.raises(Killed):
            send()
        monkeypatch.undo()
        assert send() == 2


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_an_alert_raised_while_its_mail_goes_out_is_told_in_the_next(
    people: Any, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    burn()
    real = EmailBackend.send_messages

    def slow(self: Any, messages: Any) -> Any:
        # On another connection, while this one holds the row of the mail.
        at_once(burn)
        return real(self, messages)

    with later(MINUTE):
        monkeypatch.setattr(EmailBackend, "send_messages", slow)
        assert outbox.send(Message.objects.filter(recipient=people["auditor"]).order_by("pk")[0].pk)
        monkeypatch.undo()
    with later(20 * MINUTE):
        send()
    mine = [sent for sent in mail.outbox if sent.to == [people["auditor"].mail]]
    told = [f"/audit/alerts/{alert.pk}/" for alert in Alert.objects.order_by("pk")]
    assert [[one in sent.body for one in told] for sent in mine] == [[True, False], [False, True]]
