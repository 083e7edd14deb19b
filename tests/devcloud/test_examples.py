"""The pretend Azure against recorded traffic and the official examples; AZURE_EXAMPLES names their folder."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from latchportal.devcloud import arm
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.world import Nsg, Subscription
from tests.support.devcloud import HTTP, serving

FOLDER = os.environ.get("AZURE_EXAMPLES", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="AZURE_EXAMPLES is not set: it names the folder of Azure's examples and recordings"
)
RECORDED = "RECORDED_nsg_rule_lifecycle_azure-cli.json"
HOST = "https://management.azure.com"
NULLS = "00000000-0000-0000-0000-000000000000"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What may or may not stand on an answer, and must therefore be as in the recording.
TELLING = {"azure-asyncoperation", "location", "retry-after", "etag", "azure-asyncnotification"}
ALLOW_80 = {
    "name": "rule1",
    "access": "Allow",
    "destinationAddressPrefix": "*",
    "destinationPortRange": "80",
    "direction": "Inbound",
    "priority": 130,
    "sourceAddressPrefix": "*",
    "sourcePortRange": "*",
    "protocol": "*",
}


def read(name: str) -> dict[str, Any]:
    return dict(json.loads((Path(FOLDER) / name).read_text(encoding="utf-8")))


def nsg(group: str, name: str, *rules: dict[str, Any]) -> Nsg:
    return Nsg(group, name, "westus", rules, (), ())


@pytest.fixture
def url() -> Iterator[str]:
    """The groups the examples and the recording speak of; every write is done by the first poll."""
    examples = (
        nsg("rg1", "testnsg", ALLOW_80),
        nsg("rg1", "nsg1"),
        nsg("rg1", "nsg3", {**ALLOW_80, "name": "rule1"}),
    )
    born = (
        Subscription("subid", "of the examples", "westus", examples),
        Subscription(NULLS, "of the recording", "westus", (nsg("cli_test_nsg000001", "test-nsg1"),)),
    )
    cloud = Cloud(born, write_seconds=0)
    with serving(Starlette(routes=arm.routes(cloud, lambda header, audience: "somebody"))) as address:
        yield address


def plain(value: Any) -> Any:
    """The value with every GUID made the same, so that generated ids do not differ."""
    return json.loads(GUID.sub("GUID", json.dumps(value)))


def contains(ours: Any, theirs: Any, where: str = "body") -> None:
    """Everything the example shows is there, and the same; what we show beyond it is allowed."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), f"{where} is not an object"
        for key, value in theirs.items():
            assert key in ours, f"{where}.{key} is missing"
            contains(ours[key], value, f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), f"{where} has {len(ours)} entries, the example {len(theirs)}"
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            contains(mine, other, f"{where}[{index}]")
    else:
        assert ours == theirs, f"{where} is {ours!r}, in the example {theirs!r}"


def test_recorded_requests_get_the_recorded_answers(url: str) -> None:
    issued: dict[str, str] = {}
    for number, one in enumerate(read(RECORDED)["interactions"]):
        asked, recorded = one["request"], one["response"]
        address = asked["url"].replace(HOST, url)
        for theirs, ours in issued.items():
            address = address.replace(theirs, ours)
        answer = HTTP.request(asked["method"], address, json=asked.get("body"))
        where = f"interaction {number}, {asked['method']} {asked['url'].rpartition('/')[2]}"
        assert answer.status_code == recorded["status"], f"{where}: {answer.text}"
        compare_headers(where, url, answer.headers, recorded["headers"])
        compare_bodies(where, answer, recorded["body"])
        if "azure-asyncoperation" in recorded["headers"]:
            issued[operation(recorded["headers"])] = operation(dict(answer.headers))


def operation(headers: dict[str, str]) -> str:
    return headers["azure-asyncoperation"].rpartition("/")[2].partition("?")[0]


def compare_headers(where: str, url: str, ours: httpx.Headers, theirs: dict[str, str]) -> None:
    missing = {name for name in theirs if name not in ours} - {"content-length"}
    assert not missing, f"{where}: headers missing: {missing}"
    shown = TELLING & set(ours)
    assert shown == TELLING & set(theirs), f"{where}: has {shown}"
    for name, value in theirs.items():
        if name.startswith("x-ms-") or name == "etag":
            continue
        mine = GUID.sub("GUID", ours.get(name, "").replace(url, HOST))
        assert mine == GUID.sub("GUID", value), f"{where}: header {name}"


