"""The pretend Log Analytics endpoint: whom it answers, in which shape, and what it refuses in whose words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from latchportal.devcloud.activity import COLUMNS, WORKSPACE
from tests.support.devcloud import HTTP, Devcloud

PATH = f"/v1/workspaces/{WORKSPACE}/query"
ALL = "AzureActivity"
GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
ID = "0d9b4c3a-5f1e-4b7e-8a37-5d0c3e2b9f41"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(devcloud: Devcloud) -> Ask:
    """`ask(query)`: one query as the portal's identity."""
    headers = {"authorization": f"Bearer {devcloud.token('https://api.loganalytics.io')}"}

    def post(query: str = ALL, path: str = PATH, **more: Any) -> httpx.Response:
        merged = {**headers, **more.pop("headers", {})}
        body = {"query": query, "timespan": more.pop("timespan", None), "workspaces": None}
        return HTTP.post(devcloud.url + path, json=more.pop("body", body), headers=merged)

    return post


@pytest.fixture
def change(devcloud: Devcloud) -> Callable[..., None]:
    """`change(name)`: somebody changed a rule of this name; two rows."""

    def add(name: str = "one", **more: Any) -> None:
        entity = f"{GROUP}/networkSecurityGroups/n/securityRules/{name}"
        action = "Microsoft.Network/networkSecurityGroups/securityRules/write"
        added = {"entity": entity, "action": action, "caller": "mo", "correlation_id": ID, **more}
        devcloud.control("POST", "activity", {"add": added})

    return add


def rows(answer: httpx.Response) -> list[list[Any]]:
    assert answer.status_code == 200, answer.text
    [table] = answer.json()["tables"]
    return list(table["rows"])


