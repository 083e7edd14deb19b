"""Closing while Azure fails in every way it can: it is tried for ever, and closed is what was read to be gone."""

from datetime import timedelta

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app import attention
from requests_app.actions import end
from requests_app.models import Attempt, Opening
from requests_app.targets.mark import describe
from tests.support.azure import activated
from tests.support.convergence import (
    NIC,
    WEB,
    at,
    fresh,
    hurried,
    later,
    opening_of,
    ours,
    outcomes,
    run,
    writes,
)

pytestmark = pytest.mark.django_db


def opened(people, **more):
    grant = activated(people, **more)
    run()
    assert fresh(grant).state == "open"
    return grant


PASSING = [
    ("throttle", {}),
    ("busy", {}),
    ("another_operation", {}),
    ("server_error", {}),
    ("applied_then_500", {}),
    ("lro_failed", {}),
    ("lro_failed", {"applied": True}),
    ("lro_canceled", {}),
    ("lost_poll", {"match": {"method": "POLL"}}),
    ("poll_forbidden", {"match": {"method": "POLL"}}),
    ("slow_operation", {"seconds": 0.3}),
    ("slow", {"seconds": 0.3}),
    ("drop_connection", {}),
    ("drop_connection", {"applied": True}),
]


@pytest.mark.parametrize(
    ("fault", "options"), PASSING, ids=[f"{f}{'-applied' if o.get('applied') else ''}" for f, o in PASSING]
)
def test_a_passing_fault_delays_the_closing_and_no_more(people, azure, fault, options):
    grant = opened(people)
    azure.fault(fault, **{"match": {"method": "DELETE"}, **options})
    end.end_now(by=people["requester"], grant_id=grant.pk)

    run()
    with later(5):
        run()

    assert fresh(grant).state == "closed", fault
    assert not ours(azure)
    assert Event.objects.filter(kind="grant.closed", object_id=str(grant.uid)).count() == 1


@pytest.mark.parametrize("fault", ["forbidden", "locked", "lro_failed", "drop_connection"])
def test_closing_is_tried_for_ever_and_shown_as_overdue(people, azure, fault):
    grant = opened(people)
    azure.fault(fault, match={"method": "DELETE"}, times=None)
    end.end_now(by=people["requester"], grant_id=grant.pk)
    for seconds in (0, 100, 86400):
        with later(seconds):
            run()
            assert fresh(grant).state == "closing"
            assert len(ours(azure)) == 1
            opening = opening_of(grant)
            assert opening.due_at - now() < timedelta(seconds=40), "the pause has an upper end"
            if seconds > 60:
                assert list(attention.overdue()) == [grant]
    azure.control("DELETE", "faults")
    with later(2 * 86400):
        run()
    assert fresh(grant).state == "closed"
    assert not ours(azure)


@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
def test_a_lock_put_on_while_open_delays_the_closing_until_it_is_lifted(people, azure, level):
    grant = opened(people)
    azure.control("POST", "locks", {"nsg": WEB, "level": level})
    with at(fresh(grant).expires_at):
        run()
        assert fresh(grant).state == "closing"
        azure.control("POST", "locks", {"nsg": WEB, "level": None})
    with at(fresh(grant).expires_at + timedelta(seconds=120)):
        run()
    assert fresh(grant).state == "closed"


def test_a_long_pause_asked_by_azure_delays_a_closing_by_minutes_at_most(people, azure):
    grant = opened(people)
    azure.fault("throttle", match={"method": "DELETE"}, seconds=7200)
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    assert opening_of(grant).due_at - now() <= timedelta(minutes=5)


def test_a_group_that_can_not_be_read_is_closed_all_the_same_but_not_said_to_be(people, azure):
    grant = opened(people)
    azure.fault("forbidden", match={"method": "GET"}, times=None)
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    assert not ours(azure), "removing needs no reading"
    assert fresh(grant).state == "closing", "closed is only what was read to be gone"
    azure.control("DELETE", "faults")
    with later(60):
        run()
    assert fresh(grant).state == "closed"


def test_a_delete_that_is_never_answered_is_read_back(people, azure, monkeypatch):
    grant = opened(people)
    azure.fault("apply_late", match={"method": "DELETE"}, seconds=0.8)
    end.end_now(by=people["requester"], grant_id=grant.pk)
    with hurried(monkeypatch, read_timeout=0.4):
        run()
        with later(10):
            run()
    assert fresh(grant).state == "closed"


def test_a_write_that_lands_after_we_gave_up_is_removed_and_the_grant_is_not_called_closed_before(
    people, azure, monkeypatch
):
    grant = activated(people)
    azure.fault("apply_late", match={"method": "PUT"}, seconds=2.0)
    with hurried(monkeypatch, read_timeout=0.3):
        run_once(grant)
        end.end_now(by=people["requester"], grant_id=grant.pk)
        run()
        assert outcomes(grant)[0] == "uncertain"
        assert not ours(azure)
        assert fresh(grant).state == "closing", "a write without an answer may still land"
        while not ours(azure):
            pass  # it lands two seconds after it was sent
    deadline = Attempt.objects.filter(opening__grant=grant).latest("deadline").deadline
    assert opening_of(grant).due_at <= deadline
    with at(deadline + timedelta(milliseconds=1)):
        run()
        assert not ours(azure)
        assert fresh(grant).state == "closed"


