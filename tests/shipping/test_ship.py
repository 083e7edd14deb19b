"""A round of shipping against a shelf: in order, once each, in batches, past what is at fault, and never losing one."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.models import Event, ShippingCursor
from audit_app.shipping import delivery, hold
from audit_app.shipping.destination import Limits, Unavailable
from audit_app.shipping.ship import LONGEST_PAUSE, SET_ASIDE, pause_after, ship
from tests.audit_app.trail_makers import happened, many
from tests.shipping.makers import Shelf, cursor, due

pytestmark = pytest.mark.django_db


def numbers() -> list[int]:
    return list(Event.objects.order_by("id").values_list("id", flat=True))


def test_everything_is_shipped_in_order_and_once() -> None:
    many(25)
    shelf = Shelf()
    done = ship(shelf)
    assert shelf.kept == numbers()
    assert (done.taken, done.batches) == (25, 3)
    assert ship(shelf).taken == 0
    assert shelf.kept == numbers()


def test_a_batch_is_within_both_limits() -> None:
    many(25)
    # As long as the longest number is, four fit; shorter ones may be one more to a batch.
    sizes = [len(str(number)) for number in numbers()]
    limit = max(sizes) * 4
    shelf = Shelf(limits=Limits(events=10, size=limit))
    ship(shelf)
    assert shelf.kept == numbers()
    batches, filled = 1, 0
    for size in sizes:
        batches, filled = (batches + 1, size) if filled + size > limit else (batches, filled + size)
    assert shelf.calls == batches


def test_an_event_larger_than_the_limit_is_tried_alone() -> None:
    many(3)
    shelf = Shelf(limits=Limits(events=10, size=1))
    ship(shelf)
    assert shelf.kept == numbers()


def test_a_round_ends_with_its_budget_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from audit_app.shipping import ship as module

    monkeypatch.setattr(module, "ROUND_EVENTS", 20)
    many(50)
    shelf = Shelf()
    assert [ship(shelf).taken for _ in range(4)] == [20, 20, 10, 0]
    assert shelf.kept == numbers()


def test_a_destination_that_is_away_loses_nothing_and_is_asked_less_and_less() -> None:
    many(25)
    shelf = Shelf(failing=[Unavailable("away")])
    assert ship(shelf).error == "away"
    assert cursor().failures == 1
    assert cursor().last_error == "away"
    assert ship(shelf) is None, "it is not due yet"
    due()
    ship(shelf)
    assert shelf.kept == numbers()
    assert (cursor().failures, cursor().last_error, cursor().due_at) == (0, "", None)


def test_what_was_taken_before_a_failure_is_not_sent_again() -> None:
    many(25)

    class Failing(Shelf):
        def send(self, encoded: Any) -> None:
            if self.calls == 1:
                self.calls += 1
                raise Unavailable("away")
            super().send(encoded)

    shelf = Failing()
    ship(shelf)
    assert cursor().shipped_to == numbers()[9]
    due()
    ship(shelf)
    assert shelf.kept == numbers()


def test_retry_after_is_obeyed_and_a_pause_is_capped() -> None:
    many(1)
    before = now()
    ship(Shelf(failing=[Unavailable("slow down", retry_after=120)]))
    assert cursor().due_at >= before + timedelta(seconds=120)
    assert all(LONGEST_PAUSE / 2 <= pause_after(50, None) <= LONGEST_PAUSE for _ in range(50))
    assert all(pause_after(1, 30) >= 30 for _ in range(50))
    assert len({pause_after(5, None) for _ in range(10)}) > 1, "two workers must not knock at the same time"


@pytest.mark.parametrize("at_fault", [{0}, {24}, {3, 17}, {4, 5, 6}])
def test_events_at_fault_are_set_aside_told_and_the_rest_goes_on(at_fault: set[int]) -> None:
    many(25)
    every = numbers()
    refused = {every[place] for place in at_fault}
    shelf = Shelf(refuses=frozenset(refused))
    done = ship(shelf)
    assert [one for one in shelf.kept if one in every] == [one for one in every if one not in refused]
    assert done.set_aside == cursor().set_aside == len(refused)
    told = Event.objects.filter(kind=SET_ASIDE).order_by("id")
    assert [event.data["number"] for event in told] == sorted(refused)
    assert {event.outcome for event in told} == {"failure"}
    assert "is at fault" in told[0].why
    assert ship(shelf).set_aside == 0, "an event that is set aside is never tried again"


def test_a_batch_with_many_at_fault_is_settled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "HALVING_SECONDS", 0.0)
    many(10)
    every = numbers()
    shelf = Shelf(refuses=frozenset(every[1::3]))
    ship(shelf)
    assert [one for one in shelf.kept if one in every] == [one for one in every if one not in shelf.refuses]
    assert cursor().set_aside == len(shelf.refuses)


def test_a_destination_that_refuses_everything_was_set_up_wrong_and_loses_nothing() -> None:
    many(45)
    shelf = Shelf(refuses=frozenset(numbers()))
    assert "refuses every event" in ship(shelf).error
    assert cursor().shipped_to == 0
    assert not Event.objects.filter(kind=SET_ASIDE).exists()
    assert shelf.calls < 60, "it does not ask for each event of a large batch"
    shelf.refuses = frozenset()
    due()
    ship(shelf)
    assert shelf.kept == numbers()


def test_one_event_at_fault_at_the_very_end_waits_for_the_next_to_prove_it() -> None:
    fault = happened()
    shelf = Shelf(refuses=frozenset({fault.pk}))
    assert ship(shelf).set_aside == 0
    good = happened()
    due()
    done = ship(shelf)
    assert done.set_aside == 1
    assert good.pk in shelf.kept


def test_the_event_that_tells_of_a_fault_is_not_told_of_itself() -> None:
    class AgainstItsOwn(Shelf):
        def encode(self, event: Event) -> bytes:
            if event.kind == SET_ASIDE:
                raise ValueError("no words for this")
            return super().encode(event)

    fault = happened()
    happened()
    shelf = AgainstItsOwn(refuses=frozenset({fault.pk}))
    assert ship(shelf).set_aside == 1
    good = happened()
    due()
    assert ship(shelf).set_aside == 1
    assert shelf.kept[-1] == good.pk
    assert Event.objects.filter(kind=SET_ASIDE).count() == 1


def test_an_event_that_can_not_be_encoded_does_not_stop_those_behind_it() -> None:
    many(5)
    middle = numbers()[2]

    class Clumsy(Shelf):
        def encode(self, event: Event) -> bytes:
            if event.pk == middle:
                raise ValueError("no words for this")
            return super().encode(event)

    shelf = Clumsy()
    ship(shelf)
    assert [one for one in numbers()[:5] if one != middle] == shelf.kept[:4]
    assert "can not be encoded" in Event.objects.get(kind=SET_ASIDE).why


def test_a_fault_of_our_own_is_told_and_does_not_stop_the_other_destinations() -> None:
    many(2)
    broken = Shelf(failing=[RuntimeError("a bug")])
    assert "RuntimeError" in ship(broken).error
    assert cursor().held_by == ""


def test_a_worker_that_was_killed_holds_others_up_for_a_minute_at_most() -> None:
    many(3)
    assert hold.take("shelf") is not None
    shelf = Shelf()
    assert ship(shelf) is None
    with time_machine.travel(now() + hold.LASTS + timedelta(seconds=1), tick=True):
        ship(shelf)
    assert shelf.kept == numbers()


def test_a_worker_whose_hold_was_lost_does_not_move_the_cursor() -> None:
    many(3)

    class Slow(Shelf):
        def send(self, encoded: Any) -> None:
            super().send(encoded)
            ShippingCursor.objects.update(held_by="somebody-else")

    ship(Slow())
    assert cursor().shipped_to == 0
    assert cursor().held_by == "somebody-else"


def test_killed_between_the_call_and_the_cursor_it_is_sent_again_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many(12)

    def killed(*_: Any, **__: Any) -> bool:
        raise KeyboardInterrupt

    shelf = Shelf()
    with monkeypatch.context() as patched:
        patched.setattr(hold, "moved", killed)
        with pytest.raises(KeyboardInterrupt):
            ship(shelf)
    assert cursor().shipped_to == 0
    with time_machine.travel(now() + hold.LASTS + timedelta(seconds=1), tick=True):
        ship(shelf)
    assert sorted(set(shelf.kept)) == numbers()
    assert len(shelf.kept) == 12 + 10, "one batch twice, each of its events under its own id"
