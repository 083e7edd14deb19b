"""The real SDK against a server that misbehaves: every failure says in time whether Azure can have acted."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import TargetError
from requests_app.targets.nsg import NsgTarget
from tests.targets.examples import INSTANCE, NSG_ID, a_spec
from tests.targets.scripted import Answer, Scripted

SPEC = a_spec()
OPERATION = "/subscriptions/s-1/providers/Microsoft.Network/locations/westeurope/operations/1"
UPDATING = {"name": SPEC.name, "properties": {"provisioningState": "Updating"}}


def write(config: AzureConfig) -> TargetError:
    with pytest.raises(TargetError) as caught:
        NsgTarget(config, INSTANCE).write(NSG_ID, SPEC, correlation_id="c-1")
    return caught.value


def accepted(server: Scripted) -> Answer:
    return Answer(
        201, UPDATING, {"azure-asyncoperation": f"{server.url}{OPERATION}", "x-ms-request-id": "r-1"}
    )


def wrong(status: int, code: str, details: list[dict[str, str]] | None = None, **headers: str) -> Answer:
    error: dict[str, Any] = {"code": code, "message": f"Azure's words about {code}."}
    if details:
        error["details"] = details
    return Answer(status, {"error": error}, headers)


def test_a_write_is_sent_once_with_the_ids_and_polled_to_its_end(scripted: Scripted) -> None:
    polls = iter([{"status": "InProgress"}, {"status": "InProgress"}, {"status": "Succeeded"}])
    done = {"name": SPEC.name, "properties": {"provisioningState": "Succeeded"}}

    def answer(method: str, path: str) -> Answer:
        if method == "PUT":
            return accepted(scripted)
        return Answer(body=next(polls) if path == OPERATION else done)

    scripted.answer = answer
    receipt = NsgTarget(scripted.config(), INSTANCE).write(NSG_ID, SPEC, correlation_id="c-1")
    assert (receipt.status, receipt.azure_request_id) == (201, "r-1")
    assert receipt.seconds < 2, "the polling gap is not ours"
    (put,) = [headers for method, _, headers in scripted.asked if method == "PUT"]
    assert put["x-ms-correlation-request-id"] == "c-1"
    assert put["x-ms-client-request-id"] == receipt.client_request_id
    assert put["authorization"] == "Bearer a-token"
    polled = [headers["x-ms-client-request-id"] for _, path, headers in scripted.asked if OPERATION in path]
    assert polled == [receipt.client_request_id] * 3


@pytest.mark.parametrize(
    ("answer", "kind", "certain", "retry_after"),
    [
        (wrong(400, "SecurityRuleConflict"), "conflict", True, None),
        (wrong(400, "SecurityRuleCountLimitReached"), "full", True, None),
        (wrong(401, "ExpiredAuthenticationToken"), "identity", True, None),
        (wrong(403, "AuthorizationFailed"), "forbidden", True, None),
        (wrong(403, "RequestDisallowedByPolicy"), "policy", True, None),
        (wrong(404, "ResourceNotFound"), "missing", True, None),
        (wrong(409, "ScopeLocked"), "locked", True, None),
        (wrong(409, "AnotherOperationInProgress"), "busy", True, None),
        (wrong(412, "PreconditionFailed"), "conflict", True, None),
        (wrong(429, "SubscriptionRequestsThrottled", **{"Retry-After": "17"}), "throttled", True, 17.0),
        (wrong(500, "InternalServerError"), "unknown", False, None),
        (wrong(503, "ServerBusy", **{"Retry-After": "3"}), "unreachable", False, 3.0),
        (wrong(504, "GatewayTimeout"), "timeout", False, None),
        (Answer(302, headers={"Location": "http://127.0.0.1:1/elsewhere"}), "unknown", False, None),
    ],
)
def test_a_refusal_is_one_call_one_error(
    scripted: Scripted, answer: Answer, kind: str, certain: bool, retry_after: float | None
) -> None:
    scripted.answer = lambda method, path: answer
    error = write(scripted.config())
    assert (error.kind, error.certain, error.retry_after) == (kind, certain, retry_after)
    assert len(scripted.paths("PUT")) == 1, "the SDK repeated the write by itself"
    assert error.where == "nsg-prod-web"
    assert error.status == answer.status


def test_azures_own_words_and_ids_are_kept(scripted: Scripted) -> None:
    headers = {"x-ms-request-id": "r-9", "x-ms-correlation-request-id": "c-9"}
    scripted.answer = lambda method, path: wrong(403, "AuthorizationFailed", **headers)
    error = write(scripted.config())
    assert "Azure's words about AuthorizationFailed." in error.message
    assert (error.code, error.azure_request_id, error.correlation_id) == ("AuthorizationFailed", "r-9", "c-9")
    assert "role" in error.sentence()


def test_busy_is_told_from_throttled_by_the_details(scripted: Scripted) -> None:
    details = [{"code": "RetryableErrorDueToAnotherOperation", "message": "Operation Put is updating."}]
    scripted.answer = lambda method, path: wrong(429, "RetryableError", details)
    error = write(scripted.config())
    assert (error.kind, error.code, error.certain) == ("busy", "RetryableErrorDueToAnotherOperation", True)
    assert "Operation Put is updating." in error.message


@pytest.mark.parametrize(
    ("poll", "kind"),
    [
        (wrong(403, "AuthorizationFailed"), "forbidden"),
        (wrong(404, "NotFound"), "missing"),
        (wrong(429, "TooManyRequests"), "throttled"),
        (Answer(500), "unknown"),
        (Answer(drop=True), "unreachable"),
        (Answer(hang=2.0), "timeout"),
        (
            Answer(
                body={"status": "Failed", "error": {"code": "AnotherOperationInProgress", "message": "m"}}
            ),
            "busy",
        ),
        (
            Answer(body={"status": "Failed", "error": {"code": "InternalServerError", "message": "m"}}),
            "unknown",
        ),
        (Answer(body={"status": "Canceled"}), "unknown"),
        (Answer(body={}), "unknown"),
    ],
)
def test_after_an_accepted_write_no_failure_is_certain(scripted: Scripted, poll: Answer, kind: str) -> None:
    scripted.answer = lambda method, path: accepted(scripted) if method == "PUT" else poll
    error = write(scripted.config())
    assert (error.kind, error.certain) == (kind, False)
    assert error.azure_request_id == "r-1"


@pytest.mark.parametrize("retry_after", ["", "60"])
def test_an_operation_without_end_is_left_at_the_deadline(scripted: Scripted, retry_after: str) -> None:
    headers = {"Retry-After": retry_after} if retry_after else {}
    running = Answer(body={"status": "InProgress"}, headers=headers)
    scripted.answer = lambda method, path: accepted(scripted) if method == "PUT" else running
    started = time.monotonic()
    error = write(scripted.config(write_deadline_seconds=0.6))
    assert (error.kind, error.certain, error.code) == ("timeout", False, "DeadlineExceeded")
    assert time.monotonic() - started < 3
    assert error.retry_after == (60.0 if retry_after else 0.05)
    polls = len(scripted.asked)
    time.sleep(0.2)  # nothing may happen in it: an abandoned poller must not go on asking
    assert len(scripted.asked) == polls


@pytest.mark.parametrize(
    ("answer", "kind"), [(Answer(drop=True), "unreachable"), (Answer(hang=2.0), "timeout")]
)
def test_a_write_without_answer_may_have_happened(scripted: Scripted, answer: Answer, kind: str) -> None:
    scripted.answer = lambda method, path: answer
    error = write(scripted.config(read_timeout=0.4))
    assert (error.kind, error.certain) == (kind, False)
    assert len(scripted.paths("PUT")) == 1


def test_a_write_that_never_left_is_certain(scripted: Scripted) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
        error = write(scripted.config(arm_endpoint=closed))
    assert (error.kind, error.certain) == ("unreachable", True)


def test_no_identity_means_nothing_was_sent(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{scripted.url}/nobody-here")
    error = write(scripted.config())
    assert (error.kind, error.certain, error.code) == ("unreachable", True, "CredentialUnavailable")
    assert scripted.paths("PUT") == []


def test_a_slow_identity_does_not_let_a_write_start_late(scripted: Scripted) -> None:
    scripted.token_hang = 0.6
    error = write(scripted.config(write_deadline_seconds=0.5))
    assert (error.kind, error.certain) == ("timeout", True)
    assert scripted.paths("PUT") == []


def test_workload_identity_without_its_environment_is_said(scripted: Scripted) -> None:
    error = write(scripted.config(credential="workload"))
    assert (error.kind, error.certain) == ("unreachable", True)


def test_a_refused_spec_is_not_sent(scripted: Scripted) -> None:
    target = NsgTarget(scripted.config(), INSTANCE)
    with pytest.raises(TargetError, match="wider"):
        target.write(NSG_ID, a_spec(source="0.0.0.0/0"), correlation_id="c-1")
    with pytest.raises(TargetError, match="mark"):
        target.remove(NSG_ID, "allow-https", correlation_id="c-1")
    assert scripted.asked == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(204), 204),
        (wrong(404, "NotFound"), 404),
        (wrong(404, "ResourceNotFound"), 404),
        (wrong(404, "ResourceGroupNotFound"), 404),
    ],
)
def test_removing_what_is_gone_is_fine(scripted: Scripted, answer: Answer, status: int) -> None:
    scripted.answer = lambda method, path: answer
    receipt = NsgTarget(scripted.config(), INSTANCE).remove(NSG_ID, SPEC.name, correlation_id="c-1")
    assert receipt.status == status


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(404), "unknown"),
        (Answer(404, "a proxy's page"), "unknown"),
        (wrong(404, "InvalidResourceType"), "unknown"),
        (wrong(404, "SubscriptionNotFound"), "forbidden"),
    ],
)
def test_a_404_that_says_nothing_of_the_group_does_not_make_it_missing(
    scripted: Scripted, answer: Answer, kind: str
) -> None:
    scripted.answer = lambda method, path: answer
    target = NsgTarget(scripted.config(), INSTANCE)
    with pytest.raises(TargetError) as removing:
        target.remove(NSG_ID, SPEC.name, correlation_id="c-1")
    with pytest.raises(TargetError) as reading:
        target.read(NSG_ID, correlation_id="c-1")
    assert (removing.value.kind, reading.value.kind) == (kind, kind)


def test_a_removal_accepted_and_then_lost_is_not_certain(scripted: Scripted) -> None:
    headers = {"azure-asyncoperation": f"{scripted.url}{OPERATION}"}
    scripted.answer = lambda method, path: (
        Answer(202, headers=headers) if method == "DELETE" else wrong(404, "NotFound")
    )
    with pytest.raises(TargetError) as caught:
        NsgTarget(scripted.config(), INSTANCE).remove(NSG_ID, SPEC.name, correlation_id="c-1")
    assert (caught.value.kind, caught.value.certain) == ("missing", False)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=[1]),
        Answer(body={}),
        Answer(body={"properties": 3}),
        Answer(body={"id": NSG_ID, "properties": {}}),
        Answer(body={"id": NSG_ID, "properties": {"securityRules": None}}),
        Answer(body={"id": NSG_ID, "properties": {"securityRules": [7]}}),
        Answer(body={"id": NSG_ID + "2", "properties": {"securityRules": []}}),
        Answer(204),
        Answer(drop=True),
    ],
)
def test_an_answer_that_lists_no_rules_is_never_an_empty_group(scripted: Scripted, answer: Answer) -> None:
    scripted.answer = lambda method, path: answer
    with pytest.raises(TargetError):
        NsgTarget(scripted.config(), INSTANCE).read(NSG_ID, correlation_id="c-1")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(scripted: Scripted, status: int) -> None:
    whole = Answer(body={"id": NSG_ID, "properties": {"securityRules": []}})
    away = Answer(status, headers={"Location": f"{scripted.url}/elsewhere"})
    scripted.answer = lambda method, path: whole if path == "/elsewhere" else away
    with pytest.raises(TargetError):
        NsgTarget(scripted.config(), INSTANCE).read(NSG_ID, correlation_id="c-1")
    assert len(scripted.paths("GET")) == 1


def test_a_group_is_read_by_one_call_and_a_token_fetched_once(scripted: Scripted) -> None:
    scripted.answer = lambda method, path: Answer(body={"id": NSG_ID, "properties": {"securityRules": []}})
    target = NsgTarget(scripted.config(), INSTANCE)
    for number in range(2):
        assert target.read(NSG_ID, correlation_id=f"c-{number}").rules == ()
    assert [headers.get("x-ms-correlation-request-id") for _, _, headers in scripted.asked] == [
        None,
        "c-0",
        "c-1",
    ]
