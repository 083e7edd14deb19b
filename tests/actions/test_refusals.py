"""Asking, deciding and taking back, refused: in words, in the trail, and with nothing changed."""

from datetime import timedelta

import pytest

from audit_app.clock import now
from requests_app.actions import codes, decide, submit
from requests_app.errors import Invalid, Refused
from requests_app.models import (
    AccessRequest,
    DirectoryMembership,
    Entitlement,
    Person,
)
from tests.support.azure import activated, active_stage, address_of, approved, asked
from tests.support.refusals import refused, stale

pytestmark = pytest.mark.django_db


# --- asking --------------------------------------------------------------------------------------------------

ASKING = [
    ("somebody_in_no_group", "outsider", {}, ""),
    ("a_disabled_account", "disabled", {}, ""),
    ("a_guest", "guest", {}, ""),
    ("too_long", "requester", {"minutes": 60 * 9}, ""),
    ("no_time_at_all", "requester", {"minutes": 0}, ""),
    ("less_than_none", "requester", {"minutes": -5}, ""),
    ("too_short_a_reason", "requester", {"reason": "because"}, "reason"),
    ("blanks_for_a_reason", "requester", {"reason": " \n\t "}, "reason"),
    ("everybody_as_source", "requester", {"source": "0.0.0.0/0"}, ""),
    ("a_service_tag_as_source", "requester", {"source": "Internet"}, ""),
    ("a_private_source", "requester", {"source": "192.168.1.4"}, ""),
    ("a_whole_network_as_source", "requester", {"source": "81.2.69.0/24"}, ""),
    ("no_source", "requester", {"source": ""}, ""),
    ("an_ipv6_source", "requester", {"source": "2a02:898::1"}, ""),
]


@pytest.mark.parametrize(
    ("who", "more", "words"), [row[1:] for row in ASKING], ids=[row[0] for row in ASKING]
)
def test_asking_is_refused_for(people, policy, who, more, words):
    more = {"observed": address_of(people[who]), **more}
    refused(Refused, words, "request.refused", lambda: asked(people[who], **more))
    assert not AccessRequest.objects.exists()


def test_asking_is_refused_for_a_stale_copy_of_the_directory(people, policy):
    Person.objects.update(directory_read_at=now() - timedelta(minutes=5, seconds=1))
    refused(Refused, "", "request.refused", lambda: asked(Person.objects.get(pk=people["requester"].pk)))


def test_asking_is_refused_for_what_is_not_on_offer_any_more(people, policy):
    Entitlement.objects.update(active=False)
    refused(Refused, "", "request.refused", lambda: asked(people["requester"]))


def test_asking_is_refused_while_no_policy_is_in_force(people, policy):
    type(policy).objects.update(active=False)
    refused(Refused, "No policy is loaded", "request.refused", lambda: asked(people["requester"]))


def test_asking_is_refused_where_nobody_is_left_to_decide(people, policy):
    people["manager"].enabled = False
    people["manager"].save()
    refused(Refused, "", "request.refused", lambda: asked(people["requester"]))


def test_a_staging_request_without_a_reason_is_refused_in_words(people, policy):
    """Its rule asks for no reason, the schema does: that must not end in a stack trace."""
    key = Entitlement.objects.filter(resource__environment="staging").first().key
    with pytest.raises((Refused, Invalid), match=r"(?i)why|reason"):
        asked(people["requester"], key=key, reason="  ")


# --- deciding ------------------------------------------------------------------------------------------------


def _disable(people, request):
    people["manager"].enabled = False
    people["manager"].save()


def _forget(people, request):
    people["manager"].enabled = None
    people["manager"].save()


def _grow_old(people, request):
    people["manager"].directory_read_at = now() - timedelta(minutes=5, seconds=1)
    people["manager"].save()


def _requester_grows_old(people, request):
    people["requester"].directory_read_at = now() - timedelta(minutes=5, seconds=1)
    people["requester"].save()


def _new_manager(people, request):
    people["requester"].manager = people["director"]
    people["requester"].save()


def _no_manager(people, request):
    people["requester"].manager = None
    people["requester"].save()


def _nothing(people, request):
    pass


