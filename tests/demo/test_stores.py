"""The embedded database and broker start, answer, keep or forget, and stop."""

from pathlib import Path

import psycopg
import pytest

from latchportal.demo import databases, redis
from latchportal.demo.postgres import Postgres
from latchportal.demo.processes import PartFailed
from latchportal.demo.stack import free_ports


@pytest.fixture
def server(tmp_path: Path) -> Postgres:
    return Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log")


def test_database_keeps_its_data_and_its_two_roles(server: Postgres) -> None:
    part = server.start()
    try:
        databases.prepare(server)
        with psycopg.connect(server.url(databases.DATABASE, databases.OWNER)) as owner:
            owner.execute("CREATE TABLE kept (word text)")
        with (
            psycopg.connect(server.url(databases.DATABASE, databases.SITE)) as site,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            site.execute("CREATE TABLE mine (word text)")
        part.stop()
        part = server.start()
        databases.prepare(server)
        with psycopg.connect(server.url(databases.DATABASE, databases.OWNER)) as owner:
            assert owner.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    finally:
        part.stop()
        server.wipe()
    assert not server.home.exists()


def test_redis_answers_and_forgets(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    part = redis.redis_part(port=port, log=tmp_path / "redis.log")
    part.start()
    try:
        part.wait_until(lambda: redis.answers(port), what="an answer")
        redis.flush(port)
    finally:
        part.stop()
    assert not redis.answers(port)
    with pytest.raises(PartFailed, match="did not forget"):
        redis.flush(port)
