"""What tests of sealing stand on: a cluster of their own, keys, an event or two. No assertions here."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import own_cluster


@pytest.fixture(scope="session")
def _own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("cluster")
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)  # the embedded database's own user walks through
    with own_cluster.running_cluster(folder) as server:
        yield server


@pytest.fixture(scope="session")
def _own_tables(_own_server: Any, django_db_setup: None, django_db_blocker: Any) -> Any:
    with django_db_blocker.unblock(), own_cluster.pointed_at(_own_server):
        own_cluster.made_ready()
    return _own_server


@pytest.fixture(scope="module")
def cluster(_own_tables: Any, django_db_blocker: Any) -> Iterator[Any]:
    """A PostgreSQL nobody else has a transaction open in; this module's tests run against it alone."""
    with django_db_blocker.unblock(), own_cluster.pointed_at(_own_tables):
        django_db_blocker.block()
        yield _own_tables
        django_db_blocker.unblock()
