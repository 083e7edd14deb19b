"""Sign-ins as fresh as the moment needs: each action asks, a session unknown shows nothing, and nothing is half-done."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from audit_app import origin
from audit_app.clock import now
from audit_app.models import Event
from requests_app.actions import activate, codes, decide, extend, fresh, reopen
from requests_app.actions import policy as policies
from requests_app.actions.submit import submit
from requests_app.context import Ask
from requests_app.errors import Refused, SignInNeeded
from requests_app.models import AccessRequest, Decision, Entitlement, Grant, LatchCode, RequestItem
from tests.support.azure import REASON, SSH, active_stage, address_of, asked, read_back
from tests.support.environment import ORGANISATION

pytestmark = pytest.mark.django_db
EVERY = "request, approval, activation, break_glass"


def in_force(administrator: Any, *conditions: str) -> None:
    """The demo's policy is in force with these demands in its rule for production servers."""
    documents = {
        path.name: path.read_text(encoding="utf-8") for path in (ORGANISATION / "policy").glob("*.yaml")
    }
    lines = "".join(f"      - {condition}\n" for condition in conditions)
    old = "    conditions:\n      - guests: refused\n      - reason: {min_length: 10}\n"
    assert old in documents["rules.yaml"]
    documents["rules.yaml"] = documents["rules.yaml"].replace(old, old + lines, 1)
    policies.load(by=administrator.party, documents=documents)


def shows(*acrs: str, ago: int = 0) -> dict[str, Any]:
    return {"auth_time": (now() - timedelta(minutes=ago)).isoformat(), "acrs": list(acrs)}


def ask(person: Any, sign_in: Any = None, **more: Any) -> AccessRequest:
    wish = Ask(
        Entitlement.objects.select_related("resource").get(key=SSH),
        more.pop("duration", timedelta(minutes=30)),
        more.pop("reason", REASON),
        source=address_of(person),
    )
    with origin.origin(source_address=address_of(person)):
        return submit(by=person, ask=wish, submission_key=uuid4(), sign_in=sign_in)


def vote(by: Any, wish: AccessRequest, sign_in: Any = None, vote: str = "approve") -> None:
    decide.decide(by=by, stage_id=active_stage(wish).pk, vote=vote, reason="Looked at", sign_in=sign_in)


def at_home(person: Any, act: Any) -> Any:
    with origin.origin(source_address=address_of(person)):
        return act()


UNKNOWN = [None, {}, {"acrs": ["c1"]}, {"auth_time": "soon", "acrs": ["c1"]}]


@pytest.mark.parametrize("sign_in", UNKNOWN)
def test_asking_needs_what_policy_says(sign_in: Any, people: Any) -> None:
    in_force(people["administrator"], "sign_in: {context: c1, within: 15m, at: [request]}")
    with pytest.raises(SignInNeeded) as refused:
        ask(people["requester"], sign_in)
    assert (refused.value.contexts, refused.value.within) == (("c1",), timedelta(minutes=15))
    assert refused.value.way_on
    assert not AccessRequest.objects.exists()
    event = Event.objects.latest("id")
    assert (event.kind, event.actor_id) == ("signin.asked_again", people["requester"].identity)
    assert event.outcome != "refused", "who goes to prove it was not refused"
    assert ask(people["requester"], shows("c1", ago=14)).sign_in["acrs"] == ["c1"]


def test_nobody_is_sent_to_sign_in_for_what_is_refused_all_the_same(people: Any) -> None:
    in_force(people["administrator"], "sign_in: {context: c1, at: [request]}")
    with pytest.raises(Refused) as refused:
        ask(people["requester"], duration=timedelta(hours=9))
    assert not isinstance(refused.value, SignInNeeded)
    assert refused.value.check == "The duration is allowed"


@pytest.mark.parametrize("sign_in", UNKNOWN)
def test_approving_needs_what_policy_says_and_denying_does_not(sign_in: Any, people: Any) -> None:
    in_force(people["administrator"], "sign_in: {context: c1, within: 15m, at: [approval]}")
    wish = asked(people["requester"])
    with pytest.raises(SignInNeeded):
        vote(people["manager"], wish, sign_in)
    assert not Decision.objects.exists()
    assert active_stage(wish).name == "manager"
    vote(people["manager"], wish, shows("c1"))
    vote(people["security"], wish, sign_in, vote="deny")
    wish.refresh_from_db()
    assert wish.state == "denied"


def test_who_may_not_decide_is_told_that_and_not_to_sign_in(people: Any) -> None:
    in_force(people["administrator"], "sign_in: {context: c1, at: [approval]}")
    wish = asked(people["requester"])
    with pytest.raises(Refused) as refused:
        vote(people["outsider"], wish)
    assert not isinstance(refused.value, SignInNeeded)


def test_at_approval_the_stricter_of_the_promise_and_of_today_counts(people: Any) -> None:
    administrator, manager = people["administrator"], people["manager"]
    in_force(administrator, "sign_in: {context: c1, within: 1h, at: [approval]}")
    wish = asked(people["requester"])
    # Looser by now: what was promised when it was asked for still counts.
    in_force(administrator)
    with pytest.raises(SignInNeeded):
        vote(manager, wish, shows())
    # Stricter by now: that counts as well.
    in_force(administrator, "sign_in: {context: c2, within: 10m, at: [approval]}")
    for sign_in in (shows("c1"), shows("c2"), shows("c1", "c2", ago=11)):
        with pytest.raises(SignInNeeded) as refused:
            vote(manager, wish, sign_in)
        assert (refused.value.contexts, refused.value.within) == (("c1", "c2"), timedelta(minutes=10))
    vote(manager, wish, shows("c1", "c2", ago=9))