def compare_bodies(where: str, answer: httpx.Response, theirs: Any) -> None:
    if theirs is None:
        assert answer.content == b"", f"{where}: the body must be empty"
        return
    assert plain(answer.json()) == plain(theirs), where
    assert list(answer.json()) == list(theirs), f"{where}: the order of the fields"
    if "etag" in answer.headers:
        assert answer.headers["etag"] == answer.json()["etag"], f"{where}: etag of header and body"


def test_recorded_etag_changes_twice_a_write(url: str) -> None:
    asked = read(RECORDED)["interactions"][0]["request"]
    address = asked["url"].replace(HOST, url)
    put = HTTP.put(address, json=asked["body"])
    HTTP.get(put.headers["azure-asyncoperation"])
    assert put.json()["etag"] != HTTP.get(address).json()["etag"]


NSG_PATH = "/subscriptions/subid/resourceGroups/rg1/providers/Microsoft.Network/networkSecurityGroups"
CALLS = [
    ("NetworkSecurityGroupGet.json", "GET", "/testnsg", "200"),
    ("NetworkSecurityGroupRuleGet.json", "GET", "/testnsg/securityRules/rule1", "200"),
    ("NetworkSecurityGroupRuleList.json", "GET", "/testnsg/securityRules", "200"),
    ("NetworkSecurityGroupRuleDelete.json", "DELETE", "/testnsg/securityRules/rule1", "202"),
    ("NetworkSecurityGroupRuleDelete.json", "DELETE", "/testnsg/securityRules/absent", "204"),
    ("NetworkSecurityGroupDelete.json", "DELETE", "/testnsg", "202"),
    ("NetworkSecurityGroupDelete.json", "DELETE", "/absent", "204"),
]


@pytest.mark.parametrize(("name", "method", "path", "status"), CALLS)
def test_official_example_of_reading_and_deleting(
    url: str, name: str, method: str, path: str, status: str
) -> None:
    example = read(name)
    version = example["parameters"]["api-version"]
    answer = HTTP.request(method, f"{url}{NSG_PATH}{path}?api-version={version}")
    assert str(answer.status_code) == status, answer.text
    shown = example["responses"][status]
    if "body" in shown:
        contains(answer.json(), shown["body"])
    if status == "202":
        assert set(map(str.lower, shown["headers"])) <= set(answer.headers)


@pytest.mark.parametrize(("rule", "status"), [("new", "201"), ("rule1", "200")])
def test_official_example_of_writing_a_rule(url: str, rule: str, status: str) -> None:
    example = read("NetworkSecurityGroupRuleCreate.json")
    address = f"{url}{NSG_PATH}/testnsg/securityRules/{rule}?api-version=2025-05-01"
    put = HTTP.put(address, json=example["parameters"]["securityRuleParameters"])
    assert str(put.status_code) == status, put.text
    HTTP.get(put.headers["azure-asyncoperation"])
    contains(renamed(HTTP.get(address).json(), rule, "rule1"), example["responses"][status]["body"])


@pytest.mark.parametrize(("name", "status"), [("fresh", "201")])
def test_official_example_of_writing_a_group(url: str, name: str, status: str) -> None:
    example = read("NetworkSecurityGroupCreateWithRule.json")
    address = f"{url}{NSG_PATH}/{name}?api-version=2025-05-01"
    put = HTTP.put(address, json=example["parameters"]["parameters"])
    assert str(put.status_code) == status, put.text
    HTTP.get(put.headers["azure-asyncoperation"])
    contains(renamed(HTTP.get(address).json(), name, "testnsg"), example["responses"][status]["body"])
    assert HTTP.put(address, json=example["parameters"]["parameters"]).status_code == 200


def renamed(body: dict[str, Any], ours: str, theirs: str) -> Any:
    return json.loads(json.dumps(body).replace(f"/{ours}", f"/{theirs}").replace(f'"{ours}"', f'"{theirs}"'))


def test_official_example_of_listing_has_the_same_fields(url: str) -> None:
    theirs = read("NetworkSecurityGroupList.json")["responses"]["200"]["body"]["value"]
    listed = HTTP.get(f"{url}{NSG_PATH}?api-version=2025-05-01").json()["value"]
    ours = {one["name"]: one for one in listed}
    for one in theirs:
        mine = ours[one["name"]]
        assert set(one) <= set(mine), f"{one['name']}: {set(one) - set(mine)} is missing"
        assert set(one["properties"]) <= set(mine["properties"])
        contains(mine["properties"]["defaultSecurityRules"], one["properties"]["defaultSecurityRules"])
