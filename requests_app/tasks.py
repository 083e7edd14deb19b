"""Celery's entry points: an id in, load and call, safe to run twice. What is done stands in the floors below."""

import time
from datetime import timedelta
from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings
from django.db.models import Q, Value

from audit_app.clock import now
from audit_app.reviews import decide as review_rows
from audit_app.reviews import timekeeper
from audit_app.trail import system
from requests_app import (
    directory_sync,
    eligibility,
    gateways,
    outbox,
    policy_files,
    rotas,
    sign_in_contexts,
    surroundings,
    wake,
)
from requests_app.actions import alarm, beginning, ending, lapse, take_away, waiting
from requests_app.actions import policy as policy_actions
from requests_app.converge import converge as converge_container
from requests_app.converge import snapshots as container_snapshots
from requests_app.converge.loop import AHEAD
from requests_app.errors import Refused
from requests_app.heartbeat import beat
from requests_app.models import Container, Heartbeat
from requests_app.policy.faults import PolicyFaults
from requests_app.targets.base import TargetError

log = structlog.get_logger("latch.tasks")
# A look at everybody's rights rests so many times as long as it took.
_REST = 10
_COMPARED_BY = timedelta(seconds=30)


@shared_task(name="requests_app.tick")
def tick() -> int:
    """Every container with something due within two seconds, or to be compared, was woken once; returns how many."""
    moment = now()
    asleep = Q(woken_until__isnull=True) | Q(woken_until__lte=moment)
    # Both halves ask one index each, so that a tick that finds nothing costs one small query.
    due = Container.objects.filter(asleep, openings__due_at__lte=moment + AHEAD).values_list(
        "pk", Value(True)
    )
    stale = Container.objects.filter(asleep, compare_at__lte=moment).values_list("pk", Value(False))
    found = list(due.distinct().union(stale, all=True))
    urgent = {container_id for container_id, is_due in found if is_due}
    others = {container_id for container_id, _ in found} - urgent
    if urgent:
        Container.objects.filter(pk__in=urgent).update(woken_until=moment + timedelta(seconds=2))
    if others:
        # Asked for once; again only if nobody came, lest a queue whose worker is away grows without end.
        Container.objects.filter(pk__in=others).update(compare_at=moment + _COMPARED_BY)
    for container_id in urgent:
        wake.wake(wake.CONVERGE, container_id)
    # Nothing slow stands before a closing: comparing is another queue's.
    for container_id in others:
        wake.wake(wake.COMPARE, container_id)
    beat("tick", every=timedelta(seconds=5))
    return len(urgent | others)


@shared_task(name=wake.CONVERGE)
def converge(container_id: int) -> int:
    """The container agrees with the database, as far as Azure let us."""
    return converge_container(container_id)


@shared_task(name=wake.COMPARE)
def compare(container_id: int) -> int:
    """The container was compared with the database, and every few minutes what lies around it was read."""
    rounds = converge_container(container_id, compare=True)
    surroundings.refresh(container_id)
    return rounds


@shared_task(name="requests_app.deadlines")
def deadlines() -> int:
    """What time does to requests and grants is done: lapsing, reminding, escalating, closing, telling."""
    steps = (
        lapse.lapse_undecided,
        lapse.lapse_overtaken,
        lapse.close_unused,
        waiting.keep_time,
        beginning.tell,
        ending.tell,
    )
    done = sum(step() for step in steps)
    beat("deadlines")
    return done


@shared_task(name="requests_app.overdue")
def overdue() -> int:
    """Every closing that is late was told of, once."""
    done = alarm.raise_overdue()
    beat("overdue")
    return done


@shared_task(name=wake.SEND_MAIL)
def send_mail(message_id: int) -> bool:
    """The message is sent, if it was not already."""
    return outbox.send(message_id)


@shared_task(name="requests_app.outbox")
def send_due_mail() -> int:
    """Every message that is due was tried."""
    done = outbox.send_due()
    beat("outbox")
    return done


@shared_task(name="requests_app.directory")
def directory() -> None:
    """Our copy of the directory is fresh; when Graph fails it stays as it was, and grows old."""
    try:
        directory_sync.sync(gateways.graph_reader())
    except TargetError as error:
        log.error("directory.unreadable", kind=error.kind, error=error.message)


@shared_task(name="requests_app.rotas")
def keep_rotas() -> int:
    """Our copy of who is on call is fresh; without a policy nobody is."""
    try:
        done = rotas.refresh()
    except Refused:
        return 0
    beat("rotas")
    return done


@shared_task(name="requests_app.sign_in_contexts")
def contexts() -> None:
    """What stands in Entra behind each authentication context that policy asks for is known."""
    sign_in_contexts.refresh(gateways.graph_reader())


@shared_task(name="requests_app.snapshots")
def snapshots() -> int:
    """Every container in use, and no other, is compared with Azure each minute."""
    done = container_snapshots.watch()
    beat("snapshots")
    return done


@shared_task(name="requests_app.reviews")
def reviews() -> int:
    """Campaigns have begun, reminded, escalated and ended by the clock, and what they removed is carried out."""
    done = timekeeper.keep_time() + sum(
        take_away.carry_out(item_id) for item_id in review_rows.to_apply(now())
    )
    beat("reviews")
    return done


@shared_task(name="requests_app.eligibility")
def keep_eligibility() -> int:
    """Who may have what now stands in the past that exports can tell; without a policy nobody may.

    In a large organisation a look takes a while: it is given a tenth of the time at most, or exports would wait for it.
    """
    last, moment = Heartbeat.objects.filter(name="eligibility").first(), now()
    if last and moment < last.at + _REST * timedelta(seconds=last.data.get("seconds", 0.0)):
        return 0
    began = time.monotonic()
    try:
        done = eligibility.refresh()
    except Refused:
        return 0
    beat("eligibility", data={"seconds": round(time.monotonic() - began, 3)})
    return done


@shared_task(name="requests_app.policy")
def policy() -> None:
    """The files of POLICY_DIR are in force; a faulty set is said loudly and the one before stays."""
    try:
        policy_actions.load(
            by=system("policy loader"), documents=policy_files.read(Path(settings.POLICY_DIR))
        )
    except (PolicyFaults, OSError, UnicodeDecodeError) as error:
        log.error("policy.faulty", faults=str(error))
    beat("policy")