def test_a_request_from_before_such_demands_can_be_decided(people: Any) -> None:
    in_force(people["administrator"])
    wish = asked(people["requester"])
    item = RequestItem.objects.get(access_request=wish)
    item.verdict.pop("sign_in")
    item.save()
    vote(people["manager"], wish)


def approved(people: Any, *conditions: str) -> AccessRequest:
    in_force(people["administrator"], *conditions)
    wish = asked(people["requester"])
    for role in ("manager", "security"):
        vote(people[role], wish)
    return wish


@pytest.mark.parametrize("sign_in", UNKNOWN)
def test_activating_needs_what_policy_says_by_button_and_by_code(sign_in: Any, people: Any) -> None:
    wish, ada = approved(people, "sign_in: {context: c1, within: 15m, at: [activation]}"), people["requester"]
    code = codes.get_code(by=ada, access_request_id=wish.pk)
    for act in (
        lambda: activate.activate(by=ada, access_request_id=wish.pk, sign_in=sign_in),
        lambda: activate.activate_with_code(by=ada, text=code, sign_in=sign_in),
    ):
        with pytest.raises(SignInNeeded):
            at_home(ada, act)
    assert Grant.objects.get().state == "issued"
    assert LatchCode.objects.get().spent_at is None, "a code that opened nothing is not spent"
    assert LatchCode.objects.get().revoked_at is None
    at_home(ada, lambda: activate.activate_with_code(by=ada, text=code, sign_in=shows("c1")))
    assert Grant.objects.get().state == "opening"


def test_a_demand_that_came_later_counts_at_activation(people: Any) -> None:
    wish, ada = approved(people), people["requester"]
    in_force(people["administrator"], "sign_in: {within: 5m, at: [activation]}")
    with pytest.raises(SignInNeeded):
        at_home(ada, lambda: activate.activate(by=ada, access_request_id=wish.pk, sign_in=shows(ago=6)))
    at_home(ada, lambda: activate.activate(by=ada, access_request_id=wish.pk, sign_in=shows(ago=4)))


def test_opening_again_needs_what_activating_needs(people: Any) -> None:
    wish, ada = approved(people, "sign_in: {context: c1, at: [activation]}"), people["requester"]
    at_home(ada, lambda: activate.activate(by=ada, access_request_id=wish.pk, sign_in=shows("c1")))
    grant = read_back(Grant.objects.get())
    Grant.objects.filter(pk=grant.pk).update(
        state="closed", ended_why="removed_in_azure", ending_at=now(), closed_at=now()
    )
    with pytest.raises(SignInNeeded):
        at_home(ada, lambda: reopen.open_again(by=ada, grant_id=grant.pk, sign_in=shows()))
    assert Grant.objects.count() == 1
    at_home(ada, lambda: reopen.open_again(by=ada, grant_id=grant.pk, sign_in=shows("c1")))


def test_more_time_needs_what_asking_and_activating_need_of_who_asks(people: Any) -> None:
    wish, ada = approved(people, "sign_in: {context: c1, at: [activation]}"), people["requester"]
    at_home(ada, lambda: activate.activate(by=ada, access_request_id=wish.pk, sign_in=shows("c1")))
    grant = read_back(Grant.objects.get())

    def more(sign_in: Any) -> Any:
        whole = timedelta(minutes=60)
        return extend.ask(
            by=ada, grant_id=grant.pk, total=whole, reason=REASON, submission_key=uuid4(), sign_in=sign_in
        )

    with pytest.raises(SignInNeeded):
        at_home(ada, lambda: more(shows()))
    assert AccessRequest.objects.count() == 1
    longer = at_home(ada, lambda: more(shows("c1")))
    # Whoever agrees begins it: the holder is not there, and was asked before.
    for role in ("manager", "security"):
        vote(people[role], longer)
    grant.refresh_from_db()
    assert grant.state == "extending"


@pytest.mark.parametrize("moment", ["request", "approval", "activation", "break_glass"])
def test_an_action_of_its_own_can_ask_by_the_policy_in_force(moment: str, people: Any) -> None:
    in_force(people["administrator"], f"sign_in: {{context: c1, within: 5m, at: [{moment}]}}")
    ada, what = people["requester"], [Entitlement.objects.select_related("resource").get(key=SSH)]

    def require(at: str, sign_in: Any) -> None:
        fresh.require_at(at, by=ada, entitlements=what, sign_in=sign_in, now=now())

    for sign_in in (*UNKNOWN, shows("c1", ago=6), shows("c2")):
        with pytest.raises(SignInNeeded):
            require(moment, sign_in)
    require(moment, shows("c1"))
    for other in {"request", "approval", "activation", "break_glass"} - {moment}:
        require(other, None)


def test_the_session_ages_while_the_page_is_looked_at(people: Any) -> None:
    in_force(people["administrator"], "sign_in: {within: 15m, at: [request]}")
    sign_in = shows(ago=14)
    with time_machine.travel(now() + timedelta(seconds=61), tick=False), pytest.raises(SignInNeeded):
        ask(people["requester"], sign_in)
