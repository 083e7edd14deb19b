"""The demo's database and its two roles: one owns the tables, the site's does not. No schema here."""

import psycopg
from psycopg import sql

from latchportal.demo.postgres import Postgres

DATABASE, OWNER, SITE = "latch", "latch_owner", "latch_site"


def prepare(server: Postgres) -> None:
    """Both roles and the database are there, the database owned by the owner's role."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for role in (OWNER, SITE):
            if not _known(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        if not _known(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            words = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(words.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def _known(connection: psycopg.Connection[tuple[object, ...]], query: str, name: str) -> bool:
    return connection.execute(query.encode(), (name,)).fetchone() is not None
