"""Random stories of requests that wait: what people do, what time does, and what must hold after each step."""

from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from audit_app.clock import now
from audit_app.models import Event
from requests_app import attention, deciders, rotas
from requests_app.actions import cover, decide, lapse, submit, talk, waiting
from requests_app.actions.narrow import Narrower
from requests_app.actions.policy import load
from requests_app.errors import Invalid, LatchError
from requests_app.models import AccessRequest, Comment, Decision, DirectoryGroup, Grant, Person, Stage
from requests_app.policy.windows import Plan
from requests_app.views.stages import group_names, steps, with_story
from tests.journeys.organisations import GROUPS, KEY, PEOPLE, UNDECIDED, documents, group, someone, stage_sets
from tests.support.azure import asked
from tests.support.behalf import asked_for


class Waiting(RuleBasedStateMachine):
    """One organisation and what happens in it, in one transaction that is rolled back."""

    people: ClassVar[Any]

    @initialize(
        stages=stage_sets,
        members=st.tuples(*(st.sets(someone) for _ in GROUPS)),
        managers=st.dictionaries(someone, someone),
        owner=st.one_of(st.none(), someone),
        night=st.sets(someone, min_size=1),
        asker=someone,
    )
    def begin(
        self,
        stages: tuple[str, ...],
        members: tuple[set[str], ...],
        managers: dict[str, str],
        owner: str | None,
        night: set[str],
        asker: str,
    ) -> None:
        """These people, these stages, and one request where it can be asked for at all."""
        self._whole = transaction.atomic()
        self._whole.__enter__()
        self._time = time_machine.travel(now(), tick=False)
        self._clock = self._time.start()
        Person.objects.update(directory_read_at=now() + timedelta(days=90), manager=None)
        DirectoryGroup.objects.update(read_at=now() + timedelta(days=90))
        for who, boss in managers.items():
            Person.objects.filter(pk=self.people[who].pk).update(manager=self.people[boss].pk)
        for name, inside in zip(GROUPS, members, strict=True):
            group(name).members.set([self.people[who] for who in inside])
        load(by=self.people["administrator"].party, documents=documents(self.people, stages, owner, night))
        self._sweep()
        self.asks_for(asker, "requester")
        # A story in which nobody could ask for anything tells nothing.
        for who in PEOPLE:
            if not AccessRequest.objects.exists():
                self.asks(who)

    # --- what people do ---------------------------------------------------------------------------------------

    @rule(who=someone)
    def asks(self, who: str) -> None:
        """Somebody asks; policy may say no."""
        with suppress(LatchError):
            asked(self.people[who], key=KEY, minutes=30)

    @rule(who=someone, minutes=st.sampled_from([2, 40, 600]), times=st.integers(1, 3))
    def asks_for_later(self, who: str, minutes: int, times: int) -> None:
        """Somebody asks for one or several windows; the first may be over before anybody decides."""
        first = now() + timedelta(minutes=minutes)
        starts = tuple(first + timedelta(days=day) for day in range(times))
        with suppress(LatchError):
            plan = Plan(starts, "UTC", "day" if times > 1 else "")
            asked(self.people[who], key=KEY, minutes=30, plan=plan)

    @rule(who=someone, whom=someone)
    def asks_for(self, who: str, whom: str) -> None:
        """Somebody asks for somebody else, or for themself; policy may say no."""
        if who == whom:
            self.asks(who)
        with suppress(LatchError):
            asked_for(self.people[who], self.people[whom], key=KEY)

    @rule(
        number=st.integers(0, 9),
        which=st.integers(0, 9),
        vote=st.sampled_from(["approve", "approve", "shorter", "deny"]),
    )
    def decides(self, number: int, which: int, vote: str) -> None:
        """Whoever is listed as able to decide is: nothing that is shown as open is refused."""
        found = [
            (stage, one)
            for stage in self._active()
            for one in deciders.of_stage(stage, stage.access_request, now())
        ]
        if not found:
            return
        stage, one = found[(number * 10 + which) % len(found)]
        assert stage in attention.inbox(one.person), (
            f"{one} may decide {stage} and does not find it in the inbox"
        )
        if vote == "shorter":
            # Of a window that has begun so long ago nothing would be left, and it says so.
            with suppress(Invalid):
                self._decide(one.person, stage, "approve", Narrower(duration=timedelta(minutes=10)))
                return
            vote = "approve"
        self._decide(one.person, stage, vote)

    def _decide(self, by: Person, stage: Stage, vote: str, less: Narrower = decide.AS_ASKED) -> None:
        decide.decide(by=by, stage_id=stage.pk, vote=vote, reason="As the story wants it", narrower=less)

    @rule(number=st.integers(0, 9), who=someone)
    def tries(self, number: int, who: str) -> None:
        """Somebody who is not listed is refused."""
        stages = self._active()
        if not stages:
            return
        stage = stages[number % len(stages)]
        person = Person.objects.get(pk=self.people[who].pk)
        may = person.pk in {one.person.pk for one in deciders.of_stage(stage, stage.access_request, now())}
        assert (stage in attention.inbox(person)) == may, (
            f"inbox and guard disagree about {person} and {stage}"
        )
        if not may:
            with pytest.raises(LatchError):
                decide.decide(by=person, stage_id=stage.pk, vote="approve")

    @rule(who=someone, starts=st.sampled_from([-1, 0, 30]), minutes=st.sampled_from([5, 90, 3000]))
    def goes_away(self, who: str, starts: int, minutes: int) -> None:
        """Somebody is out of office, now or soon."""
        begins = now() + timedelta(minutes=starts)
        with suppress(LatchError):
            cover.be_away(by=self.people[who], starts_at=begins, ends_at=begins + timedelta(minutes=minutes))

    @rule(giver=someone, receiver=someone, minutes=st.sampled_from([5, 90, 3000]))
    def lends(self, giver: str, receiver: str, minutes: int) -> None:
        """Somebody has another decide in their place; circles are refused."""
        name = self.people[receiver].user_principal_name
        with suppress(LatchError):
            cover.lend(
                by=self.people[giver], to=name, starts_at=now(), ends_at=now() + timedelta(minutes=minutes)
            )

    @rule(who=someone, enabled=st.booleans())
    def leaves_or_returns(self, who: str, enabled: bool) -> None:
        """An account is disabled, or enabled again."""
        Person.objects.filter(pk=self.people[who].pk).update(enabled=enabled)

    @rule(who=someone, name=st.sampled_from(GROUPS), inside=st.booleans())
    def changes_group(self, who: str, name: str, inside: bool) -> None:
        """Somebody joins or leaves a group."""
        members = group(name).members
        members.add(self.people[who]) if inside else members.remove(self.people[who])

    @rule(number=st.integers(0, 9))
    def is_asked_something(self, number: int) -> None:
        """Whoever decides asks first."""
        for stage in self._active()[number : number + 1]:
            for one in deciders.of_stage(stage, stage.access_request, now())[:1]:
                talk.ask(by=one.person, stage_id=stage.pk, text="Why now?")

    @rule(answers=st.booleans())
    def answers_or_takes_back(self, answers: bool) -> None:
        """Open questions are answered, or taken back."""
        for returned in AccessRequest.objects.filter(state="returned"):
            if answers:
                talk.answer(
                    by=returned.asked_by or returned.requester, access_request_id=returned.pk, text="Because"
                )
            else:
                question = returned.comments.filter(kind=Comment.Kind.QUESTION).last()
                talk.take_back(by=question.person, access_request_id=returned.pk)

    @rule()
    def withdraws(self) -> None:
        """The oldest request is withdrawn."""
        for pending in AccessRequest.objects.filter(state__in=UNDECIDED).order_by("pk")[:1]:
            submit.withdraw(by=pending.requester, access_request_id=pending.pk)

    # --- what time does ---------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 6, 21, 46, 200, 3000]))
    def time_passes(self, minutes: int) -> None:
        """The clock moves on, and the workers do what is due."""
        self._clock.shift(timedelta(minutes=minutes))
        self._sweep()
        self._says_why()

    def _sweep(self) -> None:
        rotas.refresh()
        for _ in range(50):
            if not lapse.lapse_undecided() + waiting.keep_time() + lapse.close_unused():
                return
        raise AssertionError("the clock finds something due for ever")

    # --- what must hold ---------------------------------------------------------------------------------------

    def _active(self) -> list[Stage]:
        found = Stage.objects.filter(state="active", access_request__state="pending")
        return list(found.select_related("access_request__requester").order_by("pk"))

    @invariant()
    def every_request_has_a_clock(self) -> None:
        """Whatever is undecided has a time at which it ends, and one at which somebody looks, within minutes."""
        for waits in AccessRequest.objects.filter(state__in=UNDECIDED):
            active = list(waits.stages.filter(state="active"))
            assert active, f"{waits} waits for nothing"
            assert waits.lapses_at == min(stage.lapses_at for stage in active)
            assert len({stage.step for stage in active}) == 1
            for stage in active if waits.state == "pending" else ():
                due = stage.due_at - max(now(), stage.timed_from)
                assert due <= waiting.LOOK, f"nobody looks at {stage} for {due}"

    @invariant()
    def nobody_decides_their_own_and_no_voice_is_heard_twice(self) -> None:
        """Whatever was lent, joined or escalated."""
        for waits in AccessRequest.objects.prefetch_related("decisions"):
            votes = list(waits.decisions.all())
            voices = [vote.in_place_of_id or vote.person_id for vote in votes]
            assert len(set(voices)) == len(voices)
            assert {*voices, *(vote.person_id for vote in votes)}.isdisjoint(waits.own_to)

    @invariant()
    def nothing_is_agreed_without_its_votes(self) -> None:
        """A grant has every stage approved, each by enough people."""
        for grant in Grant.objects.select_related("access_request"):
            for stage in grant.access_request.stages.all():
                votes = Decision.objects.filter(stage=stage, vote="approve").count()
                assert (stage.state, votes >= stage.quorum) == ("approved", True), f"{stage} of {grant}"

    @invariant()
    def what_is_agreed_for_later_keeps_to_what_was_asked(self) -> None:
        """A grant each for windows that were asked for, and not one that nobody could use any more."""
        for grant in Grant.objects.exclude(activate_from=None).select_related("access_request"):
            assert grant.activate_from in grant.access_request.starts
            assert grant.issued_at < grant.activate_by < grant.closes_by

    def _says_why(self) -> None:
        """After the workers looked: somebody is there, or it says who is not, on its page and in its trail."""
        for waits in with_story(AccessRequest.objects.filter(state="pending")):
            live = {
                stage.pk: deciders.of_stage(stage, waits, now())
                for stage in waits.stages.all()
                if stage.state == "active"
            }
            shown = [step for step in steps(waits, group_names([waits]), live) if step.state == "active"]
            for stage in (one for one in waits.stages.all() if one.state == "active"):
                here = [one for one in live[stage.pk] if one.away_until is None]
                looked = stage.due_at is not None and stage.due_at - waiting.LOOK
                if here or stage.nobody_since or (looked and looked >= now() - waiting.LOOK):
                    continue
                raise AssertionError(f"{stage} waits for nobody and does not say so")
            assert all(step.people or step.away or step.people == () for step in shown)
        silent = Stage.objects.filter(state="active", nobody_since__isnull=False)
        told = set(Event.objects.filter(kind="stage.nobody_there").values_list("object_id", flat=True))
        assert {str(stage.pk) for stage in silent} <= told

    def teardown(self) -> None:
        """In the end time moves everything: nothing waits for ever."""
        if not hasattr(self, "_whole"):
            return
        try:
            for _ in range(12):
                self._clock.shift(timedelta(days=3))
                self._sweep()
            left = AccessRequest.objects.filter(state__in=UNDECIDED)
            assert not left.exists(), f"{list(left)} never moved"
        finally:
            self._time.stop()
            transaction.set_rollback(True)
            self._whole.__exit__(None, None, None)
