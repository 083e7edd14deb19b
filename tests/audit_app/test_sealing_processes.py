"""Sealing by processes of their own: killed half-way, and as the role of the site, which owns nothing."""

from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings

from audit_app import sealing
from audit_app.models import Seal, SealedEvent
from audit_app.roles import APPEND_ONLY, grant_to_site
from tests.audit_app.trail_makers import many
from tests.support import own_cluster
from tests.support.waiting import until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.slow,
]
SEAL = "from audit_app import sealing; print(sealing.seal())"
SITE = "site_of_a_test"
COLUMNS = dict(zip(APPEND_ONLY, ("why", "root", "uid"), strict=True))


def waiting() -> bool:
    return bool(own_cluster.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))


def test_a_sealer_killed_between_places_and_seal_leaves_nothing_half(cluster: Any) -> None:
    many(50)
    with own_cluster.open_transaction("postgres"), psycopg.connect(cluster.url(own_cluster.NAME)) as holder:
        # Readers pass; the row of the seal, written after those of its places, has to wait.
        holder.execute("LOCK TABLE audit_app_seal IN SHARE MODE")
        sealer = own_cluster.process(cluster, SEAL)
        until(waiting, "the sealer", seconds=30)
        sealer.kill()
        sealer.communicate()
    until(lambda: not waiting(), "the end of its connection", seconds=30)
    assert (SealedEvent.objects.count(), Seal.objects.count()) == (0, 0)
    until(lambda: sealing.seal() == 50, "the next sealer", seconds=30)
    assert SealedEvent.objects.order_by("-position").values_list("position", flat=True).first() == 50


def test_the_sites_role_can_seal_and_can_change_nothing_sealed(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cluster.sql(f"DROP ROLE IF EXISTS {SITE}")
    own_cluster.sql(f"CREATE ROLE {SITE} LOGIN")
    try:
        monkeypatch.setitem(django_settings.DATABASES["default"], "USER", SITE)
        grant_to_site(using="owner")
        monkeypatch.undo()
        many(3)
        done = own_cluster.process(cluster, SEAL, SITE).communicate(timeout=60)
        assert done[0].strip() == "3", done[1]
        with psycopg.connect(cluster.url(own_cluster.NAME, SITE), autocommit=True) as site:
            for table, column in COLUMNS.items():
                for verb in (
                    f"UPDATE {table} SET {column} = {column}",
                    f"DELETE FROM {table}",
                    f"TRUNCATE {table}",
                ):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        site.execute(verb.encode())
    finally:
        own_cluster.sql(f"DROP OWNED BY {SITE}")
        own_cluster.sql(f"DROP ROLE {SITE}")
