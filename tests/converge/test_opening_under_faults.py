"""Opening while Azure fails in every way it can: what the grant shows, what Azure holds, what the trail says."""

from datetime import timedelta
from functools import cache

import pytest

from audit_app.models import Event
from requests_app import gateways
from requests_app.models import Message
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

# Fault, its options, and how the attempts must stand in the database afterwards.
PASSING = [
    ("throttle", {}, ["failed", "done"]),
    ("busy", {}, ["failed", "done"]),
    ("another_operation", {}, ["failed", "done"]),
    ("server_error", {}, ["uncertain", "done"]),
    ("applied_then_500", {}, ["uncertain"]),
    ("lro_failed", {}, ["uncertain", "done"]),
    ("lro_failed", {"applied": True}, ["uncertain"]),
    ("lro_canceled", {}, ["uncertain", "done"]),
    ("lost_poll", {"match": {"method": "POLL"}}, ["uncertain"]),
    ("poll_forbidden", {"match": {"method": "POLL"}}, ["uncertain"]),
    ("slow_operation", {"seconds": 0.3}, ["done"]),
    ("slow", {"seconds": 0.3}, ["done"]),
    ("drop_connection", {}, ["uncertain", "done"]),
    ("drop_connection", {"applied": True}, ["uncertain"]),
]


def _name(row):
    return "-".join([row[0], *(f"{key}" for key in row[1] if key == "applied")])


@pytest.mark.parametrize(("fault", "options", "attempts"), PASSING, ids=map(_name, PASSING))
def test_a_passing_fault_delays_the_opening_and_no_more(people, azure, fault, options, attempts):
    grant = activated(people)
    azure.fault(fault, **{"match": {"method": "PUT"}, **options})

    run()
    with later(5):
        run()

    grant = fresh(grant)
    assert grant.state == "open", f"{fault}: {grant.state}, {grant.ended_note}"
    assert len(ours(azure)) == 1
    assert outcomes(grant)[: len(attempts)] == attempts
    assert Event.objects.filter(kind="grant.opened", object_id=str(grant.uid)).count() == 1


@pytest.mark.parametrize("fault", ["hang", "apply_late"])
def test_a_write_that_is_never_answered_is_read_back_and_tried_again(people, azure, monkeypatch, fault):
    grant = activated(people)
    azure.fault(fault, match={"method": "PUT"}, seconds=1.0)
    with hurried(monkeypatch, read_timeout=0.4):
        run()
        with later(5):
            run()
    assert fresh(grant).state == "open"
    assert outcomes(grant)[0] == "uncertain"
    assert len(ours(azure)) == 1


PERMANENT = [
    ("forbidden", "does not let the portal change"),
    ("locked", "A lock in Azure protects"),
    ("policy_denied", "An Azure Policy of your organisation forbids"),
]


@pytest.mark.parametrize(("fault", "words"), PERMANENT, ids=[row[0] for row in PERMANENT])
def test_a_lasting_refusal_fails_the_opening_in_words_and_leaves_nothing(people, azure, fault, words):
    grant = activated(people)
    azure.fault(fault, match={"method": "PUT"}, times=None)
    run()
    grant = fresh(grant)
    assert (grant.state, grant.ended_why) == ("closed", "failed")
    assert words in grant.ended_note
    assert not ours(azure)
    failed = Event.objects.get(kind="grant.failed", object_id=str(grant.uid))
    assert (failed.outcome, failed.why) == ("failure", grant.ended_note)
    assert Message.objects.filter(kind="closed", recipient=people["requester"]).count() == 1


def test_a_group_that_is_missing_is_said(people, azure):
    from requests_app.models import Entitlement

    Entitlement.objects.filter(key="prod-web-01-ssh").update(
        nsgs=[Entitlement.objects.get(key="prod-web-01-ssh").nsgs[0].replace(WEB, "nsg-gone")]
    )
    grant = activated(people)
    run()
    grant = fresh(grant)
    assert (grant.state, grant.ended_why) == ("closed", "failed")
    assert "Azure knows no nsg-gone" in grant.ended_note


def test_a_full_band_is_said(people, azure, settings, watch):
    settings.PRIORITY_BAND = range(200, 203)
    taken = {rule["priority"] for rule in azure.rules(WEB).values()}
    for number in set(settings.PRIORITY_BAND) - taken:
        azure.control("PUT", f"rules/{WEB}/somebody-{number}", _rule(number))
    watch.accept()
    grant = activated(people)
    run()
    grant = fresh(grant)
    assert (grant.state, grant.ended_why) == ("closed", "failed")
    assert "no room for one more rule" in grant.ended_note
    assert writes(azure) == 0


