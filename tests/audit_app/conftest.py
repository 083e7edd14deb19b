"""What tests of sealing stand on: a cluster of their own, keys, an event or two. No assertions here."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import own_cluster


@pytest.fixture(scope="session")
def _own_server() -> Iterator[Any]:
    # Not below pytest's own folder: the database's user walks through, and another session shuts that one again.
    folder = Path(tempfile.mkdtemp(prefix="latch-cluster-"))
    folder.chmod(0o755)
    try:
        with own_cluster.running_cluster(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