def said(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["correlationId"]
    assert error["message"]
    return answer.status_code, error["code"]


def innermost(answer: httpx.Response) -> dict[str, Any]:
    error = answer.json()["error"]
    while "innererror" in error:
        error = error["innererror"]
    return dict(error)


def test_the_answer_is_one_table_of_every_column(ask: Ask, change: Callable[..., None]) -> None:
    change()
    answer = ask()
    [table] = answer.json()["tables"]
    assert table["name"] == "PrimaryResult"
    assert {one["name"]: one["type"] for one in table["columns"]} == COLUMNS
    assert len(table["rows"]) == 2
    named = dict(zip(COLUMNS, table["rows"][0], strict=True))
    assert named["TimeGenerated"].endswith("Z")
    assert isinstance(named["Properties_d"], str), "a dynamic value is JSON in a text"


def test_what_is_found_by_id_or_by_name(ask: Ask, change: Callable[..., None]) -> None:
    change("one")
    change("two", correlation_id="")
    change("three", correlation_id="")
    query = (
        'AzureActivity | extend Rule = tostring(split(_ResourceId, "/")[-1]) '
        f'| where CorrelationId in~ ("{ID.upper()}") or Rule in ("two") | project Rule'
    )
    assert rows(ask(query)) == [["one"], ["one"], ["two"], ["two"]]


def test_rows_arrive_late(ask: Ask, change: Callable[..., None], devcloud: Devcloud) -> None:
    devcloud.control("POST", "activity", {"delay": 600})
    change("now")
    change("then", seconds_ago=700)
    assert rows(ask("AzureActivity | project _ResourceId | take 1"))[0][0].endswith("/then")
    assert len(rows(ask())) == 2
    devcloud.control("POST", "activity", {"delay": 0})
    assert len(rows(ask())) == 4


def test_the_timespan_is_kept_to(ask: Ask, change: Callable[..., None]) -> None:
    change("now")
    change("then", seconds_ago=700)
    since = datetime.now(UTC) - timedelta(seconds=60)
    span = f"{since.isoformat()}/{(since + timedelta(hours=1)).isoformat().replace('+00:00', 'Z')}"
    assert len(rows(ask(timespan=span))) == 2


@pytest.mark.parametrize("span", ["P1D", "yesterday", "2026-11-26T10:00:00/2026-11-26T11:00:00", "a/b", "/"])
def test_a_timespan_that_is_none_is_refused(ask: Ask, span: str) -> None:
    answer = ask(timespan=span)
    assert said(answer) == (400, "BadArgumentError")
    assert innermost(answer)["code"] == "InvalidTimespan"


def test_more_rows_than_one_answer_holds_are_told(
    ask: Ask, change: Callable[..., None], devcloud: Devcloud
) -> None:
    devcloud.control("POST", "activity", {"most": 3})
    change("one")
    change("two")
    answer = ask()
    assert len(rows(answer)) == 3
    error = answer.json()["error"]
    assert error["code"] == "PartialError"
    assert "set limit of 3" in error["details"][0]["innererror"]["message"]


def test_a_query_it_does_not_know_is_refused_in_azures_words(ask: Ask) -> None:
    answer = ask("AzureActivity | summarize count()")
    assert said(answer) == (400, "BadArgumentError")
    assert innermost(answer)["code"] == "SyntaxError"
    answer = ask("AzureActivities")
    assert said(answer) == (400, "BadArgumentError")
    assert "'AzureActivities'" in innermost(answer)["message"]


@pytest.mark.parametrize("body", [[], {"query": 1}, {"query": ALL, "more": 1}, {}])
def test_a_body_that_is_none_is_refused(ask: Ask, body: Any) -> None:
    assert innermost(ask(body=body))["code"] == "InvalidJsonBody"


@pytest.mark.parametrize("prefer", ["wait=0", "wait=601", "include-statistics=true", "wait=x"])
def test_a_preference_it_does_not_know_is_refused(ask: Ask, prefer: str) -> None:
    assert said(ask(headers={"prefer": prefer})) == (400, "BadArgumentError")


@pytest.mark.parametrize(
    ("workspace", "refusal"),
    [
        ("logs-prod", (404, "PathNotFoundError")),
        ("00000000-0000-0000-0000-000000000000", (404, "WorkspaceNotFoundError")),
    ],
)
def test_another_workspace_is_not_there(ask: Ask, workspace: str, refusal: tuple[int, str]) -> None:
    assert said(ask(path=PATH.replace(WORKSPACE, workspace))) == refusal


@pytest.mark.parametrize(
    "audience", ["https://management.azure.com", "https://monitor.azure.com", "https://graph.microsoft.com"]
)
def test_a_token_for_another_audience_is_refused(ask: Ask, devcloud: Devcloud, audience: str) -> None:
    answer = ask(headers={"authorization": f"Bearer {devcloud.token(audience)}"})
    assert said(answer) == (403, "InvalidTokenError")


def test_a_caller_without_a_sound_token_is_refused(ask: Ask) -> None:
    assert said(ask(headers={"authorization": ""})) == (401, "AuthorizationRequiredError")
    assert said(ask(headers={"authorization": "Bearer x.y.z"})) == (403, "InvalidTokenError")


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ("server_error", (500, "InternalServerError")),
        ("throttle", (429, "ThrottledError")),
        ("forbidden", (403, "InsufficientAccessError")),
        ("token_revoked", (401, "InvalidAuthenticationToken")),
    ],
)
def test_faults_that_name_query_meet_it_in_its_own_words(
    ask: Ask, devcloud: Devcloud, fault: str, refusal: tuple[int, str]
) -> None:
    devcloud.fault(fault, match={"method": "QUERY"}, seconds=7)
    answer = ask()
    assert said(answer) == refusal
    assert answer.headers.get("retry-after") == ("7" if fault == "throttle" else None)
    assert ask().status_code == 200
    assert [call["fault"] for call in devcloud.control("GET", "activity")["calls"]] == [fault, ""]


def test_a_fault_that_names_no_method_is_for_arm_alone(ask: Ask, devcloud: Devcloud) -> None:
    devcloud.fault("server_error")
    assert ask().status_code == 200


def test_a_query_past_its_wait_is_given_up(ask: Ask, devcloud: Devcloud) -> None:
    devcloud.fault("slow", match={"method": "QUERY"}, seconds=1.5)
    assert said(ask(headers={"prefer": "wait=1"})) == (504, "GatewayTimeout")
    devcloud.fault("slow", match={"method": "QUERY"}, seconds=0.1)
    assert ask(headers={"prefer": "wait=1"}).status_code == 200
