"""Ten minutes before the end its holder is told, with the way to more time: once for each end, and not of short ones."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core import mail
from django.db.models import F

from audit_app.clock import now
from requests_app import outbox, tasks
from requests_app.actions import decide, ending, extend, shorten
from requests_app.models import DirectoryGroup, Grant, Message, Person
from tests.support.azure import activated, active_stage, opened, read_back
from tests.support.convergence import at, run

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def grant(people, policy):
    return read_back(activated(people, minutes=30))


def _directory_is_read():
    Person.objects.update(directory_read_at=now())
    DirectoryGroup.objects.update(read_at=now())


def told():
    return Message.objects.filter(kind="ending")


def test_nobody_is_told_sooner_than_ten_minutes_before_the_end(grant):
    with time_machine.travel(grant.expires_at - 10 * MINUTE - timedelta(seconds=1), tick=False):
        assert ending.tell() == 0
    with time_machine.travel(grant.expires_at - 10 * MINUTE, tick=False):
        assert ending.tell() == 1


def test_the_task_tells_the_holder_once_though_it_runs_again_and_again(grant):
    with time_machine.travel(grant.expires_at - 9 * MINUTE, tick=False):
        for _ in range(3):
            tasks.deadlines()
    assert [message.recipient for message in told()] == [grant.person]


def test_the_mail_leads_to_the_form_for_more_time(grant, client_for):
    with time_machine.travel(grant.expires_at - 9 * MINUTE, tick=True):
        tasks.deadlines()
        outbox.send_due()
        sent = next(one for one in mail.outbox if "Closes soon" in one.subject)
        link = next(
            line.split(": ", 1)[1] for line in sent.body.splitlines() if line.startswith("Extend it: ")
        )
        assert link.endswith(f"/requests/{grant.access_request_id}/?open=extend")
        html = client_for(grant.person).get(link.replace("http://127.0.0.1:8000", "")).content.decode()
        assert f'id="extend-{grant.pk}" open>' in html
    assert f"{grant.expires_at - 2 * MINUTE:%H:%M:%S}" in sent.body, "it does not say until when to ask"


@pytest.mark.parametrize(("minutes", "expected"), [(14, 0), (15, 1)])
def test_who_opened_for_less_than_a_quarter_of_an_hour_is_not_told(people, policy, minutes, expected):
    grant = read_back(activated(people, minutes=minutes))
    with time_machine.travel(grant.expires_at - 5 * MINUTE, tick=False):
        assert ending.tell() == expected


def test_nobody_is_told_of_what_is_not_open_or_over_already(grant):
    with time_machine.travel(grant.expires_at, tick=False):
        assert ending.tell() == 0
    Grant.objects.filter(pk=grant.pk).update(state="closing", ending_at=F("expires_at"), ended_why="ended")
    with time_machine.travel(grant.expires_at - MINUTE, tick=False):
        assert ending.tell() == 0


def test_a_later_end_is_told_anew(people, policy, azure):
    grant = opened(people, minutes=30)
    with at(grant.expires_at - 9 * MINUTE):
        tasks.deadlines()
        _directory_is_read()
        wish = extend.ask(
            by=grant.person,
            grant_id=grant.pk,
            total=timedelta(minutes=60),
            reason="The disk is larger than I thought",
            submission_key=uuid4(),
        )
        for role in ("manager", "security"):
            decide.decide(by=people[role], stage_id=active_stage(wish).pk, vote="approve")
        run()
        assert ending.tell() == 0
    grant.refresh_from_db()
    with time_machine.travel(grant.expires_at - 9 * MINUTE, tick=False):
        assert ending.tell() == 1
    assert told().count() == 2


def test_an_end_that_was_set_so_late_was_told_by_who_set_it(people, policy, grant):
    with time_machine.travel(grant.expires_at - 20 * MINUTE, tick=False):
        end = grant.expires_at - 15 * MINUTE
        shorten.shorten(by=people["manager"], grant_id=grant.pk, end=end, reason="The work is done")
        assert ending.tell() == 0
    assert Message.objects.filter(kind="shortened").count() == 1


def test_an_end_that_moves_away_at_this_moment_is_not_told(grant, monkeypatch):
    moved = grant.expires_at + timedelta(hours=1)
    real = ending._tell

    def late(found):
        Grant.objects.filter(pk=found.pk).update(expires_at=moved, hard_end=moved)
        return real(found)

    monkeypatch.setattr(ending, "_tell", late)
    with time_machine.travel(grant.expires_at - 9 * MINUTE, tick=False):
        assert ending.tell() == 0
    assert not told().exists()
