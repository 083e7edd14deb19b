"""A code that is good for nothing any more, or is somebody else's, is refused, and whoever watches is told, once."""

import pytest

from audit_app import origin
from audit_app.models import Alert, Event
from audit_app.tasks import watch
from requests_app.actions import activate, codes
from requests_app.errors import LatchError
from requests_app.models import AccessRequest, Grant, LatchCode
from tests.audit_app.trail_makers import placed
from tests.support.azure import address_of, approved

pytestmark = pytest.mark.django_db


def use(people, text, who="requester"):
    person = people[who]
    with origin.origin(source_address=address_of(person)):
        activate.activate_with_code(by=person, text=text)


def a_code(people):
    return codes.get_code(by=people["requester"], access_request_id=approved(people).pk)


def _used(people, text):
    use(people, text)


def _replaced(people, text):
    codes.get_code(by=people["requester"], access_request_id=AccessRequest.objects.get().pk)


def _cancelled(people, text):
    codes.cancel(by=people["requester"], access_request_id=AccessRequest.objects.get().pk)


def _nothing(people, text):
    pass


CASES = [
    (_used, "requester", "used already", "code used"),
    (_replaced, "requester", "was revoked", "code revoked"),
    (_cancelled, "requester", "was revoked", "code revoked"),
    (_nothing, "security", "belongs to somebody else", "subject"),
]


@pytest.mark.parametrize(("before", "who", "words", "check"), CASES)
def test_a_replay_is_refused_and_told_once(people, policy, before, who, words, check):
    text = a_code(people)
    jti = LatchCode.objects.get().jti
    before(people, text)
    opened = Grant.objects.exclude(activated_at=None).count()
    for _ in range(3):
        with pytest.raises(LatchError, match=words):
            use(people, text, who)
    placed()
    watch()
    alert = Alert.objects.get(rule="code_replayed")
    assert alert.cause == f"{jti}:{check}:{people[who].identity}"
    assert alert.sentence.startswith(f"{people[who]} tried to use a latch code for SSH to prod-web-01. ")
    assert words in alert.sentence
    assert alert.story == f"request-{AccessRequest.objects.get().pk}"
    assert Grant.objects.exclude(activated_at=None).count() == opened
    refusal = Event.objects.filter(kind="code.refused").first()
    assert refusal.data == {"check": check, "jti": str(jti)}


def test_a_code_that_is_used_as_meant_is_no_replay(people, policy):
    use(people, a_code(people))
    placed()
    watch()
    assert not Alert.objects.filter(rule="code_replayed").exists()
