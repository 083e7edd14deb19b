"""Steps of a convergence test in one line each: run the workers, move on in time, look at Azure. No assertions here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import time_machine

from audit_app.clock import now
from requests_app import gateways
from requests_app.converge import converge
from requests_app.models import Attempt, Grant, Opening
from requests_app.targets import credential
from tests.support.azure import containers
from tests.support.devcloud import Devcloud

WEB = "nsg-prod-web"
NIC = "nsg-prod-web-nic"
OURS = "latch-test-"


def run() -> None:
    """Every container has had a worker, one after the other."""
    for container in containers():
        converge(container.pk)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Inside, it is this moment, and time goes on from there. Tokens of another time are thrown away."""
    forget_tokens()
    with time_machine.travel(moment, tick=True):
        yield
    forget_tokens()


def forget_tokens() -> None:
    """Whatever asks Azure next does so with a token of the clock as it is: one of the future is not valid yet."""
    credential._made.clear()


@contextmanager
def later(seconds: float) -> Iterator[None]:
    """Inside, so many seconds have gone by."""
    with at(now() + timedelta(seconds=seconds)):
        yield


@contextmanager
def hurried(monkeypatch: Any, *, read_timeout: float = 0.5, deadline: float = 1.5) -> Iterator[None]:
    """The site gives up on Azure sooner than in production: a setting, so that a test need not wait."""
    quick = replace(gateways.azure_config(), read_timeout=read_timeout, write_deadline_seconds=deadline)
    with monkeypatch.context() as patched:
        patched.setattr(gateways, "azure_config", cache(lambda: quick))
        gateways.target.cache_clear()
        yield
    gateways.target.cache_clear()


def ours(azure: Devcloud, nsg: str = WEB) -> dict[str, dict[str, Any]]:
    """Return the rules in this group that carry our mark."""
    return {name: rule for name, rule in azure.rules(nsg).items() if name.startswith(OURS)}


def fresh(grant: Grant) -> Grant:
    """Return the grant as the database has it."""
    return Grant.objects.select_related("entitlement__resource", "person", "access_request").get(pk=grant.pk)


def opening_of(grant: Grant) -> Opening:
    """Return the grant's only opening."""
    return Opening.objects.get(grant=grant)


def outcomes(grant: Grant, kind: str = "write") -> list[str]:
    """Return how each attempt of this kind went, oldest first."""
    return list(Attempt.objects.filter(opening__grant=grant, kind=kind).values_list("outcome", flat=True))


def writes(azure: Devcloud, method: str = "PUT") -> int:
    """Return how many calls of this method Azure has had."""
    return sum(call["method"] == method for call in azure.calls())