def run_once(grant):
    """One write and no second try: the grant's own converge would wait a second and try again."""
    from requests_app import gateways
    from requests_app.converge.write import write

    opening = Opening.objects.select_related("grant", "container").get(grant=grant)
    target = gateways.target("nsg")
    write(target, opening, target.read(opening.container.azure_id, correlation_id="c"))


@pytest.mark.parametrize("seconds", [30, 120])
def test_a_rule_that_comes_back_after_closing_is_found_by_the_hot_readings_and_said(people, azure, seconds):
    grant = opened(people)
    rule = next(iter(ours(azure).values()))
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    closed_at = fresh(grant).closed_at
    if seconds == 120:
        with at(closed_at + timedelta(seconds=30)):
            run()
    put_back(azure, rule)
    with at(closed_at + timedelta(seconds=seconds)):
        run()
        with later(5):
            run()
    assert not ours(azure)
    assert Event.objects.filter(kind="grant.found_open", object_id=str(grant.uid)).count() == 1
    assert Event.objects.filter(kind="grant.closed", object_id=str(grant.uid)).count() == 1


def put_back(azure, rule, **changed):
    """Somebody's late write lands."""
    body = {key: value for key, value in rule.items() if key not in ("name", "state", "id", "etag")}
    azure.control("PUT", f"rules/{WEB}/{rule['name']}", {**body, **changed})


def test_after_two_hot_readings_a_closed_grant_is_left_alone(people, azure):
    grant = opened(people)
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    closed_at = fresh(grant).closed_at
    for seconds in (30, 120):
        assert opening_of(grant).due_at == closed_at + timedelta(seconds=seconds)
        with at(closed_at + timedelta(seconds=seconds)):
            run()
    assert opening_of(grant).due_at is None
    assert outcomes(grant, "remove") == ["done"]


def test_our_rule_removed_by_hand_is_not_made_again_and_ends_its_grant_at_once(people, azure):
    grant = opened(people)
    name = opening_of(grant).name
    azure.control("DELETE", f"rules/{WEB}/{name}")
    before = writes(azure)
    other = activated(people, key="prod-web-02-ssh")
    run()  # the other opening makes a worker read the same group
    assert fresh(other).state == "open"
    assert (fresh(grant).state, fresh(grant).ended_why) == ("closed", "removed_in_azure")
    assert writes(azure) == before + 1, "only the other grant's rule was written"


def test_our_rule_widened_by_hand_is_closed_all_the_same(people, azure):
    grant = opened(people)
    put_back(azure, next(iter(ours(azure).values())), sourceAddressPrefix="203.0.113.0/24", priority=333)
    with at(fresh(grant).expires_at):
        run()
    assert fresh(grant).state == "closed"
    assert not ours(azure)


def test_a_rule_that_became_due_for_closing_while_the_worker_was_busy_is_not_written_again(people, azure):
    """Removed by hand and not known to be, when its end passes between the round's beginning and its writes."""
    grant = opened(people)
    azure.control("DELETE", f"rules/{WEB}/{opening_of(grant).name}")
    Opening.objects.filter(grant=grant).update(observed="unknown")
    before = writes(azure)
    with at(fresh(grant).expires_at - timedelta(seconds=1)):
        Opening.objects.filter(grant=grant).update(due_at=now())
        run()
    assert writes(azure) == before
    assert fresh(grant).state == "closed"


def test_two_grants_of_one_person_and_port_never_cut_each_other_short(people, azure):
    first, second = opened(people, minutes=10), opened(people, minutes=30)
    assert len(ours(azure)) == 2
    with at(fresh(first).expires_at):
        run()
        assert fresh(first).state == "closed"
        assert fresh(second).state == "open"
        assert list(ours(azure)) == [opening_of(second).name]
    with at(fresh(second).expires_at):
        run()
    assert not ours(azure)


@pytest.mark.parametrize("state", ["opening", "open"])
def test_past_its_hard_end_a_grant_closes_whatever_its_state(people, azure, state):
    grant = opened(people)
    if state == "opening":
        type(grant).objects.filter(pk=grant.pk).update(state="opening", opened_at=None, expires_at=None)
    with at(fresh(grant).hard_end + timedelta(seconds=1)):
        Opening.objects.filter(grant=grant).update(due_at=now())
        run()
        grant = fresh(grant)
        assert grant.state == "closed"
        assert not ours(azure)
    if state == "opening":
        type(grant).objects.filter(pk=grant.pk).update(opened_at=now())


def test_hard_end_is_never_passed_however_late_the_reading_back_was(people, azure, settings):
    grant = activated(people, minutes=30)
    azure.fault("server_error", match={"method": "GET"}, times=None)
    run()
    azure.control("DELETE", "faults")
    with at(grant.activated_at + timedelta(seconds=settings.OPENING_BUDGET_SECONDS - 5)):
        run()
    grant = fresh(grant)
    assert grant.state == "open"
    assert grant.expires_at <= grant.hard_end
    rule = next(iter(ours(azure).values()))
    assert rule["description"] == describe(grant.uid.hex[:12], grant.access_request_id, grant.hard_end)


def test_a_group_deleted_while_open_counts_as_closed(people, azure, watch):
    grant = opened(people, key="prod-web-03-ssh")
    azure.fault("forbidden", match={"method": "DELETE", "nsg": NIC}, times=1)
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    with later(10):
        run()
    assert fresh(grant).state == "closed"
    assert not ours(azure, NIC)
