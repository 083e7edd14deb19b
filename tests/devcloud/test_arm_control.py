"""The control API, the watch page, the state on disk and the refusal of any other host."""

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from latchportal.devcloud import __main__, server, watch
from tests.devcloud.conftest import GROUP, NSG, NSG_ID, SUBSCRIPTION, VERSION, Arm, ended, rule_body
from tests.support.devcloud import HTTP, WORLD, Devcloud, running_devcloud

PUT_PATH = "/securityRules/latch-demo-1"


def test_change_by_hand_adds_narrows_and_removes_a_rule(arm: Arm, devcloud: Devcloud) -> None:
    devcloud.control("PUT", f"rules/{NSG}/by-hand", rule_body()["properties"])
    devcloud.control("PUT", f"rules/{NSG}/by-hand", {"sourceAddressPrefix": "5.6.7.8"})
    assert arm("GET", "/securityRules/by-hand").json()["properties"]["sourceAddressPrefix"] == "5.6.7.8"
    assert devcloud.rules(NSG)["by-hand"]["destinationPortRange"] == "22", "what was not named must stay"
    devcloud.control("DELETE", f"rules/{NSG}/by-hand")
    assert "by-hand" not in devcloud.rules(NSG)


def test_change_by_hand_moves_the_etag(arm: Arm, devcloud: Devcloud) -> None:
    before = arm("GET").json()["etag"]
    devcloud.control("DELETE", f"rules/{NSG}/allow-https")
    assert arm("GET").json()["etag"] != before


@pytest.mark.parametrize(
    ("level", "put", "delete"), [("CanNotDelete", 200, 409), ("ReadOnly", 409, 409), (None, 200, 202)]
)
def test_lock_on_the_group_holds_as_its_level_says(
    arm: Arm, devcloud: Devcloud, level: str | None, put: int, delete: int
) -> None:
    ended(arm, arm("PUT", PUT_PATH, json=rule_body()))
    devcloud.control("POST", "locks", {"subscription": SUBSCRIPTION, "resource_group": GROUP, "level": level})
    again = arm("PUT", PUT_PATH, json=rule_body())
    assert again.status_code == put
    if put == 200:
        ended(arm, again)
    refused = arm("DELETE", PUT_PATH)
    assert refused.status_code == delete
    if delete == 409:
        assert refused.json()["error"]["code"] == "ScopeLocked"


def test_unknown_fault_is_refused_with_the_list_of_those_there_are(devcloud: Devcloud) -> None:
    answer = HTTP.post(f"{devcloud.url}/_control/faults", json={"name": "earthquake"})
    assert answer.status_code == 400
    assert "lro_failed" in answer.json()["error"]


def test_fault_that_does_not_match_waits(arm: Arm, devcloud: Devcloud) -> None:
    devcloud.fault("server_error", match={"nsg": "nsg-other"})
    devcloud.fault("server_error", match={"method": "DELETE"})
    assert arm("GET").status_code == 200
    assert len(devcloud.control("GET", "faults")["faults"]) == 2
    devcloud.control("DELETE", "faults")
    assert arm("DELETE", "/securityRules/never-was").status_code == 204


def test_calls_since_a_number_are_only_the_later_ones(arm: Arm, devcloud: Devcloud) -> None:
    arm("GET")
    number = devcloud.calls()[-1]["number"]
    arm("GET", "/securityRules/none")
    later = devcloud.calls(since=number)
    assert [(one["status"], one["code"]) for one in later] == [(404, "NotFound")]


def test_rules_and_a_running_write_survive_a_restart(tmp_path: Path) -> None:
    def call(devcloud: Devcloud, method: str, path: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {devcloud.token()}"}
        body = rule_body() if method == "PUT" else None
        return HTTP.request(method, f"{devcloud.url}{NSG_ID}{path}?{VERSION}", headers=headers, json=body)

    with running_devcloud(write_seconds=600, state_dir=tmp_path) as first:
        call(first, "PUT", PUT_PATH)
        first.control("DELETE", "rules/nsg-prod-db/" + next(iter(first.rules("nsg-prod-db"))))
        left = set(first.rules("nsg-prod-db"))
    with running_devcloud(write_seconds=600, state_dir=tmp_path) as second:
        assert set(second.rules("nsg-prod-db")) == left
        assert call(second, "DELETE", PUT_PATH).status_code == 429, "the write must still be running"
        second.control("POST", "reset")
        assert "latch-demo-1" not in second.rules(NSG)


def test_watch_page_shows_rules_time_left_and_calls_escaped(arm: Arm, devcloud: Devcloud) -> None:
    devcloud.control(
        "PUT", f"rules/{NSG}/latch-x", rule_body(description="<b> end 2999-01-01T00:00Z")["properties"]
    )
    arm("GET", "/securityRules/none")
    page = HTTP.get(f"{devcloud.url}/").text
    assert "latch-x" in page
    assert " left</span>" in page
    assert "<b> end" not in page
    assert "NotFound" in page
    assert HTTP.get(f"{devcloud.url}/_watch/watch.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("until 2030-01-01T00:12:05Z", "12 min 05 s left"),
        ("20300101T013000Z", "1 h 30 min left"),
        ("end=2030-01-01T00:00:59.250Z by x", "59 s left"),
        ("2029-12-31 23:59:00Z", "ended 1 min 00 s ago"),
        ("2030-13-01T00:00:00Z", ""),
        ("Public web traffic", ""),
    ],
)
def test_time_left_is_read_from_the_description(description: str, words: str) -> None:
    assert watch.time_left(description, datetime(2030, 1, 1, tzinfo=UTC)) == words


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "127.0.0.2", "localhost", "example.com", ""])
def test_any_host_but_loopback_is_refused(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="only"):
        server.refuse_other_hosts(host)
    assert __main__.main(["--world", str(WORLD), "--host", host]) == 2
    assert "127.0.0.1" in capsys.readouterr().err


def test_unreadable_world_is_said_and_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["--world", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
