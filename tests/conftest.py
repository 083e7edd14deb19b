"""Fixtures every test may use: a database that can be flushed, people by role, the demo policy, clients."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from latchportal.demo import databases
from tests.support import database, once, organisation, ready
from tests.support.organisation import Organisation

ClientFor = Callable[..., Client]


@pytest.fixture(scope="session", autouse=True)
def _worked_out_once() -> Iterator[None]:
    with once.worked_out():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The database of a worker begins as a copy of the run's migrated one; alone, it is migrated from nothing."""
    if ready.in_this_run():
        ready.wait()
        connection.settings_dict["TEST"]["TEMPLATE"] = databases.DATABASE


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The test database is made, and TransactionTestCase's flush can empty it."""
    with django_db_blocker.unblock():
        database.let_flush(connection)


@pytest.fixture
def people(db: None) -> Organisation:
    """Everybody of the demo organisation: people["requester"], people["yuki"]."""
    return organisation.hire()


def _role(name: str) -> Any:
    @pytest.fixture(name=name)
    def person(people: Organisation) -> Any:
        return people[name]

    return person


requester = _role("requester")
manager = _role("manager")
security = _role("security")
security2 = _role("security2")
owner = _role("owner")
auditor = _role("auditor")
administrator = _role("administrator")
outsider = _role("outsider")
disabled = _role("disabled")
guest = _role("guest")
director = _role("director")


@pytest.fixture
def policy(administrator: Any) -> Any:
    """The demo's policy files are loaded and active."""
    return organisation.rule(administrator)


@pytest.fixture
def clock() -> Iterator[Any]:
    """It is a full hour, and whatever it is moved to: clock(moment)."""
    from tests.support.windows import on_the_hour

    with on_the_hour() as move:
        yield move


@pytest.fixture
def client_for() -> ClientFor:
    """Return a maker of clients that are signed in as somebody, from their own public address."""
    from tests.support.clients import signed_in

    return signed_in


@pytest.fixture(scope="session")
def _running_azure() -> Any:
    from tests.support.devcloud import running_devcloud

    with running_devcloud(write_seconds=0.05) as devcloud:
        yield devcloud


@pytest.fixture
def azure(_running_azure: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pretend Azure as it is when just started, with the site pointed at it."""
    from tests.support.azure import pointed_at

    _running_azure.control("POST", "reset")
    _running_azure.control("POST", "settings", {"write_seconds": 0.05})
    with pointed_at(_running_azure, settings, monkeypatch):
        yield _running_azure


@pytest.fixture(scope="session")
def stack() -> Any:
    """One running stack for a whole folder: every part a real process. Mark the folder's tests with one xdist_group."""
    from tests.support.stacks import running_stack

    with running_stack() as running:
        yield running
