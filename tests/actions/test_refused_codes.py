"""Codes, activating and ending, refused: in words, in the trail, and with nothing changed."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine

from audit_app import origin
from audit_app.clock import now
from audit_app.models import Event
from requests_app.actions import activate, codes, decide, end, revoke, submit
from requests_app.errors import Gone, Invalid, Refused
from requests_app.models import (
    AccessRequest,
    DirectoryMembership,
    Entitlement,
    Grant,
    LatchCode,
    Person,
)
from tests.support.azure import activated, active_stage, address_of, approved, asked
from tests.support.environment import key_directory
from tests.support.refusals import events, refused, stale, states

pytestmark = pytest.mark.django_db


# --- codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["manager", "administrator"])
@pytest.mark.parametrize("act", [codes.get_code, activate.activate])
def test_a_code_is_for_the_requester_and_nobody_else(people, policy, who, act):
    access_request = approved(people)
    refused(
        Refused,
        "for the person who asked",
        "code.refused",
        lambda: act(by=people[who], access_request_id=access_request.pk),
    )


@pytest.mark.parametrize("act", [codes.get_code, activate.activate])
def test_past_the_time_to_activate_it_is_gone(people, policy, act):
    access_request = approved(people)
    with time_machine.travel(access_request.decided_at + access_request.activate_within, tick=True):
        refused(
            Gone,
            "time to activate",
            "code.refused",
            lambda: act(by=people["requester"], access_request_id=access_request.pk),
        )


@pytest.mark.parametrize("act", [codes.get_code, activate.activate])
def test_nothing_is_left_to_activate_twice(people, policy, act):
    grant = activated(people)
    stale(lambda: act(by=people["requester"], access_request_id=grant.access_request_id))


def use(people, text, *, who="requester", at=None, **more):
    person = people[who]
    with origin.origin(source_address=at or address_of(person)):
        return activate.activate_with_code(by=person, text=text, **more)


def test_somebody_elses_code_opens_nothing(people, policy):
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    refused(Refused, "belongs to somebody else", "code.refused", lambda: use(people, text, who="security"))


def test_a_spent_code_opens_nothing_and_the_attempt_is_told(people, policy):
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    use(people, text)
    refused(Gone, "used already", "code.refused", lambda: use(people, text))


def test_a_replaced_code_opens_nothing(people, policy):
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    refused(Gone, "revoked", "code.refused", lambda: use(people, text))


def test_a_cancelled_code_opens_nothing(people, policy):
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    codes.cancel(by=people["requester"], access_request_id=access_request.pk)
    refused(Gone, "revoked", "code.refused", lambda: use(people, text))


def test_an_expired_code_opens_nothing(people, policy):
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    with time_machine.travel(access_request.decided_at + access_request.activate_within, tick=True):
        refused((Refused, Gone), "activated by", "code.refused", lambda: use(people, text))


GARBAGE = ["", "x", "a.b.c", "é" * 10, "A" * 20000, "eyJhbGciOiJub25lIn0.e30."]


@pytest.mark.parametrize("text", GARBAGE, ids=["empty", "letter", "dots", "not_ascii", "huge", "unsigned"])
def test_garbage_opens_nothing(people, policy, text):
    approved(people)
    refused(Refused, "", "code.refused", lambda: use(people, text))


def test_a_code_signed_with_another_portals_key_opens_nothing(people, policy, settings, tmp_path):
    access_request = approved(people)
    ours = settings.LATCH_KEY_DIR
    settings.LATCH_KEY_DIR = key_directory(tmp_path / "theirs")
    (settings.LATCH_KEY_DIR / "test-key.pem").rename(settings.LATCH_KEY_DIR / "their-key.pem")
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    settings.LATCH_KEY_DIR = ours
    refused(Refused, "key this portal does not have", "code.refused", lambda: use(people, text))


def test_a_code_of_our_key_that_we_never_kept_opens_nothing(people, policy):
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    LatchCode.objects.all().delete()
    refused(Refused, "knows no such latch code", "code.refused", lambda: use(people, text))


def test_from_elsewhere_nothing_opens_unless_it_is_said_to_be_meant(people, policy):
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    refused(Refused, "are now at 203.0.113.9", "code.refused", lambda: use(people, text, at="203.0.113.9"))
    use(people, text, at="203.0.113.9", from_elsewhere=True)
    grant = Grant.objects.get()
    assert grant.state == "opening"
    assert grant.openings.get().desired_spec["source"] == address_of(people["requester"])


def test_an_address_that_can_not_be_told_opens_nothing(people, policy):
    access_request = approved(people)
    refused(
        Refused,
        "can not be told",
        "code.refused",
        lambda: activate.activate(by=people["requester"], access_request_id=access_request.pk),
    )


def _left_the_group(people):
    DirectoryMembership.objects.filter(person=people["requester"]).delete()


def _was_disabled(people):
    Person.objects.filter(pk=people["requester"].pk).update(enabled=False)


def _copy_grew_old(people):
    Person.objects.update(directory_read_at=now() - timedelta(minutes=6))


def _not_on_offer(people):
    Entitlement.objects.update(active=False)


def _stricter(people):
    from requests_app.models import PolicyVersion

    version = PolicyVersion.objects.get(active=True)
    files = dict(version.documents)
    files["rules.yaml"] = files["rules.yaml"].replace("max_duration: 2h", "max_duration: 10m")
    from requests_app.actions import policy as policy_actions

    policy_actions.load(by=people["administrator"].party, documents=files)


@pytest.mark.parametrize("change", [_left_the_group, _was_disabled, _copy_grew_old, _not_on_offer, _stricter])
@pytest.mark.parametrize("by_code", [True, False])
def test_what_was_approved_does_not_open_once_policy_says_no(people, policy, change, by_code):
    access_request = approved(people)
    person = people["requester"]
    text = codes.get_code(by=person, access_request_id=access_request.pk)
    change(people)
    fresh = Person.objects.get(pk=person.pk)

    def act():
        with origin.origin(source_address=address_of(person)):
            if by_code:
                activate.activate_with_code(by=fresh, text=text)
            else:
                activate.activate(by=fresh, access_request_id=access_request.pk)

    refused(Refused, "", "code.refused", act)


# --- ending --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["manager", "administrator"])
def test_only_its_holder_ends_a_grant(people, policy, who):
    grant = activated(people)
    refused(
        Refused,
        "Only its holder",
        "grant.end_refused",
        lambda: end.end_now(by=people[who], grant_id=grant.pk),
    )


@pytest.mark.parametrize("who", ["requester", "auditor"])
def test_only_an_administrator_revokes(people, policy, who):
    grant = activated(people)
    refused(
        Refused,
        "Only an administrator",
        "grant.revoke_refused",
        lambda: revoke.revoke(by=people[who], grant_id=grant.pk, reason="Seen on the news"),
    )
    refused(
        Refused,
        "Only an administrator",
        "grant.revoke_refused",
        lambda: revoke.revoke_everything(by=people[who], reason="Seen on the news"),
    )


def test_revoking_needs_a_reason(people, policy):
    grant = activated(people)
    administrator = people["administrator"]
    refused(Invalid, "say why", "", lambda: revoke.revoke(by=administrator, grant_id=grant.pk, reason=" "))
    refused(Invalid, "say why", "", lambda: revoke.revoke_everything(by=administrator, reason=""))


def test_what_is_not_open_can_not_be_ended(people, policy):
    grant = Grant.objects.get(access_request=approved(people))
    stale(lambda: end.end_now(by=people["requester"], grant_id=grant.pk))


def test_what_is_closing_can_be_neither_ended_nor_revoked_again(people, policy):
    grant = activated(people)
    end.end_now(by=people["requester"], grant_id=grant.pk)
    stale(lambda: end.end_now(by=people["requester"], grant_id=grant.pk))
    stale(lambda: revoke.revoke(by=people["administrator"], grant_id=grant.pk, reason="Seen on the news"))


# --- the trail -----------------------------------------------------------------------------------------------


def _acts(people):
    pending = asked(people["requester"], key="prod-web-02-ssh")
    right = approved(people)
    grant = activated(people, key="prod-web-03-ssh")
    stage = active_stage(pending)
    return {
        "submit": lambda: asked(people["requester"], submission_key=uuid4()),
        "approve": lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="approve"),
        "deny": lambda: decide.decide(by=people["manager"], stage_id=stage.pk, vote="deny", reason="No"),
        "withdraw": lambda: submit.withdraw(by=people["requester"], access_request_id=pending.pk),
        "get_code": lambda: codes.get_code(by=people["requester"], access_request_id=right.pk),
        "cancel": lambda: codes.cancel(by=people["requester"], access_request_id=right.pk),
        "end": lambda: end.end_now(by=people["requester"], grant_id=grant.pk),
        "revoke": lambda: revoke.revoke(by=people["administrator"], grant_id=grant.pk, reason="News"),
        "everything": lambda: revoke.revoke_everything(by=people["administrator"], reason="News"),
    }


class Unwritable(Exception):
    pass


@pytest.mark.parametrize(
    "name", ["submit", "approve", "deny", "withdraw", "get_code", "cancel", "end", "revoke", "everything"]
)
def test_a_change_that_can_not_be_told_in_the_trail_does_not_happen(people, policy, name):
    from django.db.models.signals import pre_save

    act = _acts(people)[name]
    before, told, people_asked = states(), events(), AccessRequest.objects.count()

    def fail(sender, **_):
        raise Unwritable

    pre_save.connect(fail, sender=Event)
    try:
        with pytest.raises(Unwritable):
            act()
    finally:
        pre_save.disconnect(fail, sender=Event)
    assert states() == before
    assert events() == told
    assert AccessRequest.objects.count() == people_asked


def test_no_code_stands_in_the_trail_or_a_mail(people, policy):
    from requests_app.models import Message

    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    use(people, text)
    signature = text.rpartition(".")[2]
    for event in Event.objects.all():
        assert signature not in f"{event.why} {event.data} {event.object_label}"
    for message in Message.objects.all():
        assert signature not in str(message.context)
    assert LatchCode.objects.get().spent_at