DECIDING = [
    ("ones_own_request", "requester", _nothing, "own request"),
    ("an_outsider", "outsider", _nothing, "not among those"),
    ("the_next_stages_approver", "security", _nothing, "not among those"),
    ("an_administrator", "administrator", _nothing, "not among those"),
    ("a_disabled_approver", "manager", _disable, "not among those"),
    ("an_approver_the_directory_does_not_know", "manager", _forget, "not among those"),
    ("an_approver_read_too_long_ago", "manager", _grow_old, "not among those"),
    ("a_requester_read_too_long_ago", "manager", _requester_grows_old, "not among those"),
    ("the_manager_of_yesterday", "manager", _new_manager, "not among those"),
    ("nobody_being_the_manager", "manager", _no_manager, "not among those"),
]


@pytest.mark.parametrize(
    ("who", "change", "words"), [row[1:] for row in DECIDING], ids=[row[0] for row in DECIDING]
)
def test_a_decision_is_refused_for(people, policy, who, change, words):
    access_request = asked(people["requester"])
    change(people, access_request)
    stage = active_stage(access_request)
    refused(
        Refused,
        words,
        "decision.refused",
        lambda: decide.decide(by=people[who], stage_id=stage.pk, vote="approve"),
    )


def test_a_person_who_left_the_group_can_not_decide_for_it(people, policy):
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    DirectoryMembership.objects.filter(person=people["security"]).delete()
    stage = active_stage(access_request)
    refused(
        Refused,
        "not among those",
        "decision.refused",
        lambda: decide.decide(by=people["security"], stage_id=stage.pk, vote="approve"),
    )


def test_nobody_votes_twice_on_one_request_not_even_in_another_stage(people, policy):
    group = DirectoryMembership.objects.filter(person=people["security"], group__name="security").get().group
    DirectoryMembership.objects.create(group=group, person=people["manager"])
    access_request = asked(people["requester"])
    decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    stage = active_stage(access_request)
    assert people["manager"] not in stage.asked.all()
    refused(
        Refused,
        "already decided once",
        "decision.refused",
        lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve"),
    )


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_a_denial_without_a_reason_is_sent_back(people, policy, reason):
    stage = active_stage(asked(people["requester"]))
    refused(
        Invalid,
        "say why",
        "",
        lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="deny", reason=reason),
    )


def _decided_by(people, vote):
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    decide.decide(by=people["manager"], stage_id=stage.pk, vote=vote, reason="No such work is planned")
    return stage


@pytest.mark.parametrize("vote", ["approve", "deny"])
@pytest.mark.parametrize("first", ["approve", "deny"])
def test_a_stage_already_decided_is_stale_for_a_second_decision(people, policy, first, vote):
    stage = _decided_by(people, first)
    stale(
        lambda: decide.decide(
            by=people["director"], stage_id=stage.pk, vote=vote, reason="No such work is planned"
        )
    )


def test_a_stage_not_reached_yet_can_not_be_decided(people, policy):
    access_request = asked(people["requester"])
    waiting = access_request.stages.get(state="waiting")
    stale(lambda: decide.decide(by=people["security"], stage_id=waiting.pk, vote="approve"))


# --- taking back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["manager", "administrator"])
def test_only_the_requester_withdraws(people, policy, who):
    access_request = asked(people["requester"])
    refused(
        Refused,
        "Only the person who asked",
        "request.withdraw_refused",
        lambda: submit.withdraw(by=people[who], access_request_id=access_request.pk),
    )


def test_a_request_already_decided_can_not_be_withdrawn(people, policy):
    access_request = approved(people)
    stale(lambda: submit.withdraw(by=people["requester"], access_request_id=access_request.pk))


@pytest.mark.parametrize("who", ["manager", "administrator"])
def test_only_the_requester_gives_an_unused_right_back(people, policy, who):
    access_request = approved(people)
    refused(
        Refused,
        "Only the person who asked",
        "grant.cancel_refused",
        lambda: codes.cancel(by=people[who], access_request_id=access_request.pk),
    )


def test_a_right_already_in_use_can_not_be_given_back_as_unused(people, policy):
    grant = activated(people)
    stale(lambda: codes.cancel(by=people["requester"], access_request_id=grant.access_request_id))
