"""Two workers at once, and a worker that is killed: real connections, real processes, nothing lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection

from audit_app.clock import now
from audit_app.shipping import hold, horizon
from audit_app.shipping.sentinel import Sentinel
from audit_app.shipping.ship import ship
from tests.audit_app.trail_makers import many
from tests.shipping.conftest import Sent
from tests.shipping.makers import cursor
from tests.support.environment import ROOT
from tests.support.races import at_once
from tests.support.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
Trail = Callable[[], list[str]]

WORKER = """
import django
django.setup()
from audit_app.tasks import ship_trail
print("shipping", flush=True)
ship_trail()
"""


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests() -> None:
    horizon._forget()


def test_two_workers_at_once_send_each_batch_once(sent: Sent, trail: Trail) -> None:
    many(1500)
    sent.azure.fault("slow", times=None, match={"method": "LOGS"}, seconds=0.05)
    answers = at_once(*[lambda: ship(Sentinel())] * 3)
    assert sum(done.taken for done in answers if done) == 1500
    assert sum(done is None for done in answers) == 2, "the others find it held, and leave it"
    assert sent.uids() == trail()


def test_a_worker_killed_while_azure_answers_leaves_nothing_out(sent: Sent, trail: Trail) -> None:
    many(700)
    sent.azure.fault("slow", times=None, match={"method": "LOGS"}, seconds=30)
    environment = {
        **os.environ,
        "DATABASE_URL": _test_database(),
        "SENTINEL_ENDPOINT": sent.azure.url,
        "SENTINEL_RULE_ID": django_settings.SENTINEL_RULE_ID,
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
    try:
        until(lambda: len(sent.uids()) == 500, seconds=60)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    assert cursor("sentinel").shipped_to == 0, "Azure has the batch, the cursor does not know"
    sent.azure.control("DELETE", "faults")
    assert ship(Sentinel()) is None, "the dead worker's hold lasts on for a while"
    with time_machine.travel(now() + hold.LASTS + timedelta(seconds=1), tick=True):
        done = ship(Sentinel())
    assert done is not None
    assert not done.error
    assert set(sent.uids()) == set(trail()), "none is lost"
    assert sent.repeated() == dict.fromkeys(trail()[:500], 2), "the batch came twice, under the same ids"


def _test_database() -> str:
    """The address of this test's database; Django renamed it, the environment still names the one before."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
