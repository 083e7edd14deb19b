"""Random stories of random people: asked, opened, extended, cut short, changed by hand, with faults and crashes between.

After each quiet point the invariants hold. A schedule is one such story; hypothesis makes them, and shrinks the one that
breaks something.
"""

from datetime import timedelta
from typing import Any, ClassVar

import time_machine
from django.db import transaction
from django.db.models import F, Q
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from audit_app.clock import now
from requests_app.actions import lapse
from requests_app.converge import converge, lease
from requests_app.models import Arming, Container, DirectoryGroup, Grant, Opening, Person
from requests_app.targets.mark import read_end
from tests.chaos.azure_acts import AzureActs
from tests.chaos.mortal import Killed, Mortal, mortal
from tests.chaos.people_act import LIVE, PeopleAct
from tests.support import invariants
from tests.support.azure import containers
from tests.support.convergence import forget_tokens


class Schedule(PeopleAct, AzureActs):
    """One story, in one transaction that is rolled back, so that the next begins with the same people and policy."""

    # The promises that were broken, in their own words: a schedule that breaks one may not break it when run again.
    broken: ClassVar[list[str]]

    @initialize()
    def begin(self) -> None:
        """Nothing was ever asked for; Azure holds what it held."""
        self.azure.control("POST", "reset")
        self.azure.control("POST", "settings", {"write_seconds": 0})
        forget_tokens()
        self._whole = transaction.atomic()
        self._whole.__enter__()
        self._time = time_machine.travel(now(), tick=True)
        self._clock = self._time.start()
        # The directory is fresh throughout: what a stale one forbids is tested where it is decided.
        Person.objects.update(directory_read_at=now() + timedelta(days=1))
        DirectoryGroup.objects.update(read_at=now() + timedelta(days=1))
        self._mortal = mortal()
        self.target: Mortal = self._mortal.__enter__()
        self.foreign = invariants.foreign_rules(self.azure)
        self.ledger: list[tuple[type[Any], int]] = []
        self.unsent: list[tuple[str, Any, Any]] = []
        self.taken_away: set[tuple[str, str]] = set()
        self.activates(who="ada", key="prod-web-01-ssh", minutes=30)

    # --- what time and workers do -----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 7, 31, 61, 130, 299, 700]))
    def time_passes(self, seconds: int) -> None:
        """The clock moves on."""
        self._shift(seconds)

    @rule()
    def works(self) -> None:
        """A worker looks after every container, and the deadlines are kept."""
        self._keep_deadlines()
        self._work()

    @rule(compare=st.booleans(), calls=st.integers(0, 6), after=st.booleans(), number=st.integers(0, 2))
    def dies(self, compare: bool, calls: int, after: bool, number: int) -> None:
        """A worker dies at one of its next calls to Azure, right before or right after it was done."""
        found = containers()
        if not found:
            return
        container = found[number % len(found)]
        self.target.calls_left, self.target.after = calls, after
        try:
            converge(container.pk, compare=compare)
        except Killed:
            # Whoever is killed gives nothing back: its lease runs out by itself.
            Container.objects.filter(pk=container.pk).update(
                lease_owner="killed", lease_until=now() + lease.LASTS
            )
            if self.target.unsent:
                self.unsent.append((*self.target.unsent, now() + timedelta(seconds=85)))
        self.target.calls_left, self.target.unsent = -1, None

    @rule()
    def quiet(self) -> None:
        """All faults are over and time went by: now everything is as it should be."""
        self.azure.control("DELETE", "faults")
        Arming.objects.update(armed=True)
        self.unsent.clear()
        self._keep_deadlines()
        for _ in range(13):
            self._shift(15)
            self._work()
        self._work(compare=True)
        self._work(compare=True)
        try:
            self._holds()
        except AssertionError as promise:
            self.broken.append(str(promise))
            raise

    # --- the invariants ---------------------------------------------------------------------------------------

    def _holds(self) -> None:
        invariants.hold(self.azure, self.foreign)
        moment = now()
        wanted = {}
        for opening in Opening.objects.filter(grant__state__in=LIVE).select_related("grant", "container"):
            assert opening.grant.state == "open", (
                f"{opening.grant} is still {opening.grant.state} when all is quiet"
            )
            wanted[(opening.container.name, opening.name)] = opening
        assert set(wanted) == self._ours(), "what stands in Azure is not what is granted"
        assert not self.taken_away & self._ours(), "what was taken away by hand came back by itself"
        for (nsg, name), opening in wanted.items():
            there, grant = self.azure.rules(nsg)[name], opening.grant
            assert grant.expires_at > moment, f"{grant} is past its end"
            agreed = (opening.desired_spec["source"], opening.desired_spec["destination"], "Allow")
            found = (there["sourceAddressPrefix"], there["destinationAddressPrefix"], there["access"])
            assert found == agreed, f"{name} lets in something else than agreed"
            written = read_end(there["description"])
            assert written is not None
            assert timedelta(0) <= written - grant.hard_end < timedelta(seconds=1), (
                "Azure tells of another end"
            )
        assert not Grant.objects.filter(state="closing"), "something is still closing when all is quiet"
        outside = Q(activated_at__lt=F("activate_from")) | Q(opened_at__gt=F("closes_by"))
        assert not Grant.objects.filter(outside | Q(hard_end__gt=F("closes_by"))), (
            "something was had outside its window"
        )
        assert not Grant.objects.filter(state="issued", activate_by__lt=moment - timedelta(minutes=4)), (
            "what nobody used in time waits on"
        )
        for model, pk in self.ledger:
            assert model.objects.filter(pk=pk).exists(), (
                f"{model.__name__} {pk} was answered with success and is lost"
            )
        closed = Grant.objects.filter(state="closed", ended_why="expired")
        assert not closed.filter(ending_at__gt=moment).exists()

    def teardown(self) -> None:
        """The last quiet point, and then nothing of this ever happened."""
        if not hasattr(self, "_whole"):
            return
        try:
            self.quiet()
        finally:
            self._mortal.__exit__(None, None, None)
            self._time.stop()
            forget_tokens()
            transaction.set_rollback(True)
            self._whole.__exit__(None, None, None)

    # --- steps ------------------------------------------------------------------------------------------------

    def _shift(self, seconds: float) -> None:
        self._clock.shift(timedelta(seconds=seconds))

    def _keep_deadlines(self) -> None:
        lapse.lapse_undecided()
        lapse.lapse_overtaken()
        lapse.close_unused()

    def _work(self, *, compare: bool = False) -> None:
        due = Opening.objects.filter(due_at__lte=now()).values_list("container_id", flat=True)
        found = {*due, *(self._in_use() if compare else ())}
        for container_id in sorted(found):
            converge(container_id, compare=compare)

    def _in_use(self) -> set[int]:
        """Where a comparison could find anything: a rule with our mark stands there, or a grant may have one."""
        marked = {nsg for nsg, _ in self._ours()}
        alive = Opening.objects.exclude(grant__state__in=["issued", "closed"])
        held = set(alive.values_list("container_id", flat=True))
        return held | {container.pk for container in containers() if container.name in marked}
