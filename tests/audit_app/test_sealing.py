"""The sealer: what is safely committed gets its place, once, without gaps; what is not yet decided waits."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import transaction
from structlog.testing import capture_logs

from audit_app import chain, jose, merkle, sealing, signing, tasks
from audit_app.clock import now
from audit_app.models import Event, Seal, SealedEvent
from audit_app.trail import record, system
from requests_app import keyring
from tests.audit_app.trail_makers import happened, many
from tests.support import own_cluster
from tests.support.races import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]


def places() -> list[tuple[int, int]]:
    return list(SealedEvent.objects.order_by("position").values_list("position", "event_id"))


def seals() -> list[chain.Seal]:
    return [sealing.as_sealed(row) for row in Seal.objects.order_by("sequence")]


def test_what_was_committed_has_its_place_in_the_order_of_its_ids() -> None:
    events = [happened() for _ in range(5)]
    assert sealing.seal() == 5
    assert places() == [(number, event.id) for number, event in enumerate(events, 1)]
    (seal,) = seals()
    leaves = list(SealedEvent.objects.order_by("position").values_list("leaf", flat=True))
    assert seal.root == merkle.root([bytes(leaf) for leaf in leaves]).hex()


def test_each_seal_names_the_one_before_it_and_is_signed() -> None:
    for _ in range(3):
        happened()
        sealing.seal()
    found = seals()
    assert [chain.breaks(before, seal) for before, seal in zip([None, *found], found, strict=False)] == [
        ""
    ] * 3
    check = jose.checker(keyring.seal_jwks())
    for seal, row in zip(found, Seal.objects.order_by("sequence"), strict=True):
        assert check(row.signature, "latch-seal") == seal.to_bytes()


def test_nothing_to_seal_is_one_query_and_no_seal(django_assert_num_queries: Any) -> None:
    happened()
    sealing.seal()
    with django_assert_num_queries(1):
        assert sealing.seal() == 0
    assert Seal.objects.count() == 1


def test_running_twice_seals_once() -> None:
    happened()
    assert (tasks.seal(), tasks.seal()) == (1, 0)
    assert len(places()) == 1


def test_two_at_once_seal_everything_once() -> None:
    many(300)
    answers = at_once(sealing.seal, sealing.seal)
    sealing.seal()
    assert sum(answer for answer in answers if isinstance(answer, int)) == 300, answers
    assert [position for position, _ in places()] == list(range(1, 301))


@pytest.mark.parametrize("database", [own_cluster.NAME, "postgres"])
def test_an_open_transaction_anywhere_in_the_cluster_holds_sealing_back(database: str) -> None:
    happened()
    sealing.seal()
    with own_cluster.open_transaction(database):
        happened()
        assert sealing.seal() == 0
    assert sealing.seal() == 1


def test_what_is_committed_late_comes_after_what_could_be_sealed_before() -> None:
    happened()
    sealing.seal()
    early = happened()
    with own_cluster.writing("test.slow") as slow:
        late = happened()
        assert sealing.seal() == 1
        assert places()[-1] == (2, early.id)
        slow.commit()
    assert sealing.seal() == 2
    between = Event.objects.get(kind="test.slow")
    assert early.id < between.id < late.id
    assert [event_id for _, event_id in places()[1:]] == [early.id, between.id, late.id]


def test_a_rolled_back_event_leaves_no_gap() -> None:
    happened()
    with transaction.atomic():
        record("test.undone", by=system("tests"))
        transaction.set_rollback(True)
    happened()
    assert sealing.seal() == 2
    assert [position for position, _ in places()] == [1, 2]


def test_a_backlog_is_sealed_in_several_seals_none_of_which_claims_to_be_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened()
    sealing.seal()
    monkeypatch.setattr(sealing, "BATCH", 10)
    monkeypatch.setattr(sealing, "_COMMITTED", sealing._COMMITTED.replace("LIMIT 4096", "LIMIT 10"))
    many(35)
    assert sealing.seal() == 35
    assert [(seal.count, seal.drained) for seal in seals()[1:]] == [
        (10, False),
        (10, False),
        (10, False),
        (5, True),
    ]
    assert [position for position, _ in places()] == list(range(1, 37))


def test_first_seals_take_all_that_was_there_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_LEFT_OVER", sealing._LEFT_OVER.replace("LIMIT 4096", "LIMIT 10"))
    many(25)
    assert sealing.seal() == 25
    assert [(seal.count, seal.drained) for seal in seals()] == [(10, False), (10, False), (5, True)]


def test_in_another_cluster_a_new_epoch_begins_with_all_that_has_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened()
    sealing.seal()
    # Restored rows bring numbers of the old cluster, far above and far below those that are given here.
    for number in ("1", "9000000000"):
        event = happened(why=number)
        own_cluster.behind_the_guards(
            f"UPDATE audit_app_event SET written_by = '{number}' WHERE id = {event.id}"
        )
    elsewhere = "(SELECT 'another/1'::text)"
    for name in ("_LOOK", "_COMMITTED"):
        monkeypatch.setattr(sealing, name, getattr(sealing, name).replace(sealing._EPOCH, elsewhere))
    monkeypatch.setattr(sealing, "_EPOCH", elsewhere)
    assert sealing.seal() == 3
    assert Event.objects.filter(kind=sealing.EPOCH_KIND).count() == 1
    happened()
    assert sealing.seal() == 1
    assert [seal.epoch == "another/1" for seal in seals()] == [False, True, True]
    assert len(places()) == Event.objects.count() == 5


def test_an_epoch_is_what_postgresql_says_of_itself() -> None:
    happened()
    sealing.seal()
    ((identifier,),) = own_cluster.sql("SELECT system_identifier FROM pg_control_system()")
    assert seals()[0].epoch == f"{identifier}/1"


def test_sealing_that_waits_for_30_seconds_raises_one_alarm() -> None:
    happened()
    sealing.seal()
    with own_cluster.open_transaction(), capture_logs() as logs:
        happened()
        with time_machine.travel(now() + timedelta(seconds=29)):
            sealing.seal()
        assert not Event.objects.filter(kind=sealing.LATE_KIND).exists()
        with time_machine.travel(now() + timedelta(seconds=31)):
            sealing.seal()
            sealing.seal()
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [sealing.LATE_KIND]
    assert Event.objects.filter(kind=sealing.LATE_KIND).count() == 1
    assert sealing.seal() == 2


def test_a_sealer_that_finds_another_at_work_raises_no_alarm(cluster: Any) -> None:
    happened()
    with psycopg.connect(cluster.url(own_cluster.NAME)) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (sealing._LOCK,))
        with time_machine.travel(now() + timedelta(minutes=5)):
            assert sealing.seal() == 0
    assert sealing.seal() == 1
    assert not Event.objects.filter(kind=sealing.LATE_KIND).exists()


def test_without_a_key_nothing_is_sealed_and_the_log_says_so(settings: Any, tmp_path: Any) -> None:
    happened()
    settings.LATCH_KEY_DIR = tmp_path
    with capture_logs() as logs:
        assert tasks.seal() == 0
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["seal.no_key"]
    assert not Seal.objects.exists()


def test_keys_are_handed_down_by_the_floor_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_handed_down", {})
    with pytest.raises(signing.NoKey, match="handed down"):
        signing.signer()
