"""The real azure-mgmt-network against the pretend Azure: the ordinary way, and each fault as the SDK meets it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.mgmt.network import NetworkManagementClient

from latchportal.devcloud import faults
from tests.devcloud.conftest import GROUP, NSG, SUBSCRIPTION, rule_body
from tests.support.devcloud import Devcloud

RULE = "latch-demo-1"
CLEAR = {"enforce_https": False}
POLLS = {**CLEAR, "polling_interval": 0.03}


class Credential:
    """Hands out the token of the portal's identity."""

    def __init__(self, devcloud: Devcloud) -> None:
        self.devcloud = devcloud

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self.devcloud.token(), int(time.time()) + 3600)


class Gateway:
    """Opens, closes and reads one rule, as a target does it; nothing is retried unless asked for."""

    def __init__(self, client: NetworkManagementClient) -> None:
        self.client = client

    def open(self, rule: str = RULE, **options: Any) -> Any:
        start = self.client.security_rules.begin_create_or_update
        return start(GROUP, NSG, rule, rule_body(), **{**POLLS, **options}).result(10)

    def close(self, rule: str = RULE, **options: Any) -> None:
        self.client.security_rules.begin_delete(GROUP, NSG, rule, **{**POLLS, **options}).result(10)

    def read(self, rule: str = RULE, **options: Any) -> Any:
        return self.client.security_rules.get(GROUP, NSG, rule, **{**CLEAR, **options})


@pytest.fixture
def gateway(devcloud: Devcloud) -> Iterator[Gateway]:
    client = NetworkManagementClient(
        Credential(devcloud), SUBSCRIPTION, base_url=devcloud.url, retry_total=0, read_timeout=2
    )
    with client:
        yield Gateway(client)


def refusal(error: HttpResponseError) -> tuple[int | None, str | None]:
    return error.status_code, error.error.code if error.error else None


def test_rule_is_opened_read_listed_and_closed(gateway: Gateway, devcloud: Devcloud) -> None:
    opened = gateway.open()
    assert (opened.name, opened.provisioning_state, opened.priority) == (RULE, "Succeeded", 210)
    assert gateway.read().source_address_prefix == "81.2.69.142"
    assert RULE in [one.name for one in gateway.client.security_rules.list(GROUP, NSG, **CLEAR)]
    gateway.close()
    with pytest.raises(ResourceNotFoundError) as caught:
        gateway.read()
    assert refusal(caught.value) == (404, "NotFound")
    assert RULE not in devcloud.rules(NSG)


def test_closing_what_is_not_there_is_no_error(gateway: Gateway) -> None:
    gateway.close()


def test_nsg_comes_with_rules_default_rules_and_subnets(gateway: Gateway) -> None:
    nsg = gateway.client.network_security_groups.get(GROUP, NSG, **CLEAR)
    assert len(nsg.default_security_rules) == 6
    assert nsg.security_rules[0].name == "allow-https"
    assert nsg.subnets[0].id.endswith("/subnets/snet-web")
    listed = gateway.client.network_security_groups.list_all(**CLEAR)
    assert NSG in [one.name for one in listed]


def test_taken_priority_is_a_conflict_for_the_sdk_too(gateway: Gateway) -> None:
    gateway.open()
    with pytest.raises(HttpResponseError) as caught:
        gateway.open("latch-demo-2")
    assert refusal(caught.value) == (400, "SecurityRuleConflict")


@pytest.mark.parametrize(
    ("name", "status", "code", "kind"),
    [
        ("throttle", 429, "SubscriptionRequestsThrottled", HttpResponseError),
        ("busy", 429, "RetryableError", HttpResponseError),
        ("another_operation", 409, "AnotherOperationInProgress", ResourceExistsError),
        ("server_error", 500, "InternalServerError", HttpResponseError),
        ("forbidden", 403, "AuthorizationFailed", HttpResponseError),
        ("locked", 409, "ScopeLocked", ResourceExistsError),
        ("policy_denied", 403, "RequestDisallowedByPolicy", HttpResponseError),
    ],
)
def test_refusing_fault_refuses_once_and_nothing_is_written(
    gateway: Gateway, devcloud: Devcloud, name: str, status: int, code: str, kind: type[HttpResponseError]
) -> None:
    devcloud.fault(name, match={"method": "PUT", "nsg": NSG, "rule": "latch-*"})
    with pytest.raises(kind) as caught:
        gateway.open()
    assert refusal(caught.value) == (status, code)
    assert RULE not in devcloud.rules(NSG)
    assert gateway.open().name == RULE


