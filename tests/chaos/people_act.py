"""What people do in a schedule: ask, plan ahead, end, extend, shorten, open again, arm. The machine is in machine.py."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale
from requests_app.actions import activate, decide, end, extend, reopen, revoke, shorten
from requests_app.errors import LatchError
from requests_app.models import AccessRequest, Arming, Grant
from requests_app.policy.windows import plan
from tests.support.azure import activated, active_stage, address_of, asked

PEOPLE = ("ada", "ben", "priya", "tomas", "yuki")
KEYS = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh", "prod-app-01-ssh")
# Of the first one window can be had at a time, of the second several.
LATER = ("prod-web-02-ssh", "stg-web-01-ssh")
LIVE = ("opening", "open", "extending")
REASON = "As the schedule wants it"


class PeopleAct(RuleBasedStateMachine):
    """The rules of a schedule that are somebody's doing in the portal.

    A rule for which there is nothing does nothing. A precondition would let what is drawn hang on how quick the machine
    is, and hypothesis takes such a schedule for a broken one.
    """

    people: ClassVar[Any]
    ledger: list[tuple[type[Any], int]]
    _clock: Any

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

    @rule(
        who=st.sampled_from(PEOPLE),
        key=st.sampled_from(LATER),
        ahead=st.sampled_from([1, 4, 10]),
        minutes=st.sampled_from([5, 20]),
        times=st.sampled_from([1, 2]),
        comes=st.booleans(),
    )
    def plans_ahead(self, who: str, key: str, ahead: int, minutes: int, times: int, comes: bool) -> None:
        """Somebody asked for a window that is still to come, or two, was agreed to, and perhaps comes as it begins."""
        begins = (now() + timedelta(minutes=ahead)).replace(second=0, microsecond=0, tzinfo=None)
        wanted = plan(begins, "UTC", every="day" if times > 1 else "", times=times)
        with suppress(LatchError):
            wish = asked(self.people[who], key=key, minutes=minutes, plan=wanted)
            self.ledger.append((AccessRequest, wish.pk))
            for role in ("manager", "security"):
                for stage in wish.stages.filter(state="active"):
                    decide.decide(by=self.people[role], stage_id=stage.pk, vote="approve")
            self.ledger += [(Grant, grant.pk) for grant in wish.grants.all()]
            if comes:
                self._activates(wish.grants.earliest("activate_from"), waits=True)

    @rule(number=st.integers(0, 5), waits=st.sampled_from([True, True, False]))
    def activates_what_waits(self, number: int, waits: bool) -> None:
        """The holder of what was agreed to activates it: as its window begins, or now, too early or too late."""
        grant = self._one(number, "issued")
        if grant is not None:
            self._activates(grant, waits=waits)

    def _activates(self, grant: Grant, *, waits: bool) -> None:
        begins = (grant.activate_from or now()) - now()
        if waits and timedelta(0) < begins < timedelta(minutes=15):
            self._clock.shift(begins)
        with suppress(LatchError, Stale), origin.origin(source_address=address_of(grant.person)):
            activate.activate(by=grant.person, access_request_id=grant.access_request_id)

    @rule(number=st.integers(0, 5), how=st.sampled_from(["end", "revoke", "person", "request", "all"]))
    def ends(self, number: int, how: str) -> None:
        """Something that is open is ended, by one of the ways there are."""
        grant, by = self._one(number), self.people["administrator"]
        if grant is None:
            return
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

    @rule(number=st.integers(0, 5), minutes=st.sampled_from([8, 20, 60, 200]), agreed=st.booleans())
    def asks_for_more(self, number: int, minutes: int, agreed: bool) -> None:
        """More time is asked for, and perhaps agreed to."""
        grant = self._one(number, "open")
        if grant is None:
            return
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

    @rule(number=st.integers(0, 5), seconds=st.sampled_from([1, 30, 120]))
    def shortens(self, number: int, seconds: int) -> None:
        """The end of something open comes nearer."""
        grant = self._one(number, "open")
        if grant is None:
            return
        with suppress(LatchError, Stale):
            shorten.shorten(
                by=grant.person, grant_id=grant.pk, end=now() + timedelta(seconds=seconds), reason=REASON
            )

    @rule()
    def opens_again(self) -> None:
        """What was taken away in Azure is opened again."""
        grant = Grant.objects.filter(ended_why="removed_in_azure", state="closed").order_by("pk").last()
        if grant is None:
            return
        with suppress(LatchError, Stale), origin.origin(source_address=address_of(grant.person)):
            again = reopen.open_again(by=grant.person, grant_id=grant.pk)
            self.ledger.append((Grant, again.pk))

    @rule(armed=st.booleans())
    def arms(self, armed: bool) -> None:
        """The portal only closes, or opens again."""
        Arming.objects.update(armed=armed)

    def _one(self, number: int, *states: str) -> Grant | None:
        found = list(Grant.objects.filter(state__in=states or LIVE).order_by("pk").select_related("person"))
        return found[number % len(found)] if found else None
