"""What ARM answers about rules and groups when nothing goes wrong, and what it refuses."""

from collections.abc import Callable

import pytest

from tests.devcloud.conftest import GROUP, NSG, NSG_ID, SUBSCRIPTION, Arm, ended, rule_body
from tests.support.devcloud import Devcloud

Finish = Callable[[], object]
PUT_PATH = "/securityRules/latch-demo-1"


def test_new_rule_is_201_updating_and_then_succeeded_with_a_new_etag(arm: Arm) -> None:
    before = arm("GET").json()["etag"]
    put = arm("PUT", PUT_PATH, json=rule_body())
    assert put.status_code == 201, put.text
    assert put.json()["properties"]["provisioningState"] == "Updating"
    assert ended(arm, put) == {"status": "Succeeded"}
    got = arm("GET", PUT_PATH)
    assert got.json()["properties"]["provisioningState"] == "Succeeded"
    etags = [before, put.json()["etag"], got.json()["etag"]]
    assert len(set(etags)) == 3, f"the etag must change twice a write: {etags}"
    assert got.headers["etag"] == got.json()["etag"] == arm("GET").json()["etag"]


def test_written_rule_shows_at_once_while_updating(arm: Arm, finish: Finish) -> None:
    arm("PUT", PUT_PATH, json=rule_body())
    assert arm("GET", PUT_PATH).json()["properties"]["provisioningState"] == "Updating"
    finish()
    assert arm("GET", PUT_PATH).json()["properties"]["provisioningState"] == "Succeeded"


def test_same_rule_again_is_200(arm: Arm) -> None:
    ended(arm, arm("PUT", PUT_PATH, json=rule_body()))
    assert arm("PUT", PUT_PATH, json=rule_body()).status_code == 200


def test_put_carries_no_retry_after_and_no_location(arm: Arm) -> None:
    put = arm("PUT", PUT_PATH, json=rule_body())
    assert not {"retry-after", "location", "etag"} & set(put.headers)


def test_delete_is_202_with_both_addresses_and_takes_effect_when_it_ends(arm: Arm, finish: Finish) -> None:
    arm("PUT", PUT_PATH, json=rule_body())
    finish()
    delete = arm("DELETE", PUT_PATH)
    assert (delete.status_code, delete.content) == (202, b"")
    assert "/operationResults/" in delete.headers["location"]
    assert arm("GET", PUT_PATH).status_code == 200, "a 202 is not yet gone"
    assert arm("GET", delete.headers["location"]).status_code == 202
    assert arm("GET", delete.headers["azure-asyncoperation"]).json() == {"status": "InProgress"}
    finish()
    assert arm("GET", delete.headers["azure-asyncoperation"]).json() == {"status": "Succeeded"}
    assert arm("GET", delete.headers["location"]).status_code == 204
    assert arm("GET", PUT_PATH).json()["error"]["code"] == "NotFound"


def test_delete_of_an_absent_rule_is_204(arm: Arm) -> None:
    assert arm("DELETE", "/securityRules/never-was").status_code == 204


