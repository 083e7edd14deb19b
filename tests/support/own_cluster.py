"""A PostgreSQL cluster of a test's own, with Django pointed at it: sealing waits for every transaction of its cluster.

Nothing of the trail here beyond its guards; no assertions.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection, connections

from latchportal.demo import databases
from latchportal.demo.postgres import Postgres
from tests.support import database, ready
from tests.support.environment import ROOT

NAME = "test_sealing"
ALIASES = ("default", "owner")


@contextmanager
def running_cluster(directory: Path) -> Iterator[Postgres]:
    """A server runs over this directory, with a database in it that made_ready() need only complete."""
    server = Postgres(directory / "postgres", log=directory / "postgres.log", durable=True)
    template = databases.DATABASE if ready.copied_into(server) else "template1"
    part = server.start()
    try:
        with psycopg.connect(server.url("postgres"), autocommit=True) as plain:
            plain.execute(f"CREATE DATABASE {NAME} TEMPLATE {template}".encode())
        yield server
    finally:
        part.stop()
        server.wipe()


@contextmanager
def pointed_at(server: Postgres, name: str = NAME) -> Iterator[None]:
    """Both connections of this process, in every thread of it, lead to this server's database; afterwards back."""
    connections.close_all()
    there = {"NAME": name, "HOST": str(server.sockets), "USER": "postgres", "PASSWORD": "", "PORT": ""}
    before = {alias: dict(connections[alias].settings_dict) for alias in ALIASES}
    for alias in ALIASES:
        connections[alias].settings_dict.update(there)
    try:
        yield
    finally:
        connections.close_all()
        for alias in ALIASES:
            connections[alias].settings_dict.update({key: before[alias].get(key, "") for key in there})


def made_ready() -> None:
    """The tables are there, and a test may flush them."""
    call_command("migrate", interactive=False, verbosity=0)
    database.let_flush(connection)


def sql(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what this statement gives on a connection of its own, as superuser."""
    with psycopg.connect(**_address(), autocommit=True) as plain:
        found = plain.execute(statement.encode(), values or None)
        return found.fetchall() if found.description else []


def behind_the_guards(*statements: str) -> None:
    """These ran as superuser, with every trigger asleep: what the strongest intruder in the database can do."""
    tables = ", ".join(f"'{table}'::regclass" for table in database.GUARDED)
    with psycopg.connect(**_address()) as plain:
        plain.execute("SET LOCAL session_replication_role = replica")
        names = plain.execute(
            f"SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgrelid IN ({tables})".encode()
        ).fetchall()
        for table, name in names:
            plain.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}".encode())
        for statement in statements:
            plain.execute(statement.encode())
        for table, name in names:
            state = "DISABLE" if str(name).endswith("no_truncate") else "ENABLE ALWAYS"
            plain.execute(f"ALTER TABLE {table} {state} TRIGGER {name}".encode())


@contextmanager
def open_transaction(name: str = NAME) -> Iterator[Any]:
    """Somebody has a transaction open that wrote something, in this or another database of the cluster."""
    with psycopg.connect(**{**_address(), "dbname": name}) as plain:
        plain.execute("SELECT pg_current_xact_id()")
        try:
            yield plain
        finally:
            plain.rollback()


@contextmanager
def writing(kind: str) -> Iterator[Any]:
    """Somebody has written an event of this kind and did not commit it yet."""
    columns = (
        "uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind, object_id, "
        "object_label, resource_label, story, correlation_id, why, data"
    )
    values = "gen_random_uuid(), now(), %s, 'success', 'a', 'A', '', '', '', '', '', '', '', 'c', '', '{}'"
    with psycopg.connect(**_address()) as plain:
        plain.execute(f"INSERT INTO audit_app_event ({columns}) VALUES ({values})".encode(), (kind,))
        yield plain


def process(server: Postgres, code: str, user: str = "postgres") -> "subprocess.Popen[str]":
    """Return a Python of its own that runs this with Django set up, connected as this role."""
    env = {**os.environ, "DATABASE_URL": server.url(NAME, user), "DATABASE_OWNER_URL": server.url(NAME)}
    words = [sys.executable, "-c", f"import django; django.setup(); {code}"]
    return subprocess.Popen(
        words, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _address() -> dict[str, Any]:
    said = connection.settings_dict
    return {"dbname": said["NAME"], "host": said["HOST"], "user": said["USER"]}
