"""Random stories of random people: asked, opened, extended, cut short, changed by hand, with faults and crashes between.

After each quiet point the invariants hold. A schedule is one such story; hypothesis makes them, and shrinks the one that
breaks something.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

import time_machine
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale
from requests_app.actions import decide, end, extend, lapse, reopen, revoke, shorten
from requests_app.converge import converge, lease
from requests_app.errors import LatchError
from requests_app.models import AccessRequest, Arming, Container, DirectoryGroup, Grant, Opening, Person
from requests_app.targets import arm, credential
from requests_app.targets.mark import read_end
from tests.chaos.mortal import Killed, Mortal, mortal
from tests.support import invariants
from tests.support.azure import activated, active_stage, address_of, containers

PEOPLE = ("ada", "ben", "priya", "tomas", "yuki")
KEYS = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh", "prod-app-01-ssh")
GROUPS = ("nsg-prod-web", "nsg-prod-web-nic", "nsg-prod-app")
FAULTS = (
    "throttle",
    "busy",
    "another_operation",
    "server_error",
    "applied_then_500",
    "lro_failed",
    "lro_canceled",
    "lost_poll",
    "poll_forbidden",
    "forbidden",
    "locked",
    "policy_denied",
    "drop_connection",
)
_MARK = re.compile(r"latch-test-[0-9a-f]{12}-\d+", re.IGNORECASE)
_LIVE = ("opening", "open", "extending")
REASON = "As the schedule wants it"


class Schedule(RuleBasedStateMachine):
    """One story, in one transaction that is rolled back, so that the next begins with the same people and policy."""

    people: ClassVar[Any]
    azure: ClassVar[Any]

    @initialize()
    def begin(self) -> None:
        """Nothing was ever asked for; Azure holds what it held."""
        self.azure.control("POST", "reset")
        self.azure.control("POST", "settings", {"write_seconds": 0})
        credential._made.clear()
        arm._clients.made.clear()
        self._whole = transaction.atomic()
        self._whole.__enter__()
        self._time = time_machine.travel(now(), tick=True)
        self._clock = self._time.start()
        self._mortal = mortal()
        self.target: Mortal = self._mortal.__enter__()
        self.foreign = invariants.foreign_rules(self.azure)
        self.ledger: list[tuple[type[Any], int]] = []
        self.unsent: list[tuple[str, Any, Any]] = []

    # --- what people do ---------------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(PEOPLE),
        key=st.sampled_from(KEYS),
        minutes=st.sampled_from([3, 5, 10, 30]),
    )
    def activates(self, who: str, key: str, minutes: int) -> None:
        """Somebody asked, was approved, and activates."""
        with suppress(LatchError):
            grant = activated(self.people, who=who, key=key, minutes=minutes)
            self.ledger += [(Grant, grant.pk), (AccessRequest, grant.access_request_id)]

    @precondition(lambda self: Grant.objects.filter(state__in=_LIVE).exists())
    @rule(number=st.integers(0, 5), how=st.sampled_from(["end", "revoke", "person", "request", "all"]))
    def ends(self, number: int, how: str) -> None:
        """Something that is open is ended, by one of the ways there are."""
        grant, by = self._one(number), self.people["administrator"]
        ways: dict[str, Callable[[], object]] = {
            "end": lambda: end.end_now(by=grant.person, grant_id=grant.pk),
            "revoke": lambda: revoke.revoke(by=by, grant_id=grant.pk, reason=REASON),
            "person": lambda: revoke.revoke_person(by=by, person_id=grant.person_id, reason=REASON),
            "request": lambda: revoke.revoke_request(
                by=by, access_request_id=grant.access_request_id, reason=REASON
            ),
            "all": lambda: revoke.revoke_everything(by=by, reason=REASON),
        }
        with suppress(LatchError, Stale):
            ways[how]()

    @precondition(lambda self: Grant.objects.filter(state="open").exists())
    @rule(number=st.integers(0, 5), minutes=st.sampled_from([8, 20, 60, 200]), agreed=st.booleans())
    def asks_for_more(self, number: int, minutes: int, agreed: bool) -> None:
        """More time is asked for, and perhaps agreed to."""
        grant = self._one(number, "open")
        with suppress(LatchError, Stale), origin.origin(source_address=address_of(grant.person)):
            wish = extend.ask(
                by=grant.person,
                grant_id=grant.pk,
                total=timedelta(minutes=minutes),
                reason=REASON,
                submission_key=uuid4(),
            )
            self.ledger.append((AccessRequest, wish.pk))
            for role in ("manager", "security") if agreed else ():
                decide.decide(by=self.people[role], stage_id=active_stage(wish).pk, vote="approve")

    @precondition(lambda self: Grant.objects.filter(state="open").exists())
    @rule(number=st.integers(0, 5), seconds=st.sampled_from([1, 30, 120]))
    def shortens(self, number: int, seconds: int) -> None:
        """The end of something open comes nearer."""
        grant = self._one(number, "open")
        with suppress(LatchError, Stale):
            shorten.shorten(
                by=grant.person, grant_id=grant.pk, end=now() + timedelta(seconds=seconds), reason=REASON
            )

    @precondition(lambda self: Grant.objects.filter(ended_why="removed_in_azure", state="closed").exists())
    @rule()
    def opens_again(self) -> None:
        """What was taken away in Azure is opened again."""
        grant = Grant.objects.filter(ended_why="removed_in_azure", state="closed").latest("pk")
        with suppress(LatchError, Stale), origin.origin(source_address=address_of(grant.person)):
            again = reopen.open_again(by=grant.person, grant_id=grant.pk)
            self.ledger.append((Grant, again.pk))

    @rule(armed=st.booleans())
    def arms(self, armed: bool) -> None:
        """The portal only closes, or opens again."""
        Arming.objects.update(armed=armed)

    # --- what happens in Azure --------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(FAULTS),
        method=st.sampled_from(["PUT", "DELETE", "GET"]),
        times=st.sampled_from([1, 2, 5, None]),
        applied=st.booleans(),
    )
    def fails(self, name: str, method: str, times: int | None, applied: bool) -> None:
        """Azure fails in a way it has, for some calls or until the next quiet point."""
        poll = name in ("lost_poll", "poll_forbidden")
        only_writes = name in (
            "busy",
            "another_operation",
            "applied_then_500",
            "lro_failed",
            "lro_canceled",
            "locked",
        )
        if (method == "GET" and only_writes) or name == "policy_denied":
            method = "PUT"
        options = (
            {"applied": True} if applied and name in ("lro_failed", "lro_canceled", "drop_connection") else {}
        )
        self.azure.fault(name, match={"method": "POLL" if poll else method}, times=times, **options)

    @precondition(lambda self: self._ours())
    @rule(
        number=st.integers(0, 5),
        how=st.sampled_from(["delete", "narrow", "widen", "prolong", "garble", "copy"]),
    )
    def changes_by_hand(self, number: int, how: str) -> None:
        """Somebody changes a rule of ours in Azure."""
        found = sorted(self._ours())
        nsg, name = found[number % len(found)]
        whole = self.azure.rules(nsg)[name]
        if how == "delete":
            self.azure.control("DELETE", f"rules/{nsg}/{name}")
            return
        changed = {
            "narrow": {"access": "Deny"},
            "widen": {"sourceAddressPrefix": "*"},
            "prolong": {"description": "latch end=2099-01-01T00:00:00Z grant=x req=1"},
            "garble": {"description": "tidied up"},
            "copy": {"priority": 900 + number, "name": f"latch-test-{uuid4().hex[:12]}-1"},
        }[how]
        with suppress(AssertionError):  # two copies at one number: Azure refuses the second
            self._put(nsg, {**whole, **changed})

    @precondition(lambda self: self.unsent)
    @rule()
    def lands_late(self) -> None:
        """What a process was sending when it died arrives after all, within the time that a write can take."""
        container_id, spec, until = self.unsent.pop()
        if now() >= until:
            return
        body = {
            "name": spec.name,
            "priority": spec.priority,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": spec.protocol.capitalize(),
            "sourceAddressPrefix": spec.source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": spec.destination,
            "destinationPortRange": spec.ports[0],
            "description": spec.description,
        }
        with suppress(AssertionError):
            self._put(container_id.rsplit("/", 1)[-1], body)

    # --- what time and workers do -----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 7, 31, 61, 130, 299, 700]))
    def time_passes(self, seconds: int) -> None:
        """The clock moves on."""
        self._shift(seconds)

    @rule()
    def works(self) -> None:
        """A worker looks after every container, and the deadlines are kept."""
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
        for _ in range(13):
            self._shift(15)
            self._work()
        self._work(compare=True)
        self._work(compare=True)
        self._holds()

    # --- the invariants ---------------------------------------------------------------------------------------

    def _holds(self) -> None:
        invariants.hold(self.azure, self.foreign)
        moment = now()
        wanted = {}
        for opening in Opening.objects.filter(grant__state__in=_LIVE).select_related("grant", "container"):
            assert opening.grant.state == "open", (
                f"{opening.grant} is still {opening.grant.state} when all is quiet"
            )
            wanted[(opening.container.name, opening.name)] = opening
        assert set(wanted) == self._ours(), "what stands in Azure is not what is granted"
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
            transaction.set_rollback(True)
            self._whole.__exit__(None, None, None)

    # --- steps ------------------------------------------------------------------------------------------------

    def _shift(self, seconds: float) -> None:
        self._clock.shift(timedelta(seconds=seconds))
        Person.objects.update(directory_read_at=now())
        DirectoryGroup.objects.update(read_at=now())

    def _work(self, *, compare: bool = False) -> None:
        lapse.lapse_undecided()
        lapse.lapse_overtaken()
        due = Opening.objects.filter(due_at__lte=now()).values_list("container_id", flat=True)
        waiting = set(due)
        for container in containers():
            if compare or container.pk in waiting:
                converge(container.pk, compare=compare)

    def _one(self, number: int, *states: str) -> Grant:
        found = Grant.objects.filter(state__in=states or _LIVE).order_by("pk").select_related("person")
        return found[number % len(found)]

    def _ours(self) -> set[tuple[str, str]]:
        return {
            (nsg["name"], one["name"])
            for nsg in self.azure.control("GET", "nsgs")["nsgs"]
            for one in nsg["rules"]
            if _MARK.fullmatch(one["name"])
        }

    def _put(self, nsg: str, whole: dict[str, Any]) -> None:
        body = {key: value for key, value in whole.items() if key not in ("name", "state", "id", "etag")}
        self.azure.control("PUT", f"rules/{nsg}/{whole['name']}", body)
