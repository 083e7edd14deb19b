"""Workers that die, stall, lose their lease or come twice: nothing is doubled, nothing is forgotten."""

from datetime import timedelta
from functools import cache

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app import gateways
from requests_app.actions import end, revoke
from requests_app.converge import converge, lease
from requests_app.converge import write as writing
from requests_app.models import Attempt, Container, Message, Opening
from tests.support.azure import activated, containers
from tests.support.convergence import at, fresh, later, opening_of, ours, outcomes, run, writes

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The process is gone: nothing after this line of it ever runs."""


class Around:
    """The real target, with something happening just before or after one call of it."""

    def __init__(self, *, before=None, after=None, method="write"):
        self.real, self.method = gateways.target("nsg"), method
        self.before, self.after = before, after

    def __getattr__(self, name):
        return self._wrapped if name == self.method else getattr(self.real, name)

    def _wrapped(self, *args, **more):
        before, self.before = self.before, None
        if before:
            before()
        answer = getattr(self.real, self.method)(*args, **more)
        after, self.after = self.after, None
        if after:
            after()
        return answer


@pytest.fixture
def around(monkeypatch, azure):
    def put(**how):
        target = Around(**how)
        monkeypatch.setattr(gateways, "target", cache(lambda kind: target))

    return put


def die():
    raise Killed


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_around_its_write_leaves_work_that_the_next_one_completes(
    people, azure, around, moment
):
    grant = activated(people)
    around(**{moment: die})
    with pytest.raises(Killed):
        run()
    assert outcomes(grant) == [""], "the attempt was committed before the write was sent"
    assert fresh(grant).state == "opening"
    run()
    grant = fresh(grant)
    assert grant.state == "open"
    assert len(ours(azure)) == 1
    assert writes(azure) == 1, "what was written before the death is read back, not written again"
    assert Event.objects.filter(kind="grant.opened", object_id=str(grant.uid)).count() == 1
    assert Message.objects.filter(kind="opened").count() == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_around_its_removal_leaves_work_that_the_next_one_completes(
    people, azure, around, moment
):
    grant = activated(people)
    run()
    around(**{moment: die, "method": "remove"})
    with at(fresh(grant).expires_at), pytest.raises(Killed):
        run()
    with at(fresh(grant).expires_at + timedelta(seconds=1)):
        run()
    assert fresh(grant).state == "closed"
    assert not ours(azure)
    assert Event.objects.filter(kind="grant.expired", object_id=str(grant.uid)).count() == 1


def test_a_worker_killed_before_its_write_was_answered_keeps_the_grant_from_being_called_closed(
    people, azure, around
):
    grant = activated(people)
    around(before=die)
    with pytest.raises(Killed):
        run()
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    assert fresh(grant).state == "closing"
    deadline = Attempt.objects.get(opening__grant=grant).deadline
    assert opening_of(grant).due_at == deadline
    with at(deadline):
        run()
    assert fresh(grant).state == "closed"


def test_a_killed_workers_container_is_free_again_when_its_lease_is_over(people, azure):
    grant = activated(people)
    (container,) = containers()
    assert lease.take(container.pk)
    assert converge(container.pk) == 0, "another worker holds it"
    assert fresh(grant).state == "opening"
    with later(lease.LASTS.total_seconds() + 1):
        run()
    assert fresh(grant).state == "open"


def test_two_workers_never_hold_one_container(azure, people):
    activated(people)
    (container,) = containers()
    first = lease.take(container.pk)
    assert first
    assert lease.take(container.pk) is None
    first.release()
    second = lease.take(container.pk)
    assert second
    assert not first.renew(), "a hold that was given up is no hold"
    first.release()
    assert second.renew(), "who lost a hold can not take it from another"


@pytest.mark.parametrize("method", ["read", "write", "remove"])
def test_a_worker_that_lost_its_lease_sends_nothing_more(people, azure, around, method):
    grant = activated(people, key="prod-web-02-ssh")
    if method == "remove":
        run()
        end.end_now(by=people["requester"], grant_id=grant.pk)
    other = activated(people)

    def lose():
        Container.objects.update(lease_owner="somebody else", lease_until=now() + timedelta(seconds=30))

    around(after=lose, method=method)
    before = writes(azure), writes(azure, "DELETE")
    run()
    sent = writes(azure) - before[0] + writes(azure, "DELETE") - before[1]
    assert sent <= (0 if method == "read" else 1), "something was sent after the lease was lost"
    assert fresh(other).state == "opening"
    Container.objects.update(lease_owner="", lease_until=None)
    with later(5):
        run()
    assert fresh(other).state == "open"


def test_a_revocation_during_the_write_is_carried_out_without_a_pause(people, azure, around):
    grant = activated(people)
    around(
        after=lambda: revoke.revoke(by=people["administrator"], grant_id=grant.pk, reason="Seen on the news")
    )
    run()
    assert fresh(grant).state == "closed"
    assert not ours(azure)
    lag = fresh(grant).closed_at - fresh(grant).ending_at
    assert lag < timedelta(seconds=1), "closing waited for a pause that nothing called for"


def test_a_revocation_during_a_failing_write_is_not_put_off_by_that_failure(people, azure, around):
    grant = activated(people)
    azure.fault("throttle", match={"method": "PUT"}, seconds=200)
    around(
        before=lambda: revoke.revoke(by=people["administrator"], grant_id=grant.pk, reason="Seen on the news")
    )
    run()
    assert fresh(grant).state == "closed"


def test_a_revocation_between_reading_and_resting_is_not_overwritten_with_the_old_end(
    people, azure, monkeypatch, around
):
    """Both halves are there; the worker of the first is about to note its next look when the revocation comes."""
    grant = activated(people, key="prod-web-03-ssh")
    first, _ = containers()
    from requests_app.converge import look

    settle = look.observe

    def revoked_just_after(openings, reading):
        settle(openings, reading)
        monkeypatch.setattr(look, "observe", settle)
        revoke.revoke(by=people["administrator"], grant_id=grant.pk, reason="Seen on the news")

    monkeypatch.setattr(look, "observe", revoked_just_after)
    converge(first.pk)
    run()
    assert fresh(grant).state == "closed"


def test_a_write_of_a_stalled_worker_after_closing_is_found_at_once(people, azure):
    """It slept through its lease, the grant was closed meanwhile, and then it sends its write."""
    grant = activated(people)
    target = gateways.target("nsg")
    opening = Opening.objects.select_related("grant", "container").get(grant=grant)
    state = target.read(opening.container.azure_id, correlation_id="c")

    class Stalled:
        def write(self, *args, **more):
            end.end_now(by=people["requester"], grant_id=grant.pk)
            run()
            with later(300):
                run()
            assert fresh(grant).state == "closed"
            return target.write(*args, **more)

    writing.write(Stalled(), opening, state)
    assert len(ours(azure)) == 1
    assert opening_of(grant).due_at <= now(), "who wrote it after all must have it looked for"
    run()
    assert not ours(azure)


def test_nothing_is_written_once_the_budget_is_over(people, azure):
    grant = activated(people)
    opening = Opening.objects.select_related("grant", "container").get(grant=grant)
    target = gateways.target("nsg")
    state = target.read(opening.container.azure_id, correlation_id="c")
    with later(121):
        writing.write(target, opening, state)
    assert writes(azure) == 0


def test_a_rule_of_our_name_that_we_never_wrote_is_not_taken_for_ours_being_open(people, azure):
    """Somebody guessed the name and let everybody in: that is not what was approved."""
    grant = activated(people)
    name = opening_of(grant).name
    azure.control(
        "PUT",
        f"rules/nsg-prod-web/{name}",
        {
            "priority": 150,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": "*",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "*",
        },
    )
    run()
    assert fresh(grant).state == "open"
    (rule,) = ours(azure).values()
    assert rule["sourceAddressPrefix"] == grant.source_address


def test_a_deadline_that_falls_between_reading_and_resting_leaves_a_time_to_look_again(people, azure, around):
    """The round belongs to another grant; the late write's deadline passes while it runs."""
    grant = activated(people)
    around(before=die)
    with pytest.raises(Killed):
        run()
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    deadline = Attempt.objects.get(opening__grant=grant).deadline
    activated(people, key="prod-web-02-ssh")
    around(method="read", after=lambda: _until(deadline))
    with at(deadline - timedelta(milliseconds=400)):
        Opening.objects.filter(observed="absent", desired="present").update(due_at=now())
        run()
        run()
    assert fresh(grant).state == "closed"


def _until(moment):
    while now() <= moment:
        pass
