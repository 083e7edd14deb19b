"""Every code has a bit of its own in a list that anybody may fetch, set as soon as it is good for nothing."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from audit_app.clock import now
from requests_app import keyring
from requests_app.actions import codes, end, revoke, status_lists
from requests_app.actions.activate import activate_with_code
from requests_app.codes.token import verify
from requests_app.models import AccessRequest, Grant, LatchCode
from tests.codes.test_codes_status import unpacked
from tests.support.azure import approved, read_back

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _made_anew() -> Any:
    status_lists.forget()
    yield
    status_lists.forget()


def a_code(people: Any) -> str:
    return codes.get_code(by=people["requester"], access_request_id=approved(people).pk)


def said(text: str) -> dict[str, Any]:
    return dict(jwt.decode(text, options={"verify_signature": False}))


def bit(code: str) -> int:
    """What the published list says of this code."""
    status_lists.forget()
    place = said(code)["status"]["status_list"]
    answer = Client().get(place["uri"].removeprefix("http://127.0.0.1:8000"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"
    assert answer.headers["Cache-Control"] == "public, max-age=1"
    token = answer.content.decode()
    assert said(token)["sub"] == place["uri"]
    bits = unpacked(said(token)["status_list"]["lst"])
    return bits[place["idx"] // 8] >> (place["idx"] % 8) & 1


def _replaced(people: Any, text: str) -> None:
    codes.get_code(by=people["requester"], access_request_id=AccessRequest.objects.get().pk)


def _cancelled(people: Any, text: str) -> None:
    codes.cancel(by=people["requester"], access_request_id=AccessRequest.objects.get().pk)


def use(people: Any, text: str) -> Grant:
    activate_with_code(by=people["requester"], text=text, from_elsewhere=True)
    return read_back(Grant.objects.get())


def _used_and_ended(people: Any, text: str) -> None:
    end.end_now(by=people["requester"], grant_id=use(people, text).pk)


def _used_and_revoked(people: Any, text: str) -> None:
    revoke.revoke(by=people["administrator"], grant_id=use(people, text).pk, reason="News")


@pytest.mark.parametrize("change", [_replaced, _cancelled, _used_and_ended, _used_and_revoked])
def test_a_bit_is_set_as_soon_as_the_code_is_good_for_nothing(people: Any, policy: Any, change: Any) -> None:
    text = a_code(people)
    assert bit(text) == 0
    change(people, text)
    assert bit(text) == 1


def test_a_used_code_s_bit_is_not_set_while_what_it_opened_is_open(people: Any, policy: Any) -> None:
    text = a_code(people)
    grant = use(people, text)
    assert bit(text) == 0
    # The worker that closes is away: what is past its end counts as ended all the same.
    with time_machine.travel(grant.expires_at + timedelta(seconds=1), tick=False):
        assert bit(text) == 1


def test_a_revoked_code_stays_told_past_its_own_end(people: Any, policy: Any) -> None:
    text = a_code(people)
    _cancelled(people, text)
    with time_machine.travel(LatchCode.objects.get().expires_at + timedelta(hours=1), tick=False):
        assert bit(text) == 1


def test_a_list_nobody_has_a_place_in_is_not_there(people: Any, policy: Any) -> None:
    a_code(people)
    assert Client().get("/.well-known/latch-status/1").status_code == 404


def test_a_list_is_made_once_a_second_however_often_it_is_asked_for(
    people: Any, policy: Any, django_assert_num_queries: Any
) -> None:
    a_code(people)
    with django_assert_num_queries(2):
        first = status_lists.published(0)
    with django_assert_num_queries(0):
        assert status_lists.published(0) == first


def test_codes_made_before_there_were_lists_are_still_good(people: Any, policy: Any, settings: Any) -> None:
    text = a_code(people)
    LatchCode.objects.update(status_list=None, status_index=None)
    payload = said(text)
    del payload["status"]
    key = keyring.keys().signing
    old = jwt.encode(payload, key.private, algorithm="ES256", headers={"typ": "latch+jwt", "kid": key.kid})
    claims = verify(
        keyring.keys(), old, issuer=settings.BASE_URL, audience=settings.LATCH_CODE_AUDIENCE, now=now()
    )
    assert claims.status is None


def test_no_place_is_given_twice(people: Any, policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    a_code(people)
    first = LatchCode.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        LatchCode.objects.create(
            access_request=first.access_request,
            jti="0d9b4c3a-5f1e-4b7e-8a37-5d0c3e2b9f41",
            digest="d",
            kid="k",
            issued_at=now(),
            expires_at=now(),
            revoked_at=now(),
            status_list=first.status_list,
            status_index=first.status_index,
        )


def test_whoever_drew_a_place_that_was_just_taken_draws_again(
    people: Any, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_code(people)
    taken = LatchCode.objects.get()
    drawn = iter([(taken.status_list, taken.status_index), (taken.status_list, taken.status_index), (0, 99)])
    monkeypatch.setattr(status_lists, "draw", lambda: next(drawn))
    _replaced(people, "")
    assert LatchCode.objects.latest("pk").status_index == 99


def test_a_list_that_is_as_good_as_full_is_followed_by_the_next(
    people: Any, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_lists, "SIZE", 32)
    a_code(people)
    for _ in range(32):
        _replaced(people, "")
    found = list(LatchCode.objects.order_by("pk").values_list("status_list", "status_index"))
    assert len(set(found)) == 33
    assert [number for number, _ in found] == [0] * 32 + [1]
    assert sorted(place for number, place in found if not number) == list(range(32))
    assert [place for _, place in found] != sorted(place for _, place in found), "drawn in turn"