def _rule(priority, access="Deny"):
    return {
        "priority": priority,
        "direction": "Inbound",
        "access": access,
        "protocol": "Tcp",
        "sourceAddressPrefix": "198.51.100.7",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.20.1.4",
        "destinationPortRange": "22",
    }


class Overtaken:
    """The real target, but somebody puts a rule of theirs at the number we chose, just after we looked."""

    def __init__(self, azure, number):
        self.real, self.azure, self.number, self.seen = gateways.target("nsg"), azure, number, False

    def read(self, container_id, **more):
        state = self.real.read(container_id, **more)
        if not self.seen:
            self.seen = True
            self.azure.control("PUT", f"rules/{WEB}/somebody", _rule(self.number))
        return state

    def __getattr__(self, name):
        return getattr(self.real, name)


def test_a_foreign_rule_that_takes_our_number_first_is_left_alone(people, azure, watch, monkeypatch):
    number = next(n for n in range(200, 999) if n not in {r["priority"] for r in azure.rules(WEB).values()})
    target = Overtaken(azure, number)
    monkeypatch.setattr(gateways, "target", cache(lambda kind: target))
    grant = activated(people)
    run()
    watch.accept()
    with later(5):
        run()
    assert fresh(grant).state == "open"
    assert outcomes(grant) == ["failed", "done"]
    assert opening_of(grant).priority == number + 1
    assert azure.rules(WEB)["somebody"]["priority"] == number


def test_an_opening_that_never_succeeds_gives_up_at_its_budget_and_says_so(people, azure, settings):
    grant = activated(people)
    azure.fault("server_error", match={"method": "PUT"}, times=None)
    run()
    assert fresh(grant).state == "opening"
    with at(grant.activated_at + timedelta(seconds=settings.OPENING_BUDGET_SECONDS, milliseconds=50)):
        run()
        grant = fresh(grant)
        assert (grant.state, grant.ended_why) == ("closed", "failed")
        assert "could not be opened in time" in grant.ended_note
    with later(600):
        run()
    assert fresh(grant).state == "closed"


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_long_pause_asked_by_azure_never_outlasts_the_budget_of_an_opening(people, azure, settings, method):
    """A Retry-After of two hours must not hide a rule that may have been written until long after its end."""
    grant = activated(people)
    azure.fault("throttle", match={"method": method}, seconds=7200)
    run()
    budget = grant.activated_at + timedelta(seconds=settings.OPENING_BUDGET_SECONDS)
    assert opening_of(grant).due_at <= budget


def test_half_of_two_groups_is_taken_back_at_the_budget_not_at_the_hard_end(people, azure, settings):
    grant = activated(people, key="prod-web-03-ssh")
    azure.fault("server_error", match={"method": "PUT", "nsg": NIC}, times=None)
    run()
    assert fresh(grant).state == "opening"
    assert len(ours(azure, WEB)) == 1
    budget = grant.activated_at + timedelta(seconds=settings.OPENING_BUDGET_SECONDS)
    assert all(opening.due_at <= budget for opening in grant.openings.all())
    with at(budget + timedelta(milliseconds=50)):
        run()
        run()
        assert not ours(azure, WEB)
    with later(600):
        run()
    assert fresh(grant).state == "closed"


def test_a_failed_half_takes_the_other_half_with_it(people, azure):
    grant = activated(people, key="prod-web-03-ssh")
    azure.fault("policy_denied", match={"method": "PUT", "nsg": NIC}, times=None)
    run()
    run()
    assert fresh(grant).state == "closed"
    assert not ours(azure, WEB)
    assert not ours(azure, NIC)


@pytest.mark.parametrize("fault", ["throttle", "server_error", "forbidden", "drop_connection"])
def test_a_group_that_can_not_be_read_opens_nothing_until_it_can(people, azure, fault):
    grant = activated(people)
    azure.fault(fault, match={"method": "GET"}, times=8)
    run()
    assert fresh(grant).state == "opening"
    assert not ours(azure)
    azure.control("DELETE", "faults")
    with later(60):
        run()
    assert fresh(grant).state == "open"
