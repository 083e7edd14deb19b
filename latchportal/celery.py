"""The Celery app and its beat table. Tasks live in the apps; the schedule of openings lives in the database."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "latchportal.settings")

app = Celery("latchportal")
app.config_from_object("latchportal.celery:Configuration")
app.autodiscover_tasks(["requests_app", "audit_app"])


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Celery leaves the root logger alone: every line goes through structlog, as on the site."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@worker_ready.connect
def _load_the_sdk_before_it_is_needed(sender: Any = None, **_: Any) -> None:
    """The first opening does not pay for importing the Azure SDK: up to two seconds of its deadline."""
    if sender is not None and "converge" in sender.app.amqp.queues.consume_from:
        from requests_app.targets.arm import warm

        warm()


def _redis_url() -> str:
    return os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")


class Configuration:
    """Celery's settings. Every message is short-lived: what it would have said, the database still says."""

    broker_url = _redis_url()
    task_ignore_result = True
    task_serializer = "json"
    accept_content = ("json",)
    timezone = "UTC"
    task_queues = (Queue("tick"), Queue("converge"), Queue("slow"), Queue("seal"), Queue("mail"))
    task_default_queue = "slow"
    task_routes = {
        "requests_app.tick": {"queue": "tick"},
        "requests_app.converge": {"queue": "converge"},
        # Beside the tick, so that a queue of slow work that stands still keeps no alarm from being raised.
        "requests_app.overdue": {"queue": "tick"},
        # A worker of its own: an export or a question to Azure that takes minutes keeps no event from being sealed.
        "audit_app.seal": {"queue": "seal"},
        # Another one: a mail waits for no export, and a mail server that hangs holds up no seal.
        "requests_app.send_mail": {"queue": "mail"},
        "requests_app.outbox": {"queue": "mail"},
    }
    task_acks_late = True
    task_reject_on_worker_lost = True
    worker_prefetch_multiplier = 1
    worker_soft_shutdown_timeout = 20
    worker_send_task_events = False
    broker_connection_retry_on_startup = True
    # Nothing waits in Redis for long, so a message lost with its worker comes back soon.
    broker_transport_options = {
        "visibility_timeout": 120,
        "socket_timeout": 10,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
        # Left alone, every wake tries for 6 s to reach a broker that is away; the tick finds the work anyway.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    }
    beat_schedule = {
        "tick": {"task": "requests_app.tick", "schedule": 1.0, "options": {"expires": 1}},
        "seal": {"task": "audit_app.seal", "schedule": 1.0, "options": {"expires": 1}},
        "overdue": {"task": "requests_app.overdue", "schedule": 15.0, "options": {"expires": 15}},
        "deadlines": {"task": "requests_app.deadlines", "schedule": 15.0, "options": {"expires": 15}},
        "outbox": {"task": "requests_app.outbox", "schedule": 10.0, "options": {"expires": 10}},
        "directory": {"task": "requests_app.directory", "schedule": 60.0, "options": {"expires": 60}},
        "rotas": {"task": "requests_app.rotas", "schedule": 60.0, "options": {"expires": 60}},
        "contexts": {"task": "requests_app.sign_in_contexts", "schedule": 60.0, "options": {"expires": 60}},
        "snapshots": {"task": "requests_app.snapshots", "schedule": 60.0, "options": {"expires": 60}},
        "watch": {"task": "audit_app.watch", "schedule": 15.0, "options": {"expires": 15}},
        "regular_exports": {
            "task": "audit_app.regular_exports",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
        "reviews": {"task": "requests_app.reviews", "schedule": 60.0, "options": {"expires": 60}},
        "eligibility": {"task": "requests_app.eligibility", "schedule": 120.0, "options": {"expires": 120}},
        "shipping": {"task": "audit_app.ship", "schedule": 5.0, "options": {"expires": 5}},
        "policy": {"task": "requests_app.policy", "schedule": 30.0, "options": {"expires": 30}},
    }
