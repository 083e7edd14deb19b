"""The horizon, with two real connections: no number is passed while a lower one may still appear."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from audit_app.models import Event
from audit_app.shipping import horizon
from audit_app.shipping.ship import ship
from tests.audit_app.trail_makers import happened
from tests.shipping.makers import AT, Shelf

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests() -> None:
    horizon._forget()


@contextmanager
def writer(begin: Callable[[], Any], end: Callable[[], Any] = lambda: None) -> Iterator[Callable[[], None]]:
    """Another connection has done `begin` in an open transaction; calling what is handed out does `end` and commits."""
    begun, may_end = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with transaction.atomic():
                begin()
                begun.set()
                may_end.wait(20)
                end()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failures.append(error)
        finally:
            begun.set()
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(20)

    def finish() -> None:
        may_end.set()
        thread.join(20)
        assert not thread.is_alive()

    try:
        yield finish
    finally:
        finish()
        if failures:
            raise failures[0]


def last() -> int:
    return Event.objects.order_by("-id").values_list("id", flat=True)[0]


def test_what_is_committed_is_settled_when_nobody_writes() -> None:
    happened()
    assert horizon.settled() == last()


def test_a_number_is_not_passed_while_a_lower_one_is_uncommitted() -> None:
    first = happened().pk
    with writer(happened) as commit:
        happened()
        assert horizon.settled() <= first
        commit()
    assert horizon.settled() == last() == first + 2


def test_a_writer_that_holds_a_number_and_no_row_yet_is_waited_for() -> None:
    """The case that transaction ids do not see: the number is taken, no id was given to the transaction."""
    first = happened().pk
    taken: list[int] = []

    def take_number() -> None:
        with connection.cursor() as cursor:
            # As a statement does it: its table is locked before it computes anything.
            cursor.execute("LOCK TABLE audit_app_event IN ROW EXCLUSIVE MODE")
            cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_app_event', 'id'))")
            taken.append(cursor.fetchone()[0])

    def write_it() -> None:
        Event(id=taken[0], at=AT, kind="late.event", actor_id="system:x", actor_label="x").save(
            force_insert=True
        )

    with writer(take_number, write_it) as commit:
        assert happened().pk > taken[0]
        assert horizon.settled() <= first
        commit()
    assert horizon.settled() == last()
    assert Event.objects.filter(pk=taken[0]).exists()


def test_an_open_transaction_that_only_reads_holds_nothing_back() -> None:
    with writer(lambda: Event.objects.count()):
        happened()
        assert horizon.settled() == last()


def test_writers_that_never_all_rest_hold_nothing_back_for_long() -> None:
    happened()
    with writer(happened) as commit_first:
        assert horizon.settled() < last() + 1
        seen = last()
        with writer(happened):
            commit_first()
            assert horizon.settled() >= seen, "only those who wrote then are waited for"


def test_an_event_committed_late_is_shipped_all_the_same() -> None:
    shelf = Shelf()
    first = happened().pk
    ship(shelf)
    with writer(happened) as commit:
        third = happened().pk
        ship(shelf)
        assert shelf.kept == [first], "the cursor must not pass a number that is still to come"
        commit()
    ship(shelf)
    assert shelf.kept == [first, third - 1, third]


def test_one_that_was_rolled_back_leaves_a_gap_and_holds_nothing_back() -> None:
    shelf = Shelf()
    with transaction.atomic():
        happened()
        transaction.set_rollback(True)
    after = happened().pk
    ship(shelf)
    assert shelf.kept == [after]


def test_a_database_that_went_back_is_looked_at_anew() -> None:
    happened()
    horizon._seen.settled = last() + 1_000_000
    assert horizon.settled() == last()
