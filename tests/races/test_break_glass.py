"""Two forms of one person at the same instant: the glass breaks once, and everybody is told once."""

from uuid import uuid4

import pytest

from audit_app.models import AccessReview
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, Message
from tests.support import invariants
from tests.support.glass import broken
from tests.support.races import at_once, count, won

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def once(person):
    grant = Grant.objects.get()
    assert (grant.state, grant.person) == ("opening", person)
    assert AccessReview.objects.count() == AccessRequest.objects.count() == 1
    assert count("grant.break_glass") == count("review.opened") == 1
    told = list(Message.objects.filter(kind="break_glass").values_list("recipient", flat=True))
    assert told
    assert len(told) == len(set(told))
    invariants.stories_are_legal()


def test_two_forms_at_once_break_it_once_and_the_other_is_told_so(people, policy):
    ben = people["ben"]
    won(at_once(lambda: broken(ben), lambda: broken(ben)), Refused)
    once(ben)
    assert count("glass.refused") == 1


def test_one_form_sent_twice_at_once_is_one_opening(people, policy):
    ben, key = people["ben"], uuid4()
    first, second = at_once(lambda: broken(ben, submission_key=key), lambda: broken(ben, submission_key=key))
    assert isinstance(first, AccessRequest), first
    assert first == second
    once(ben)


def test_two_people_break_it_at_once_without_waiting_for_each_other(people, policy):
    answers = at_once(lambda: broken(people["ben"]), lambda: broken(people["leila"]))
    assert all(isinstance(answer, AccessRequest) for answer in answers), answers
    assert Grant.objects.count() == 2
