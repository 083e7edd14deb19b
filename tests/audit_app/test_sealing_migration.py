"""The migration that brings seals: what was there before gets its salt and its place, and no guard slept for it."""

from typing import Any

import pytest
from django.core.management import call_command

from audit_app import sealing
from audit_app.models import Event, SealedEvent
from tests.audit_app.chain_makers import inside
from tests.audit_app.trail_makers import happened
from tests.support import own_cluster

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
    pytest.mark.slow,
]
BEFORE = "0005_export_forms"
OLD = """
    INSERT INTO audit_app_event (uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind,
        object_id, object_label, resource_label, story, correlation_id, why, data)
    SELECT gen_random_uuid(), now(), 'test.old', 'success', 'a', 'A', '', '', '', '', '', '', '', 'c', '', '{}'
    FROM generate_series(1, 30)
"""


def states() -> dict[str, str]:
    found = own_cluster.sql(
        "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgname LIKE 'audit_app_%%no_change' ORDER BY 1"
    )
    return {str(name): str(state) for name, state in found}


def test_events_from_before_get_a_salt_each_and_are_sealed(cluster: Any) -> None:
    try:
        call_command("migrate", "audit_app", BEFORE, verbosity=0)
        assert states() == {"audit_app_event_no_change": "A"}
        own_cluster.sql(OLD)
    finally:
        call_command("migrate", verbosity=0)
        own_cluster.made_ready()
    assert set(states().values()) == {"A"}
    assert len(states()) == 3
    assert len({bytes(salt) for salt in Event.objects.values_list("salt", flat=True)}) == 30
    happened()
    sealing.seal()
    assert SealedEvent.objects.count() == 31
    assert inside().startswith("sound")
