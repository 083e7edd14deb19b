"""Two workers, or a worker and a person, at the same instant: one outcome, told once."""
# ruff: noqa: B023 - the threads of a round are over before its variables change

import pytest

from audit_app.models import Event
from requests_app.actions import end
from requests_app.converge import converge, lease
from requests_app.converge.due import bring_about
from tests.support import invariants
from tests.support.azure import activated, containers
from tests.support.convergence import at
from tests.support.races import at_once, count

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
TIMES = range(3)  # a machine under load needs seconds for each; raise it to hunt


def test_ending_while_the_time_runs_out_ends_once(people, policy, azure):
    for _ in TIMES:
        grant = activated(people)
        converge(containers()[0].pk)
        grant.refresh_from_db()
        with at(grant.expires_at):
            at_once(
                lambda: end.end_now(by=people["requester"], grant_id=grant.pk),
                lambda: bring_about(containers()[0]),
            )
        ends = Event.objects.filter(object_id=str(grant.uid), kind__in=["grant.ended", "grant.expired"])
        assert ends.count() == 1
        grant.refresh_from_db()
        assert grant.state == "closing"
    invariants.work_is_scheduled()


def test_two_workers_at_one_container_write_once(people, policy, azure):
    for _ in TIMES:
        grant = activated(people)
        (container,) = containers()
        before = sum(call["method"] == "PUT" for call in azure.calls())
        answers = at_once(lambda: converge(container.pk), lambda: converge(container.pk))
        assert 0 in answers, f"both held the lease: {answers}"
        assert sum(call["method"] == "PUT" for call in azure.calls()) == before + 1
        grant.refresh_from_db()
        assert grant.state == "open"


def test_two_workers_never_hold_one_lease(people, policy):
    activated(people)
    (container,) = containers()
    for _ in TIMES:
        holds = [hold for hold in at_once(*[lambda: lease.take(container.pk)] * 4) if hold]
        assert len(holds) == 1
        holds[0].release()


def test_the_two_halves_of_a_grant_read_at_once_open_it_once(people, policy, azure):
    for _ in TIMES:
        grant = activated(people, key="prod-web-03-ssh")
        at_once(*(lambda pk=container.pk: converge(pk) for container in containers()))
        grant.refresh_from_db()
        assert grant.state == "open"
        assert count("grant.opened", object_id=str(grant.uid)) == 1
        end.end_now(by=people["requester"], grant_id=grant.pk)
        at_once(*(lambda pk=container.pk: converge(pk) for container in containers()))
        grant.refresh_from_db()
        assert grant.state == "closed"
        assert count("grant.closed", object_id=str(grant.uid)) == 1
    invariants.work_is_scheduled()
