"""More time: a new decision, written in place, and the end moves only once it was read back from Azure."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app.actions import decide, end, extend, lapse
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, Arming, Message, Person
from requests_app.targets.mark import read_end
from tests.support.azure import active_stage, address_of, opened
from tests.support.convergence import at, fresh, later, opening_of, ours, run, writes
from tests.support.refusals import refused, stale

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


def wish(grant: Any, minutes: float = 50, **more: Any) -> AccessRequest:
    person = more.pop("by", grant.person)
    with origin.origin(source_address=address_of(grant.person)):
        return extend.ask(
            by=person,
            grant_id=grant.pk,
            total=timedelta(minutes=minutes),
            reason=more.pop("reason", "The import takes longer"),
            submission_key=more.pop("submission_key", uuid4()),
            **more,
        )


def agree(people: Any, access_request: AccessRequest) -> None:
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(access_request).pk, vote="approve")


def ends(azure: Any) -> list[Any]:
    return [read_end(rule["description"]) for rule in ours(azure).values()]


@pytest.mark.parametrize("key", ["prod-web-01-ssh", "prod-web-03-ssh"], ids=["one group", "two groups"])
def test_the_end_moves_once_the_new_one_was_read_back_from_every_group(
    people: Any, azure: Any, key: str
) -> None:
    grant = opened(people, key=key)
    wanted = wish(grant)
    assert wanted.extends_id == grant.pk
    agree(people, wanted)
    grant = fresh(grant)
    assert (grant.state, grant.expires_at) == ("extending", grant.opened_at + timedelta(minutes=30))
    before = writes(azure)
    names = set(ours(azure))
    run()
    grant = fresh(grant)
    assert (grant.state, grant.expires_at) == ("open", grant.opened_at + timedelta(minutes=50))
    assert grant.extend_to is None
    assert set(ours(azure)) == names, "written in place, never removed"
    assert writes(azure) - before == grant.openings.count()
    assert all(abs(found - grant.hard_end) < timedelta(seconds=1) for found in ends(azure))
    told = Event.objects.filter(object_id=str(grant.uid)).order_by("id").values_list("kind", flat=True)
    assert list(told)[-2:] == ["grant.extending", "grant.extended"]
    assert Message.objects.filter(key__startswith="extended:").count() == 1
    with at(grant.opened_at + timedelta(minutes=31)):
        run()
        assert fresh(grant).state == "open", "it closed at its old end"
    with at(grant.expires_at):
        run()
        assert fresh(grant).state == "closed"


def test_without_stages_it_is_extending_at_once(people: Any, azure: Any, monkeypatch: Any) -> None:
    grant = opened(people)
    from requests_app.actions import submit

    monkeypatch.setattr(submit, "_stages", lambda *_: [])
    assert wish(grant).state == "approved"
    assert fresh(grant).state == "extending"
    run()
    assert fresh(grant).state == "open"


@pytest.mark.parametrize("fault", ["forbidden", "locked", "policy_denied"])
def test_refused_by_azure_it_stays_open_until_its_old_end(people: Any, azure: Any, fault: str) -> None:
    grant = opened(people, key="prod-web-03-ssh")
    old = fresh(grant).expires_at
    agree(people, wish(grant))
    azure.fault(fault, match={"method": "PUT", "nsg": "nsg-prod-web-nic"}, times=None)
    for seconds in (0, 40):
        with later(seconds):
            run()
    azure.control("DELETE", "faults")
    with later(90):
        run()
    grant = fresh(grant)
    assert (grant.state, grant.expires_at) == ("open", old)
    assert Event.objects.filter(kind="grant.extension_failed", object_id=str(grant.uid)).count() == 1
    assert all(found <= old + timedelta(seconds=121) for found in ends(azure)), (
        "a rule tells of the later end"
    )
    with at(old):
        run()
        assert fresh(grant).state == "closed"


def test_not_extended_in_time_it_closes_at_its_old_end(people: Any, azure: Any) -> None:
    grant = opened(people)
    agree(people, wish(grant))
    azure.fault("server_error", match={"method": "PUT"}, times=None)
    old = fresh(grant).expires_at
    for moment in (now(), old - timedelta(seconds=20), old):
        with at(moment):
            run()
    azure.control("DELETE", "faults")
    with at(old + timedelta(seconds=91)):  # a write nobody had an answer to may land until then
        run()
    grant = fresh(grant)
    assert (grant.state, grant.ended_why, grant.expires_at) == ("closed", "expired", old)
    assert not ours(azure)


@pytest.mark.parametrize("who", ["manager", "administrator", "outsider"])
def test_only_the_holder_asks_for_more_time(people: Any, azure: Any, who: str) -> None:
    grant = opened(people)
    refused(Refused, "Only its holder", "grant.extend_refused", lambda: wish(grant, by=people[who]))


@pytest.mark.parametrize("minutes", [30, 10, 0, -5])
def test_more_time_is_more_than_there_is(people: Any, azure: Any, minutes: float) -> None:
    grant = opened(people)
    refused(Invalid, "later end", "", lambda: wish(grant, minutes))


def test_policys_limit_holds_for_the_whole_time(people: Any, azure: Any) -> None:
    grant = opened(people)
    refused(Refused, "longer than", "grant.extend_refused", lambda: wish(grant, 60 * 24))


def test_in_the_last_two_minutes_nothing_is_extended(people: Any, azure: Any) -> None:
    grant = opened(people)
    waiting = wish(grant)
    with at(fresh(grant).expires_at - timedelta(seconds=119)):
        refused(Refused, "last two minutes", "grant.extend_refused", lambda: wish(grant, 55))
        Person.objects.update(directory_read_at=now())
        assert lapse.lapse_overtaken() + lapse.lapse_undecided() == 1
    waiting.refresh_from_db()
    assert waiting.state == "lapsed"


def test_it_never_waits_for_approvers_longer_than_it_is_of_use(people: Any, azure: Any) -> None:
    grant = opened(people)
    assert wish(grant).lapses_at == fresh(grant).expires_at - timedelta(minutes=2)


def test_one_wish_at_a_time(people: Any, azure: Any) -> None:
    grant = opened(people)
    first = wish(grant, submission_key=(key := uuid4()))
    stale(lambda: wish(grant))
    assert wish(grant, submission_key=key).pk == first.pk, "the same form twice is one wish"


@pytest.mark.parametrize("state", ["opening", "closing", "extending"])
def test_only_what_is_open_is_extended(people: Any, azure: Any, state: str) -> None:
    grant = opened(people)
    extra = {"opening": {"activated_at": now()}, "closing": {"ending_at": now(), "ended_why": "ended"}}
    more: dict[str, Any] = {"extending": {"extend_to": grant.hard_end}, **extra}[state]
    type(grant).objects.filter(pk=grant.pk).update(state=state, **more)
    with pytest.raises(Stale, match="can not be extended now"):
        wish(grant)


def test_agreed_after_it_was_ended_the_last_approver_is_told_and_nothing_opens(
    people: Any, azure: Any
) -> None:
    grant = opened(people)
    wanted = wish(grant)
    decide.decide(by=people["manager"], stage_id=active_stage(wanted).pk, vote="approve")
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    with pytest.raises(Stale, match="can not be extended"):
        decide.decide(by=people["security"], stage_id=active_stage(wanted).pk, vote="approve")
    assert lapse.lapse_overtaken() == 1
    wanted.refresh_from_db()
    assert wanted.state == "lapsed"
    assert not ours(azure)


def test_policy_is_asked_again_when_it_is_agreed(people: Any, azure: Any) -> None:
    grant = opened(people)
    wanted = wish(grant)
    decide.decide(by=people["manager"], stage_id=active_stage(wanted).pk, vote="approve")
    Person.objects.filter(pk=grant.person_id).update(enabled=False)
    with pytest.raises(Refused, match="disabled"):
        decide.decide(by=people["security"], stage_id=active_stage(wanted).pk, vote="approve")
    assert fresh(grant).state == "open"


def test_a_close_only_portal_gives_no_more_time(people: Any, azure: Any) -> None:
    grant = opened(people)
    Arming.objects.update(armed=False)
    refused(Refused, "only closes", "grant.extend_refused", lambda: wish(grant))


def test_a_rule_deleted_while_it_is_extended_is_not_made_again(people: Any, azure: Any) -> None:
    grant = opened(people)
    agree(people, wish(grant))
    azure.control("DELETE", f"rules/nsg-prod-web/{opening_of(grant).name}")
    run()
    assert (fresh(grant).state, fresh(grant).ended_why) == ("closed", "removed_in_azure")
    assert not ours(azure)
