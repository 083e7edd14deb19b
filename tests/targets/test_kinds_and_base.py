"""What Azure's answers are taken to mean, and how states travel as JSON."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from requests_app.targets.base import ContainerState, TargetError
from requests_app.targets.kinds import Kind, kind_of, surely_refused, words_for
from tests.targets.examples import a_group, a_rule, foreign


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (400, ["SecurityRuleConflict"], "conflict"),
        (400, ["SecurityRuleCountLimitReached"], "full"),
        (400, ["SecurityRuleInvalidAddressPrefix"], "invalid"),
        (400, ["SomethingNew"], "invalid"),
        (401, [], "identity"),
        (401, ["ExpiredAuthenticationToken"], "identity"),
        (401, ["InvalidAuthenticationTokenTenant"], "forbidden"),
        (403, ["AuthorizationFailed"], "forbidden"),
        (403, ["RequestDisallowedByPolicy"], "policy"),
        (404, ["ResourceGroupNotFound"], "missing"),
        (404, ["SubscriptionNotFound"], "forbidden"),
        (404, [], "unknown"),
        (409, ["ScopeLocked"], "locked"),
        (409, ["AnotherOperationInProgress"], "busy"),
        (409, ["SomethingNew"], "conflict"),
        (412, ["PreconditionFailed"], "conflict"),
        (429, ["RetryableError", "RetryableErrorDueToAnotherOperation"], "busy"),
        (429, ["SubscriptionRequestsThrottled"], "throttled"),
        (429, ["OperationNotAllowed"], "throttled"),
        (429, [], "throttled"),
        (200, ["AnotherOperationInProgress"], "busy"),
        (200, ["InternalServerError"], "unknown"),
        (500, ["InternalServerError"], "unknown"),
        (503, ["ServerBusy"], "unreachable"),
        (504, ["GatewayTimeout"], "timeout"),
        (None, [], "unknown"),
    ],
)
def test_azures_answer_has_one_meaning(status: int | None, codes: list[str], kind: Kind) -> None:
    assert kind_of(status, codes) == kind


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_has_words_that_name_the_place(kind: Kind) -> None:
    sentence = words_for(kind, "nsg-prod-web")
    assert "{" not in sentence
    assert "nsg-prod-web" in sentence or kind == "throttled"
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("status", "refused"), [(400, True), (429, True), (408, False), (500, False), (None, False)]
)
def test_only_a_refusal_before_acting_is_certain(status: int | None, refused: bool) -> None:
    assert surely_refused(status) is refused


def test_an_error_says_whether_it_passes_by_itself() -> None:
    assert TargetError("busy", "wait").passing
    assert not TargetError("locked", "no").passing
    assert str(TargetError("busy", "wait", status=429, code="X")) == "busy: wait (429 X)"


def test_a_state_survives_the_way_through_json() -> None:
    state = a_group(a_rule(), foreign("a", 300, ports=("22", "80-90")), flush_connection=True, nics=("/n/1",))
    assert ContainerState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_a_rule_is_found_by_its_name_whatever_the_case() -> None:
    rule = a_rule()
    assert a_group(rule).rule(rule.name.upper()) == rule
    assert a_group(rule).rule("other") is None
