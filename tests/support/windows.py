"""Asking for later in one line each: plans, what comes of them, and a clock to be moved. No assertions here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import time_machine

from audit_app import origin
from audit_app.clock import now
from requests_app.actions import activate, decide, submit
from requests_app.context import Ask
from requests_app.converge import converge
from requests_app.models import AccessRequest, Container, Entitlement, Grant, Person
from requests_app.policy.windows import Plan, plan
from tests.support.azure import REASON, active_stage, address_of
from tests.support.convergence import forget_tokens
from tests.support.waits import refreshed

KEY, NSG = "stg-web-01-ssh", "nsg-stg-web"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@contextmanager
def on_the_hour() -> Iterator[Callable[[datetime], None]]:
    """It is a full hour, and later as soon as the clock is moved; the directory copy is always fresh."""
    with time_machine.travel(now().replace(minute=0, second=0, microsecond=0), tick=True) as traveller:

        def move(to: datetime) -> None:
            traveller.move_to(to)
            forget_tokens()
            refreshed()

        forget_tokens()
        refreshed()
        yield move
    forget_tokens()


def in_hours(hours: float, **more: Any) -> Plan:
    """A plan whose first window begins so many hours from this one."""
    this = now().replace(minute=0, second=0, microsecond=0, tzinfo=None)
    return plan(this + hours * HOUR, "UTC", **more)


def asked_for(people: Any, wanted: Plan, *, minutes: float = 60, **more: Any) -> AccessRequest:
    ask = Ask(
        entitlement=Entitlement.objects.select_related("resource").get(key=more.pop("key", KEY)),
        duration=minutes * MINUTE,
        reason=REASON,
        source=address_of(people["requester"]),
        plan=wanted,
    )
    with origin.origin(source_address=ask.source):
        return submit.submit(by=people["requester"], ask=ask, submission_key=uuid4(), **more)


def agreed(people: Any, wanted: Plan, **more: Any) -> AccessRequest:
    access_request = asked_for(people, wanted, **more)
    stage = active_stage(access_request)
    decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve")
    access_request.refresh_from_db()
    return access_request


def activates(people: Any, access_request: AccessRequest, code: str = "") -> None:
    # As somebody who comes anew: what is known of them is as fresh as the directory copy.
    by = Person.objects.get(pk=people["requester"].pk)
    with origin.origin(source_address=address_of(by)):
        if code:
            activate.activate_with_code(by=by, text=code)
        else:
            activate.activate(by=by, access_request_id=access_request.pk)


def settle() -> None:
    for container in Container.objects.order_by("pk"):
        converge(container.pk)


def grants_of(access_request: AccessRequest) -> list[Grant]:
    return list(access_request.grants.order_by("activate_from", "pk"))
