"""wake(): ask a worker, by a task's name, to look at a row after commit. The database stays the schedule."""

import time
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger("latch.wake")

# A broker that does not even refuse costs a time-out; who closes everything must not pay one for each grant.
_PAUSE_SECONDS = 2.0


class _Quiet:
    """Until when, by the monotonic clock, this process does not try the broker again."""

    until = 0.0


_quiet = _Quiet()
CONVERGE: Final = "requests_app.converge"
COMPARE: Final = "requests_app.compare"
SEND_MAIL: Final = "requests_app.send_mail"
READ_ACTIVITY: Final = "audit_app.read_activity"
# A wake nobody took by then is forgotten: the database says the same again, and a worker that comes back after an
# hour must not begin with an hour of wakes.
_EXPIRES_SECONDS: Final = {CONVERGE: 10, COMPARE: 30, SEND_MAIL: 30, READ_ACTIVITY: 60}


def wake(task_name: str, row_id: int) -> None:
    """After commit a worker is told of this row. A broker that is away costs seconds, never the work:

    the tick finds the same row in the database.
    """
    transaction.on_commit(lambda: _send(task_name, row_id))


def _send(task_name: str, row_id: int) -> None:
    if time.monotonic() < _quiet.until:
        return
    try:
        # By its name: Celery's own current app would be one without a broker wherever ours was not imported before.
        import_string(settings.CELERY_APP).send_task(
            task_name,
            args=[row_id],
            retry=False,
            ignore_result=True,
            expires=_EXPIRES_SECONDS.get(task_name),
        )
    except (OperationalError, RedisError, OSError) as error:
        _quiet.until = time.monotonic() + _PAUSE_SECONDS
        log.warning("wake.broker_away", task=task_name, row=row_id, error=str(error))
