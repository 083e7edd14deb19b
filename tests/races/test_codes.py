"""A verifier and a holder at the same instant: whoever is first, nothing is left open, and each act is told once."""

import pytest

from audit_app.lifecycle import Stale
from requests_app.actions import activate, codes
from requests_app.actions.revoke_code import revoke_code
from requests_app.errors import Gone
from requests_app.models import Grant, LatchCode, Opening
from tests.support import invariants
from tests.support.azure import approved
from tests.support.races import at_once, count, from_home
from tests.support.verifiers import Asking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
TIMES = range(3)


def a_code(people):
    return codes.get_code(by=people["requester"], access_request_id=approved(people).pk)


def test_revoking_and_using_a_code_at_once_leaves_nothing_open(people, policy):
    siem, requester = Asking(people["administrator"]).verifier, people["requester"]
    for number in TIMES:
        text = a_code(people)
        used, revoked = at_once(
            lambda text=text: from_home(
                requester, lambda: activate.activate_with_code(by=requester, text=text)
            ),
            lambda text=text: revoke_code(by=siem, text=text),
        )
        assert isinstance(used, activate.Activated | Gone | Stale), used
        assert revoked == 1
        assert Grant.objects.latest("pk").state in {"closed", "closing"}
        assert not Opening.objects.filter(desired="present").exists()
        assert count("verifier.revoked") == number + 1
    invariants.stories_are_legal()


def test_revoking_twice_at_once_takes_one_right(people, policy):
    siem = Asking(people["administrator"]).verifier
    for number in TIMES:
        text = a_code(people)
        act = lambda text=text: revoke_code(by=siem, text=text)  # noqa: E731
        assert sorted(at_once(act, act)) == [0, 1]
        assert count("verifier.revoked") == number + 1
        assert count("code.revoked") == number + 1


def test_codes_made_at_once_have_places_of_their_own(people, policy):
    keys = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh")
    pks = [approved(people, key=key).pk for key in keys]
    made = at_once(
        *(lambda pk=pk: codes.get_code(by=people["requester"], access_request_id=pk) for pk in pks)
    )
    assert all(isinstance(text, str) for text in made), made
    places = LatchCode.objects.values_list("status_list", "status_index")
    assert len(set(places)) == len(keys)
