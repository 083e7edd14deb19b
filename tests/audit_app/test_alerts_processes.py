"""A process that is killed while it raises an alert: neither the alert without its mail, nor the mail twice."""

from typing import Any

import psycopg
import pytest

from audit_app.models import Alert
from audit_app.tasks import watch
from requests_app.models import Message
from tests.audit_app.trail_makers import happened, placed
from tests.support import own_cluster
from tests.support.waiting import until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.slow,
]
WATCH = "from audit_app.tasks import watch; print(watch())"


def waiting() -> bool:
    return bool(own_cluster.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))


def test_killed_between_the_alert_and_its_mails_both_come_once(cluster: Any, people: Any) -> None:
    happened("grant.break_glass", why="Everything burns")
    placed()
    with psycopg.connect(cluster.url(own_cluster.NAME)) as holder:
        # Readers pass; the mail, written after its alert, has to wait.
        holder.execute("LOCK TABLE requests_app_message IN SHARE MODE")
        watcher = own_cluster.process(cluster, WATCH)
        until(waiting, "the watcher", seconds=30)
        watcher.kill()
        watcher.communicate()
    until(lambda: not waiting(), "the end of its connection", seconds=30)
    assert (Alert.objects.count(), Message.objects.count()) == (0, 0)
    assert watch() == 1
    assert watch() == 0
    told = sorted(str(message.recipient) for message in Message.objects.filter(kind="alerts"))
    assert told == sorted([str(people["auditor"]), str(people["administrator"])])
