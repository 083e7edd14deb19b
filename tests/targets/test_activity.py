"""The Activity Log by the real SDK, over the wire: what is asked, what is understood, what each failure means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from latchportal.devcloud.activity import WORKSPACE
from requests_app.targets import activity, credential
from requests_app.targets.activity import Rows
from requests_app.targets.base import TargetError
from requests_app.targets.nsg import NsgTarget
from tests.targets.examples import INSTANCE, a_spec
from tests.targets.pretend import NSG_ID, Pretend

SPEC = a_spec(priority=900)
QUERY = {"method": "QUERY"}


def read(pretend: Pretend, **changes: Any) -> Rows:
    """What is found of these ids and rules in the last hour."""
    now = datetime.now(UTC)
    asked: dict[str, Any] = {
        "correlation_ids": [str(uuid4())],
        "rules": [SPEC.name],
        "since": now - timedelta(hours=1),
        "until": now + timedelta(seconds=5),
    }
    workspace = changes.pop("workspace", WORKSPACE)
    config = pretend.config(analytics_endpoint=pretend.url)
    return activity.read(config, workspace, **(asked | changes))


def calls(pretend: Pretend) -> list[dict[str, Any]]:
    return list(pretend.cloud.control("GET", "activity")["calls"])


def failure(pretend: Pretend, **changes: Any) -> TargetError:
    with pytest.raises(TargetError) as caught:
        read(pretend, **changes)
    return caught.value


def test_a_write_is_found_by_its_correlation_id_and_by_its_rules_name(pretend: Pretend) -> None:
    ours = str(uuid4())
    NsgTarget(pretend.config(), INSTANCE).write(NSG_ID, SPEC, correlation_id=ours)
    by_id = read(pretend, correlation_ids=[ours.upper()], rules=[])
    by_name = read(pretend, correlation_ids=[], rules=[SPEC.name.upper()])
    assert by_id == by_name
    assert by_id.partial == ""
    assert [row.status for row in by_id.rows] == ["Start", "Accept", "Success"]
    first = by_id.rows[0]
    assert first.at.tzinfo is not None
    assert (first.correlation_id, first.entity) == (ours, f"{NSG_ID}/securityRules/{SPEC.name}".lower())
    assert first.operation == "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE"
    assert first.caller == pretend.cloud.calls()[0]["principal"]


def test_another_rule_under_another_id_is_not_found(pretend: Pretend) -> None:
    pretend.by_hand("somebody-elses", **a_body())
    assert read(pretend).rows == ()


def a_body() -> dict[str, Any]:
    return {
        "protocol": "Tcp",
        "sourceAddressPrefix": "81.2.69.142",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.20.1.4",
        "destinationPortRange": "22",
        "access": "Allow",
        "priority": 901,
        "direction": "Inbound",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"correlation_ids": ['x") or ("1" == "1']},
        {"correlation_ids": ["c-1"]},
        {"rules": ['latch-demo-0") | take 1']},
        {"rules": ["allow-all"]},
        {"correlation_ids": [], "rules": []},
    ],
)
def test_what_is_no_id_and_no_name_of_ours_is_never_asked(pretend: Pretend, wrong: dict[str, Any]) -> None:
    assert failure(pretend, **wrong).kind == "invalid"
    assert calls(pretend) == []


def test_the_query_is_bounded_in_time_and_rows_and_by_the_server(pretend: Pretend) -> None:
    read(pretend)
    [call] = calls(pretend)
    assert call["query"].endswith(f"| take {activity.MOST_ROWS + 1}")
    since, until = (datetime.fromisoformat(part) for part in call["timespan"].split("/"))
    assert timedelta(hours=1) <= until - since <= timedelta(hours=1, seconds=10)


def test_more_rows_than_we_take_are_partial(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "MOST_ROWS", 2)
    NsgTarget(pretend.config(), INSTANCE).write(NSG_ID, SPEC, correlation_id=str(uuid4()))
    found = read(pretend)
    assert [row.status for row in found.rows] == ["Start", "Accept"], "the oldest are kept"
    assert "more than 2 rows" in found.partial


def test_azures_partial_answer_is_taken_and_said(pretend: Pretend) -> None:
    pretend.cloud.control("POST", "activity", {"most": 1})
    NsgTarget(pretend.config(), INSTANCE).write(NSG_ID, SPEC, correlation_id=str(uuid4()))
    found = read(pretend)
    assert len(found.rows) == 1
    assert "set limit of 1 records" in found.partial


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("forbidden", "forbidden", "InsufficientAccessError"),
        ("throttle", "throttled", "ThrottledError"),
        ("server_error", "unknown", "InternalServerError"),
    ],
)
def test_each_refusal_has_its_kind_and_is_not_repeated(
    pretend: Pretend, fault: str, kind: str, code: str
) -> None:
    pretend.cloud.fault(fault, match=QUERY, times=None, seconds=77)
    error = failure(pretend)
    assert (error.kind, error.code, len(calls(pretend))) == (kind, code, 1)
    assert error.retry_after == (77 if fault == "throttle" else None)


def test_azures_innermost_words_are_kept(pretend: Pretend) -> None:
    pretend.cloud.fault("forbidden", match=QUERY)
    assert "does not have sufficient permissions" in failure(pretend).message


@pytest.mark.parametrize("workspace", [str(uuid4()), "logs-prod"], ids=["another", "no GUID"])
def test_a_workspace_that_is_not_there_is_missing(pretend: Pretend, workspace: str) -> None:
    assert failure(pretend, workspace=workspace).kind == "missing"


def test_a_query_that_takes_too_long_is_a_timeout(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "_SERVER_SECONDS", 1)
    pretend.cloud.fault("slow", match=QUERY, seconds=2)
    assert failure(pretend).kind == "timeout"
    monkeypatch.setattr(activity, "_READ_SECONDS", 0.2)
    pretend.cloud.fault("hang", match=QUERY, seconds=2)
    assert failure(pretend).kind == "timeout"


def test_a_line_that_is_cut_is_unreachable(pretend: Pretend) -> None:
    pretend.cloud.fault("drop_connection", match=QUERY)
    assert failure(pretend).kind == "unreachable"


def test_a_revoked_token_is_given_up_and_the_query_asked_once_more(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential, "_NEW_SECONDS", 0.0)
    read(pretend)
    pretend.cloud.fault("token_revoked", match=QUERY, times=None)
    read(pretend)
    assert [call["status"] for call in calls(pretend)] == [200, 401, 200]


def test_a_token_refused_twice_is_told(pretend: Pretend) -> None:
    pretend.cloud.fault("token_revoked", match=QUERY, times=2)
    assert failure(pretend).kind == "identity"
    assert [call["status"] for call in calls(pretend)] == [401, 401]


def test_no_token_means_nothing_was_asked(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    config = pretend.config(analytics_endpoint=pretend.url, read_timeout=1.5)
    now = datetime.now(UTC)
    with pytest.raises(TargetError, match="no token"):
        activity.read(config, WORKSPACE, correlation_ids=[str(uuid4())], rules=[], since=now, until=now)
    assert calls(pretend) == []


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"tables": [{"name": "PrimaryResult", "columns": [], "rows": []}]},
        {
            "tables": [
                {"name": "PrimaryResult", "columns": [{"name": "X", "type": "string"}], "rows": [["x"]]}
            ]
        },
    ],
)
def test_an_answer_without_our_columns_is_no_row(answer: dict[str, Any]) -> None:
    from azure.monitor.query import LogsQueryResult

    made = LogsQueryResult._from_generated(answer)
    if any(table["rows"] for table in answer.get("tables", ())):
        with pytest.raises((KeyError, ValueError, LookupError)):
            activity._rows(made)
    else:
        assert activity._rows(made) == Rows(())
