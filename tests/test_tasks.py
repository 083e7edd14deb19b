"""Celery's tasks as plain calls: each may run twice, and the tick asks the database once when nothing is due."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest
import time_machine
from kombu.exceptions import OperationalError

from audit_app.clock import now
from audit_app.models import Event
from requests_app import heartbeat, tasks, wake
from requests_app.models import (
    AccessRequest,
    Container,
    ContainerSnapshot,
    Entitlement,
    Grant,
    LatchCode,
    Message,
    Opening,
)
from tests.support.azure import activated, approved, asked, containers
from tests.support.convergence import at, fresh, later, ours, writes

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch):
    """What the broker was handed: the sending is the boundary, nothing of ours is replaced."""
    sent = []
    monkeypatch.setattr(wake, "_send", lambda name, row: sent.append((name, row)))
    return sent


def everything():
    """Return the rows that a second run must leave as the first one left them."""
    return (
        list(AccessRequest.objects.order_by("pk").values_list("pk", "state")),
        list(Grant.objects.order_by("pk").values_list("pk", "state", "closed_at")),
        list(LatchCode.objects.order_by("pk").values_list("pk", "revoked_at")),
        list(Opening.objects.order_by("pk").values_list("pk", "desired", "observed", "due_at")),
        list(Message.objects.order_by("pk").values_list("key", "sent_at")),
        Event.objects.count(),
    )


def test_a_tick_with_nothing_due_is_one_query(people, policy, django_assert_num_queries):
    approved(people)
    heartbeat._last.clear()
    tasks.tick()
    with django_assert_num_queries(1):
        assert tasks.tick() == 0


@pytest.mark.parametrize(("seconds", "found"), [(-3600, 1), (0, 1), (1.5, 1), (2.5, 0), (600, 0)])
def test_a_tick_wakes_what_is_due_within_two_seconds_and_nothing_else(
    people, policy, woken, django_capture_on_commit_callbacks, seconds, found
):
    activated(people)
    Opening.objects.update(due_at=now() + timedelta(seconds=seconds))
    woken.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.tick() == found
    assert woken == [(wake.CONVERGE, containers()[0].pk)] * found


def test_a_container_is_woken_once_and_again_if_nobody_came(
    people, policy, woken, django_capture_on_commit_callbacks
):
    activated(people)
    assert tasks.tick() == 1
    assert tasks.tick() == 0, "it was woken a moment ago"
    with later(2.1):
        assert tasks.tick() == 1, "nobody came, so it is woken again"


def test_a_worker_woken_early_waits_for_the_very_instant(people, policy, azure):
    grant = activated(people)
    tasks.converge(containers()[0].pk)
    grant = fresh(grant)
    with at(grant.expires_at - timedelta(seconds=1.2)):
        tasks.converge(containers()[0].pk)
    grant = fresh(grant)
    assert grant.state == "closed"
    assert grant.closed_at >= grant.expires_at, "it was closed before its time"
    assert grant.closed_at - grant.expires_at < timedelta(seconds=1.5)
    assert not ours(azure)


def test_converging_twice_is_converging_once(people, policy, azure):
    activated(people)
    (container,) = containers()
    tasks.converge(container.pk)
    before, sent = everything(), writes(azure)
    assert tasks.converge(container.pk) == 0
    assert everything() == before
    assert writes(azure) == sent


def test_converging_what_is_gone_is_nothing(people, policy):
    assert tasks.converge(987654321) == 0


def test_a_request_nobody_decided_lapses_once_and_its_requester_is_told_once(people, policy):
    access_request = asked(people["requester"])
    with time_machine.travel(access_request.lapses_at - timedelta(seconds=1), tick=False):
        tasks.deadlines()
        access_request.refresh_from_db()
        assert access_request.state == "pending"
    with time_machine.travel(access_request.lapses_at + timedelta(seconds=1), tick=False):
        assert tasks.deadlines() == 1
        before = everything()
        assert tasks.deadlines() == 0
        assert everything() == before
    access_request.refresh_from_db()
    assert access_request.state == "lapsed"
    assert list(access_request.stages.values_list("state", flat=True)) == ["lapsed", "cancelled"]
    assert Message.objects.filter(kind="lapsed", recipient=people["requester"]).count() == 1


def test_a_right_nobody_used_is_closed_once_and_its_code_is_worth_nothing(people, policy):
    from requests_app.actions import codes

    access_request = approved(people)
    codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    grant = Grant.objects.get(access_request=access_request)
    with time_machine.travel(grant.activate_by, tick=False):
        assert tasks.deadlines() == 1
        before = everything()
        assert tasks.deadlines() == 0
        assert everything() == before
    grant.refresh_from_db()
    assert (grant.state, grant.ended_why) == ("closed", "unused")
    assert LatchCode.objects.get().revoked_at
    revoked = Event.objects.filter(kind="code.revoked", story=access_request.story)
    assert revoked.count() == 1, "the trail says of every code what became of it"


def test_mail_tasks_run_twice_send_once(people, policy, mailoutbox):
    asked(people["requester"])
    message = Message.objects.get(kind="approval_needed")
    assert tasks.send_mail(message.pk)
    assert not tasks.send_mail(message.pk)
    assert tasks.send_due_mail() == 0
    assert len(mailoutbox) == 1
    assert not tasks.send_mail(987654321)


def test_what_is_on_offer_is_compared_each_minute_by_the_queue_for_slow_work(people, policy, azure, woken):
    assert tasks.snapshots() > 5
    assert tasks.snapshots() == 0, "they are watched already"
    with later(5):
        tasks.tick()
        found = set(Container.objects.values_list("pk", flat=True))
        for container_id in found:
            tasks.compare(container_id)
        assert ContainerSnapshot.objects.filter(error="").count() == len(found)
        assert not Container.objects.filter(compare_at__lte=now() + timedelta(seconds=50))
        assert not Container.objects.filter(compared_at__isnull=True)
        assert not Container.objects.filter(region="")


def test_a_tick_sends_comparisons_to_another_queue_than_what_is_due(
    people, policy, woken, django_capture_on_commit_callbacks
):
    activated(people)
    tasks.snapshots()
    busy = Opening.objects.get().container_id
    woken.clear()
    with later(5), django_capture_on_commit_callbacks(execute=True):
        assert tasks.tick() == Container.objects.count()
    assert [row for name, row in woken if name == wake.CONVERGE] == [busy], "due comes first, and once"
    others = {row for name, row in woken if name == wake.COMPARE}
    assert others == set(Container.objects.exclude(pk=busy).values_list("pk", flat=True))
    woken.clear()
    with later(10), django_capture_on_commit_callbacks(execute=True):
        tasks.tick()
    assert not [row for name, row in woken if name == wake.COMPARE], "they were asked for a moment ago"
    with later(40), django_capture_on_commit_callbacks(execute=True):
        tasks.tick()
    assert {row for name, row in woken if name == wake.COMPARE} == others, "nobody came, so once more"


def test_a_container_nobody_uses_any_more_is_not_compared(people, policy, azure):
    grant = activated(people)
    tasks.snapshots()
    Entitlement.objects.update(active=False)
    tasks.snapshots()
    used = set(Container.objects.filter(compare_at__isnull=False).values_list("pk", flat=True))
    assert used == {opening.container_id for opening in grant.openings.all()}


def test_loading_the_policy_twice_is_loading_it_once(people, policy):
    tasks.policy()
    before = everything()
    tasks.policy()
    assert everything() == before


def test_a_faulty_policy_leaves_the_one_before_in_force(people, policy, settings, tmp_path):
    (tmp_path / "rules.yaml").write_text("rules: [what is this", encoding="utf-8")
    settings.POLICY_DIR = tmp_path
    tasks.policy()
    policy.refresh_from_db()
    assert policy.active


def test_a_directory_that_can_not_be_read_is_left_to_grow_old(people, policy, settings):
    before = people["requester"].directory_read_at
    tasks.directory()
    people["requester"].refresh_from_db()
    assert people["requester"].directory_read_at == before


@pytest.mark.parametrize(
    "error", [OperationalError("away"), ConnectionRefusedError("away"), TimeoutError("away")]
)
def test_with_the_broker_away_nothing_fails_and_the_tick_finds_the_work(
    people, policy, azure, monkeypatch, django_capture_on_commit_callbacks, error
):
    from latchportal.celery import app

    tried = []

    def away(*args, **more):
        tried.append(args)
        raise error

    monkeypatch.setattr(app, "send_task", away)
    wake._quiet.until = 0.0
    with django_capture_on_commit_callbacks(execute=True):
        grant = activated(people)
    assert len(tried) == 1, "each wake paid for the broker's absence"
    wake._quiet.until = 0.0
    due = Container.objects.filter(openings__due_at__lte=now() + timedelta(seconds=2))
    assert list(due) == containers(), "the database is the schedule"
    assert tasks.tick() == 1
    tasks.converge(containers()[0].pk)
    assert fresh(grant).state == "open"


def test_a_broker_that_refuses_costs_less_than_a_second():
    """The real client against a port nobody listens on, as the tests' settings name one."""
    wake._quiet.until = 0.0
    before = time.monotonic()
    wake._send(wake.CONVERGE, 1)
    assert time.monotonic() - before < 1
    wake._quiet.until = 0.0


def test_a_command_wakes_by_the_broker_of_the_settings_though_nobody_imported_our_celery():
    lines = (
        "import django",
        "django.setup()",
        "from requests_app import wake",
        "import sys",
        "assert 'latchportal.celery' not in sys.modules",
        "from structlog.testing import capture_logs",
        "with capture_logs() as said:",
        "    wake._send(wake.CONVERGE, 1)",
        "assert '127.0.0.1:1' in said[0]['error'], said",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=30)