def test_second_write_on_one_nsg_is_429_retryable(arm: Arm, finish: Finish) -> None:
    arm("PUT", PUT_PATH, json=rule_body())
    second = arm("PUT", "/securityRules/other", json=rule_body(priority=211))
    assert second.status_code == 429
    assert second.json()["error"]["code"] == "RetryableError"
    assert second.json()["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"
    assert "retry-after" not in second.headers
    finish()
    assert arm("PUT", "/securityRules/other", json=rule_body(priority=211)).status_code == 201


def test_writes_on_different_nsgs_run_side_by_side(arm: Arm, finish: Finish) -> None:
    other = NSG_ID.replace(NSG, "nsg-prod-web-nic")
    assert arm("PUT", PUT_PATH, json=rule_body()).status_code == 201
    assert arm("PUT", other + PUT_PATH, json=rule_body()).status_code == 201


def test_names_are_compared_without_regard_to_case(arm: Arm) -> None:
    ended(arm, arm("PUT", PUT_PATH, json=rule_body()))
    path = (NSG_ID + PUT_PATH).upper().replace("/SUBSCRIPTIONS", "/subscriptions")
    assert arm("GET", path).json()["name"] == "latch-demo-1"


def test_operation_address_is_that_of_the_requests_host(arm: Arm, devcloud: Devcloud) -> None:
    put = arm("PUT", PUT_PATH, json=rule_body())
    place = f"{devcloud.url}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/"
    assert put.headers["azure-asyncoperation"].startswith(place + "operations/")


def test_whole_nsg_put_drops_the_rules_it_does_not_list(arm: Arm, devcloud: Devcloud) -> None:
    rules = [{"name": "only", **rule_body(priority=300)}]
    body = {"location": "westeurope", "properties": {"securityRules": rules, "flushConnection": True}}
    put = arm("PUT", json=body)
    assert put.status_code == 200, put.text
    assert put.headers["azure-asyncnotification"] == "Enabled"
    assert ended(arm, put)["status"] == "Succeeded"
    assert list(devcloud.rules(NSG)) == ["only"]
    assert arm("GET").json()["properties"]["flushConnection"] is True


def test_nsg_can_be_made_listed_and_deleted(arm: Arm) -> None:
    path = NSG_ID.replace(NSG, "nsg-new")
    put = arm("PUT", path, json={"location": "West Europe", "properties": {}})
    assert put.status_code == 201, put.text
    ended(arm, put)
    group = NSG_ID.rpartition("/")[0]
    assert "nsg-new" in [one["name"] for one in arm("GET", group).json()["value"]]
    assert ended(arm, arm("DELETE", path))["status"] == "Succeeded"
    assert arm("GET", path).json()["error"]["code"] == "ResourceNotFound"
    assert arm("DELETE", path).status_code == 204


def test_nsg_in_use_cannot_be_deleted(arm: Arm) -> None:
    refused = arm("DELETE")
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "InUseNetworkSecurityGroupCannotBeDeleted"


def test_every_nsg_shows_its_six_default_rules(arm: Arm) -> None:
    listed = arm("GET", "/defaultSecurityRules").json()["value"]
    assert [one["properties"]["priority"] for one in listed] == [65000, 65001, 65500] * 2
    assert arm("GET", "/defaultSecurityRules/denyallinbound").json()["name"] == "DenyAllInBound"
    assert arm("GET").json()["properties"]["defaultSecurityRules"] == listed


def test_subscription_lists_the_nsgs_of_every_group(arm: Arm) -> None:
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/networkSecurityGroups"
    names = {one["name"] for one in arm("GET", path).json()["value"]}
    assert {"nsg-prod-web", "nsg-prod-db"} <= names
    assert "nsg-stg-web" not in names


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", NSG_ID.replace(SUBSCRIPTION, SUBSCRIPTION[:-1] + "9"), 404, "SubscriptionNotFound"),
        ("GET", NSG_ID.replace(GROUP, "rg-none"), 404, "ResourceGroupNotFound"),
        ("GET", NSG_ID.replace(NSG, "nsg-none"), 404, "ResourceNotFound"),
        ("GET", NSG_ID.replace(NSG, "nsg-none") + PUT_PATH, 404, "ResourceNotFound"),
        ("PUT", NSG_ID.replace(NSG, "nsg-none") + PUT_PATH, 404, "ParentResourceNotFound"),
        ("GET", NSG_ID + "/securityRules/none", 404, "NotFound"),
        ("GET", NSG_ID + "/moreRules", 404, "InvalidResourceType"),
        ("PATCH", NSG_ID + PUT_PATH, 405, "MethodNotAllowed"),
    ],
)
def test_what_is_not_there_is_refused_by_its_own_code(
    arm: Arm, method: str, path: str, status: int, code: str
) -> None:
    answer = arm(method, path, json=rule_body()) if method != "GET" else arm(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_api_version_is_required(arm: Arm) -> None:
    answer = arm("GET", query="")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MissingApiVersionParameter")


@pytest.mark.parametrize(
    ("header", "code"),
    [("", "AuthenticationFailed"), ("Bearer nonsense", "InvalidAuthenticationToken")],
)
def test_a_caller_without_a_good_token_is_401(arm: Arm, header: str, code: str) -> None:
    answer = arm("GET", headers={"authorization": header})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert "Bearer" in answer.headers["www-authenticate"]


def test_a_token_for_graph_does_not_open_arm(arm: Arm, devcloud: Devcloud) -> None:
    token = devcloud.token("https://graph.microsoft.com")
    assert arm("GET", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_correlation_id_of_the_caller_comes_back_and_is_logged(arm: Arm, devcloud: Devcloud) -> None:
    answer = arm("GET", headers={"x-ms-correlation-request-id": "my-own-id"})
    assert answer.headers["x-ms-correlation-request-id"] == "my-own-id"
    last = devcloud.calls()[-1]
    assert (last["method"], last["status"], last["correlation_id"]) == ("GET", 200, "my-own-id")
    assert last["principal"], "the log must say who called"


def test_unreadable_json_is_refused(arm: Arm) -> None:
    answer = arm("PUT", PUT_PATH, content=b"{not json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestFormat")


def test_if_match_is_not_honoured(arm: Arm) -> None:
    answer = arm("PUT", PUT_PATH, json=rule_body(), headers={"if-match": 'W/"stale"'})
    assert answer.status_code == 201