def test_throttle_says_when_to_come_back_and_the_sdk_does(gateway: Gateway, devcloud: Devcloud) -> None:
    devcloud.fault("throttle", match={"method": "PUT"})
    assert gateway.open(retry_total=3).name == RULE
    answers = [one["status"] for one in devcloud.calls() if one["method"] == "PUT"]
    assert answers == [429, 201]


def test_applied_then_500_has_written_the_rule(gateway: Gateway, devcloud: Devcloud) -> None:
    devcloud.fault("applied_then_500")
    with pytest.raises(HttpResponseError) as caught:
        gateway.open()
    assert caught.value.status_code == 500
    assert RULE in devcloud.rules(NSG)


@pytest.mark.parametrize(("applied", "there"), [(False, False), (True, True)])
def test_failed_operation_raises_with_status_200(
    gateway: Gateway, devcloud: Devcloud, applied: bool, there: bool
) -> None:
    devcloud.fault("lro_failed", code="AnotherOperationInProgress", applied=applied)
    with pytest.raises(HttpResponseError) as caught:
        gateway.open()
    assert refusal(caught.value) == (200, "AnotherOperationInProgress")
    assert (RULE in devcloud.rules(NSG)) is there


def test_failed_closing_leaves_the_rule(gateway: Gateway, devcloud: Devcloud) -> None:
    gateway.open()
    devcloud.fault("lro_failed", match={"method": "DELETE"})
    with pytest.raises(HttpResponseError):
        gateway.close()
    assert RULE in devcloud.rules(NSG)
    gateway.close()
    assert RULE not in devcloud.rules(NSG)


def test_canceled_operation_raises(gateway: Gateway, devcloud: Devcloud) -> None:
    devcloud.fault("lro_canceled")
    with pytest.raises(HttpResponseError) as caught:
        gateway.open()
    assert caught.value.status_code == 200
    assert RULE not in devcloud.rules(NSG)


@pytest.mark.parametrize(("name", "status"), [("lost_poll", 404), ("poll_forbidden", 403)])
def test_poll_that_fails_hides_a_write_that_succeeds(
    gateway: Gateway, devcloud: Devcloud, name: str, status: int
) -> None:
    devcloud.fault(name, times=None, match={"rule": RULE})
    with pytest.raises(HttpResponseError) as caught:
        gateway.open()
    assert caught.value.status_code == status
    assert gateway.read().priority == 210, "the write went on although its status could not be asked"


def test_slow_operation_takes_its_seconds(gateway: Gateway, devcloud: Devcloud) -> None:
    devcloud.fault("slow_operation", seconds=0.6)
    began = time.monotonic()
    gateway.open()
    assert time.monotonic() - began >= 0.6


def test_slow_answer_comes_after_the_client_gave_up_and_the_rule_is_there(
    gateway: Gateway, devcloud: Devcloud
) -> None:
    devcloud.fault("slow", seconds=1)
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        gateway.open(read_timeout=0.3)
    assert RULE in devcloud.rules(NSG)


@pytest.mark.parametrize("drop", [False, True])
def test_late_write_lands_although_the_client_has_gone(
    gateway: Gateway, devcloud: Devcloud, drop: bool
) -> None:
    devcloud.fault("apply_late", seconds=1.2, drop=drop)
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        gateway.open(read_timeout=0.3)
    assert RULE not in devcloud.rules(NSG), "it must not be there yet"
    wait_until(lambda: RULE in devcloud.rules(NSG), "the late write never landed")


def test_hanging_call_is_never_answered_and_writes_nothing(gateway: Gateway, devcloud: Devcloud) -> None:
    devcloud.fault("hang")
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        gateway.open(read_timeout=0.3)
    wait_until(lambda: devcloud.calls()[0]["status"] == 0, "the call was never let go")
    assert RULE not in devcloud.rules(NSG)


@pytest.mark.parametrize("applied", [False, True])
def test_dropped_connection_says_nothing_about_the_write(
    gateway: Gateway, devcloud: Devcloud, applied: bool
) -> None:
    devcloud.fault("drop_connection", applied=applied)
    with pytest.raises(AzureError) as caught:
        gateway.open()
    assert not isinstance(caught.value, HttpResponseError), "there must be no answer at all"
    assert (RULE in devcloud.rules(NSG)) is applied


def test_every_fault_is_explained() -> None:
    assert all(faults.described().values())


def wait_until(true: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)
