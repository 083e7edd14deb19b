"""ARM's JSON to our dataclasses and back, and the last check before a write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from requests_app.targets.base import TargetError
from requests_app.targets.nsg_json import body, check, check_name, container, parse_id, rule
from requests_app.targets.priorities import matches
from tests.targets.examples import INSTANCE, NSG_ID, a_spec

EXAMPLES = os.environ.get("AZURE_EXAMPLES", "")


def test_the_parts_of_an_id_are_read_whatever_its_case() -> None:
    parts = parse_id(NSG_ID.replace("resourceGroups", "RESOURCEGROUPS"))
    assert (parts.subscription, parts.group, parts.name) == ("s-1", "rg-prod", "nsg-prod-web")


@pytest.mark.parametrize(
    "text",
    ["", "nsg-prod-web", NSG_ID + "/securityRules/x", NSG_ID.replace("nsg-prod-web", ".."), "/x" + NSG_ID],
)
def test_what_is_no_group_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_id(text)
    assert (caught.value.kind, caught.value.certain) == ("invalid", True)


def test_singular_and_plural_fields_are_folded() -> None:
    properties = {
        "sourceAddressPrefix": "",
        "sourceAddressPrefixes": ["1.1.1.1", "2.2.2.2"],
        "destinationAddressPrefix": "10.0.0.4",
        "destinationAddressPrefixes": [],
        "destinationPortRange": "22",
        "destinationApplicationSecurityGroups": [{"id": "/asg/1"}],
    }
    state = rule({"name": "x", "properties": properties})
    assert state.sources == ("1.1.1.1", "2.2.2.2")
    assert state.destinations == ("10.0.0.4", "/asg/1")
    assert state.ports == ("22",)


@pytest.mark.parametrize("ports", [("22",), ("22", "443", "8000-8010")])
def test_a_written_rule_reads_back_as_itself(ports: tuple[str, ...]) -> None:
    spec = a_spec(ports=ports)
    assert matches(spec, rule({"name": spec.name, **body(spec)}))


def test_an_ordinary_rule_passes_the_last_check() -> None:
    check(INSTANCE, a_spec())
    check(INSTANCE, a_spec(source="81.2.69.0/24"))
    check(INSTANCE, a_spec(protocol="Icmp", ports=("*",)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "allow-https"}, "mark"),
        ({"name": "latch-other-6f0b0f5e3f5f-0"}, "mark"),
        ({"source": "*"}, "network"),
        ({"source": "Internet"}, "network"),
        ({"source": "any"}, "network"),
        ({"source": "0.0.0.0/0"}, "wider"),
        ({"source": "0.0.0.0/7"}, "wider"),
        ({"source": "::/0"}, "versions"),
        ({"source": "81.2.69.142/24"}, "network"),
        ({"source": "789"}, "network"),
        ({"source": ""}, "network"),
        ({"destination": "*"}, "network"),
        ({"destination": "VirtualNetwork"}, "network"),
        ({"protocol": "*"}, "protocol"),
        ({"protocol": "tcp"}, "protocol"),
        ({"protocol": "Icmp"}, "no ports"),
        ({"ports": ()}, "no port"),
        ({"ports": ("*",)}, "no port"),
        ({"ports": ("22", "70000")}, "'70000'"),
        ({"ports": ("30-20",)}, "'30-20'"),
        ({"priority": 99}, "priority"),
        ({"priority": 4097}, "priority"),
        ({"description": "for Ada"}, "when it ends"),
    ],
)
def test_a_rule_that_must_never_be_ours_is_not_written(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TargetError, match=words) as caught:
        check(INSTANCE, a_spec(**changes))
    assert (caught.value.kind, caught.value.certain) == ("invalid", True)


def test_a_foreign_rule_is_not_removed() -> None:
    with pytest.raises(TargetError, match="mark"):
        check_name(INSTANCE, "allow-https")


@pytest.mark.skipif(not EXAMPLES, reason="AZURE_EXAMPLES names no folder of Azure's official examples")
def test_azures_own_example_of_a_group_is_read() -> None:
    example = json.loads((Path(EXAMPLES) / "NetworkSecurityGroupGet.json").read_text())
    answer = example["responses"]["200"]["body"]
    state = container(answer["id"].upper(), answer)
    assert state.location == "westus"
    assert [item.name for item in state.default_rules[:3]] == [
        "AllowVnetInBound",
        "AllowAzureLoadBalancerInBound",
        "DenyAllInBound",
    ]
