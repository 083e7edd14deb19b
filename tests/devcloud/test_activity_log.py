"""The pretend Activity Log: the rows each write leaves, and when they can be queried."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.devcloud.conftest import NSG, NSG_ID, Arm, ended, rule_body
from tests.support.devcloud import Devcloud

RULE = "latch-demo-0123456789ab-0"
ID = "0d9b4c3a-5f1e-4b7e-8a37-5d0c3e2b9f41"
HEADERS = {"x-ms-correlation-request-id": ID}


def rows(devcloud: Devcloud) -> list[dict[str, Any]]:
    return list(devcloud.control("GET", "activity")["rows"])


def steps(devcloud: Devcloud) -> list[tuple[str, str]]:
    return [(row["ActivityStatusValue"], row["ActivitySubstatusValue"]) for row in rows(devcloud)]


def put(arm: Arm, **more: Any) -> Any:
    return arm("PUT", f"/securityRules/{RULE}", json=rule_body(), headers=HEADERS, **more)


def test_a_write_leaves_a_row_as_it_starts_is_accepted_and_ends(arm: Arm, devcloud: Devcloud) -> None:
    ended(arm, put(arm))
    assert steps(devcloud) == [("Start", ""), ("Accept", "Created"), ("Success", "")]
    found = rows(devcloud)
    for name, value in {
        "OperationNameValue": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE",
        "CategoryValue": "Administrative",
        "CorrelationId": ID,
        "_ResourceId": f"{NSG_ID}/securityRules/{RULE}".lower(),
        "Type": "AzureActivity",
    }.items():
        assert {row[name] for row in found} == {value}, name
    assert len({row["EventDataId"] for row in found}) == 3
    assert len({row["OperationId"] for row in found}) == 1
    assert {row["Caller"] for row in found} == {devcloud.calls()[0]["principal"]}
    assert [row["TimeGenerated"] for row in found] == sorted(row["TimeGenerated"] for row in found)


def test_what_ends_badly_ends_as_failure(arm: Arm, devcloud: Devcloud) -> None:
    devcloud.fault("lro_failed")
    ended(arm, put(arm))
    assert steps(devcloud)[-1] == ("Failure", "Failed")


def test_a_write_under_way_has_no_end_in_the_log(
    arm: Arm, devcloud: Devcloud, finish: Callable[[], object]
) -> None:
    put(arm)
    assert [status for status, _ in steps(devcloud)] == ["Start", "Accept"]
    finish()
    assert [status for status, _ in steps(devcloud)] == ["Start", "Accept", "Success"]


def test_a_refused_write_is_logged_as_begun_and_failed(arm: Arm, devcloud: Devcloud) -> None:
    devcloud.control("POST", "locks", {"nsg": NSG, "level": "ReadOnly"})
    assert put(arm).status_code == 409
    devcloud.fault("forbidden")
    assert put(arm).status_code == 403
    assert steps(devcloud) == [
        ("Start", ""),
        ("Failure", "Conflict"),
        ("Start", ""),
        ("Failure", "Forbidden"),
    ]


@pytest.mark.parametrize("fault", ["throttle", "token_revoked", "hang", "drop_connection"])
def test_what_nobody_looked_at_is_in_no_log(arm: Arm, devcloud: Devcloud, fault: str) -> None:
    devcloud.fault(fault, seconds=0.05)
    with suppress(httpx.TransportError):
        put(arm)
    assert steps(devcloud) == []


def test_reading_is_not_logged(arm: Arm, devcloud: Devcloud) -> None:
    arm("GET")
    assert steps(devcloud) == []


def test_removing_what_is_not_there_is_logged_as_done(arm: Arm, devcloud: Devcloud) -> None:
    assert arm("DELETE", f"/securityRules/{RULE}").status_code == 204
    assert steps(devcloud) == [("Start", ""), ("Success", "NoContent")]


def test_a_change_by_hand_is_somebody_elses(devcloud: Devcloud) -> None:
    devcloud.control("PUT", f"rules/{NSG}/by-hand", rule_body()["properties"])
    found = rows(devcloud)
    assert {row["Caller"] for row in found} == {"somebody@northwind-harbour.example"}
    assert found[0]["_ResourceId"].endswith("/securityrules/by-hand")


def test_rows_can_be_added_and_taken_away(arm: Arm, devcloud: Devcloud) -> None:
    added = {
        "entity": f"{NSG_ID}/securityRules/{RULE}",
        "action": "Microsoft.Network/networkSecurityGroups/securityRules/write",
        "caller": "mallory@example.org",
        "correlation_id": ID,
    }
    devcloud.control("POST", "activity", {"add": added})
    ended(arm, put(arm))
    assert devcloud.control("DELETE", f"activity?entity={RULE}&status=Success")["gone"] == 2
    assert devcloud.control("DELETE", "activity?entity=nothing-ends-so")["gone"] == 0
    assert devcloud.control("DELETE", f"activity?entity={RULE}")["gone"] == 3
    assert rows(devcloud) == []


def test_a_reset_forgets_the_log_and_its_delay(arm: Arm, devcloud: Devcloud) -> None:
    devcloud.control("POST", "activity", {"delay": 600})
    put(arm)
    devcloud.control("POST", "reset")
    assert rows(devcloud) == []
    assert devcloud.app.state.cloud.activity.delay == 0
