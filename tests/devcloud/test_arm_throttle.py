"""Azure's budgets: what is left, when it is refused, when it comes back."""

import pytest

from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.throttle import Budget, Limits, Throttle
from tests.devcloud.conftest import Arm

SMALL = Limits(reads=Budget(2, 1), writes=Budget(2, 1), deletes=Budget(2, 1), network_writes=3)


def spend(throttle: Throttle, now: float, method: str = "GET", who: str = "me") -> str:
    return next(iter(throttle.spend("sub", who, method, now).values()))


def test_each_answer_says_what_is_left() -> None:
    throttle = Throttle()
    assert throttle.spend("sub", "me", "PUT", 0) == {"x-ms-ratelimit-remaining-subscription-writes": "199"}
    assert throttle.spend("sub", "me", "DELETE", 0) == {
        "x-ms-ratelimit-remaining-subscription-deletes": "199"
    }
    assert throttle.spend("sub", "me", "GET", 0) == {"x-ms-ratelimit-remaining-subscription-reads": "249"}


def test_an_empty_bucket_is_429_with_retry_after_and_fills_again() -> None:
    throttle = Throttle(SMALL)
    spend(throttle, 0)
    spend(throttle, 0)
    with pytest.raises(ArmError) as caught:
        spend(throttle, 0)
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
    assert spend(throttle, 1) == "0"


def test_coming_back_too_early_starts_the_wait_anew() -> None:
    throttle = Throttle(SMALL)
    for now in (0.0, 0.0):
        spend(throttle, now)
    for now in (0.0, 0.9, 1.5):
        with pytest.raises(ArmError):
            spend(throttle, now)
    assert spend(throttle, 2.5) == "1"


def test_another_principal_has_a_budget_of_its_own() -> None:
    throttle = Throttle(SMALL)
    spend(throttle, 0)
    spend(throttle, 0)
    assert spend(throttle, 0, who="somebody else") == "1"


def test_network_writes_and_deletes_share_five_minutes_in_one_region() -> None:
    throttle = Throttle(SMALL)
    for method in ("PUT", "DELETE", "PUT"):
        throttle.spend_network("sub", "westeurope", method, 10)
    with pytest.raises(ArmError) as caught:
        throttle.spend_network("sub", "WestEurope", "PUT", 20)
    assert caught.value.headers == {"Retry-After": "290"}
    throttle.spend_network("sub", "northeurope", "PUT", 20)
    throttle.spend_network("sub", "westeurope", "PUT", 310.5)


def test_arm_says_what_is_left_of_the_reads_on_every_answer(arm: Arm) -> None:
    answers = [arm("GET", "/securityRules/none") for _ in range(3)]
    left = [int(one.headers["x-ms-ratelimit-remaining-subscription-reads"]) for one in answers]
    assert left[0] <= 249
    assert left == sorted(left, reverse=True)


def test_arm_refuses_a_caller_who_has_spent_the_deletes(arm: Arm) -> None:
    for _ in range(2000):
        answer = arm("DELETE", "/securityRules/never-was")
        if answer.status_code != 204:
            break
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "SubscriptionRequestsThrottled")
    assert int(answer.headers["retry-after"]) >= 1
    assert arm("GET").status_code == 200, "reads have a budget of their own"
