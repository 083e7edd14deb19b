"""Every fault the pretend Azure offers, through the real SDK: what it is called, what Azure then holds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from latchportal.devcloud import faults
from requests_app.targets.base import TargetError
from requests_app.targets.nsg import NsgTarget
from tests.targets.examples import INSTANCE, a_spec
from tests.targets.pretend import NSG_ID, Pretend

SPEC = a_spec(priority=900)
FAILED = {"code": "AnotherOperationInProgress", "message": "Another operation is in progress."}

# fault, its options, the error's kind, whether it is certain, whether the write comes about all the same
CASES: list[tuple[str, dict[str, Any], str, bool, bool]] = [
    ("throttle", {"seconds": 17}, "throttled", True, False),
    ("busy", {}, "busy", True, False),
    ("another_operation", {}, "busy", True, False),
    ("server_error", {}, "unknown", False, False),
    ("applied_then_500", {}, "unknown", False, True),
    ("lro_failed", {}, "unknown", False, False),
    ("lro_failed", {"applied": True}, "unknown", False, True),
    ("lro_failed", FAILED, "busy", False, False),
    ("lro_canceled", {}, "unknown", False, False),
    ("slow_operation", {"seconds": 1.5}, "timeout", False, True),
    ("lost_poll", {}, "missing", False, True),
    ("poll_forbidden", {}, "forbidden", False, True),
    ("forbidden", {}, "forbidden", True, False),
    ("token_revoked", {}, "identity", True, False),
    ("locked", {}, "locked", True, False),
    ("policy_denied", {}, "policy", True, False),
    ("slow", {"seconds": 1.0}, "timeout", False, True),
    ("apply_late", {"seconds": 1.0}, "timeout", False, True),
    ("apply_late", {"seconds": 0.5, "drop": True}, "unreachable", False, True),
    ("hang", {"seconds": 3}, "timeout", False, False),
    ("drop_connection", {}, "unreachable", False, False),
    ("drop_connection", {"applied": True}, "unreachable", False, True),
]


def target(pretend: Pretend) -> NsgTarget:
    return NsgTarget(pretend.config(read_timeout=0.4, write_deadline_seconds=0.8), INSTANCE)


def settled(pretend: Pretend, present: bool) -> bool:
    """Whether the rule comes to be there (or not there), looking until it has or 5 seconds have gone."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        rule = pretend.rule(SPEC.name)
        # A failed operation may leave its rule behind, in effect and marked Failed.
        if (rule is not None and rule["state"] in ("Succeeded", "Failed")) if present else rule is None:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(("name", "options", "kind", "certain", "applied"), CASES)
def test_a_write_under_this_fault(
    pretend: Pretend, name: str, options: dict[str, Any], kind: str, certain: bool, applied: bool
) -> None:
    pretend.cloud.fault(name, **options)
    with pytest.raises(TargetError) as caught:
        target(pretend).write(NSG_ID, SPEC, correlation_id="c-1")
    assert (caught.value.kind, caught.value.certain) == (kind, certain)
    assert settled(pretend, applied), f"the rule was expected {'there' if applied else 'absent'}"
    writes = [call for call in pretend.cloud.calls() if call["method"] == "PUT"]
    assert len(writes) == 1, "the write was repeated behind our back"


def test_a_write_is_asked_about_once_where_once_will_do(pretend: Pretend) -> None:
    """Azure takes 0.05 s and is asked after 0.1: neither at once, nor for the rule that we read back ourselves."""
    nsg = NsgTarget(pretend.config(poll_seconds=0.1), INSTANCE)
    nsg.write(NSG_ID, SPEC, correlation_id="c-1")
    nsg.remove(NSG_ID, SPEC.name, correlation_id="c-2")
    assert [call["method"] for call in pretend.cloud.calls()] == ["PUT", "GET", "DELETE", "GET"]


@pytest.mark.parametrize(
    ("name", "options", "kind", "certain", "applied"), [case for case in CASES if case[0] != "policy_denied"]
)
def test_a_removal_under_this_fault(
    pretend: Pretend, name: str, options: dict[str, Any], kind: str, certain: bool, applied: bool
) -> None:
    target(pretend).write(NSG_ID, SPEC, correlation_id="c-0")
    pretend.cloud.fault(name, **options)
    with pytest.raises(TargetError) as caught:
        target(pretend).remove(NSG_ID, SPEC.name, correlation_id="c-1")
    assert (caught.value.kind, caught.value.certain) == (kind, certain)
    assert settled(pretend, not applied), f"the rule was expected {'absent' if applied else 'there'}"


def test_no_fault_of_the_pretend_azure_is_left_out() -> None:
    assert {case[0] for case in CASES} == set(faults.KINDS)


def test_a_lock_stops_the_closing_and_says_so(pretend: Pretend) -> None:
    target(pretend).write(NSG_ID, SPEC, correlation_id="c-0")
    pretend.lock("CanNotDelete")
    with pytest.raises(TargetError) as caught:
        target(pretend).remove(NSG_ID, SPEC.name, correlation_id="c-1")
    assert (caught.value.kind, caught.value.certain) == ("locked", True)
    assert "lift the lock" in caught.value.sentence()


def test_another_writer_in_the_same_group_means_busy(pretend: Pretend) -> None:
    pretend.write_seconds(1.5)
    with pytest.raises(TargetError) as first:
        target(pretend).write(NSG_ID, SPEC, correlation_id="c-0")
    assert first.value.kind == "timeout"
    with pytest.raises(TargetError) as second:
        target(pretend).write(NSG_ID, a_spec(priority=901, name=SPEC.name[:-1] + "1"), correlation_id="c-1")
    assert (second.value.kind, second.value.certain) == ("busy", True)
    assert second.value.code == "RetryableErrorDueToAnotherOperation"


def test_our_correlation_id_reaches_azure_and_comes_back(pretend: Pretend) -> None:
    gateway = target(pretend)
    gateway.read(NSG_ID, correlation_id="c-read")
    receipt = gateway.write(NSG_ID, SPEC, correlation_id="c-write")
    gateway.remove(NSG_ID, SPEC.name, correlation_id="c-remove")
    assert receipt.azure_correlation_id == "c-write"
    seen = {(call["method"], call["correlation_id"]) for call in pretend.cloud.calls()}
    assert {("GET", "c-read"), ("PUT", "c-write"), ("DELETE", "c-remove")} <= seen


def test_a_rule_changed_by_hand_is_read_as_changed(pretend: Pretend) -> None:
    gateway = target(pretend)
    gateway.write(NSG_ID, SPEC, correlation_id="c-0")
    pretend.by_hand(SPEC.name, sourceAddressPrefix="*")
    rule = gateway.read(NSG_ID, correlation_id="c-1").rule(SPEC.name)
    assert rule is not None
    assert rule.sources == ("*",)
