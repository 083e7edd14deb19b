"""What the gateway promises about a group: against the pretend Azure, and a true one if it is named.

AZURE_TEST_NSG_ID names a group that may be written to; the identity is AZURE_TEST_CREDENTIAL (managed, which is
the default, or workload) with AZURE_TEST_CLIENT_ID, in the public cloud.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from uuid import uuid4

import pytest

from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import ContainerState, RuleSpec, RuleState, TargetError
from requests_app.targets.mark import describe, rule_name
from requests_app.targets.nsg import NsgTarget
from requests_app.targets.priorities import difference, next_free
from tests.targets.pretend import NSG_ID, Pretend

INSTANCE = "gateway-test"
REAL = os.environ.get("AZURE_TEST_NSG_ID", "")
BAND = range(3000, 4000)


@dataclass
class Place:
    """A group to write to, and the one rule that a test keeps in it."""

    target: NsgTarget
    nsg_id: str
    name: str

    def read(self) -> ContainerState:
        return self.target.read(self.nsg_id, correlation_id=str(uuid4()))

    def rule(self) -> RuleState | None:
        return self.read().rule(self.name)

    def write(self, spec: RuleSpec) -> Any:
        return self.target.write(self.nsg_id, spec, correlation_id=str(uuid4()))

    def remove(self) -> Any:
        return self.target.remove(self.nsg_id, self.name, correlation_id=str(uuid4()))

    def spec(self, **changes: Any) -> RuleSpec:
        values: dict[str, Any] = {
            "name": self.name,
            "priority": next_free(self.read(), BAND),
            "source": "81.2.69.142",
            "destination": "10.20.1.4",
            "protocol": "Tcp",
            "ports": ("22",),
            "description": describe("test", "0", datetime.now(UTC) + timedelta(minutes=5)),
        }
        return RuleSpec(**(values | changes))


@pytest.fixture(
    params=[
        "pretend",
        pytest.param(
            "real",
            marks=[
                pytest.mark.azure,
                pytest.mark.enable_socket,
                pytest.mark.skipif(
                    not REAL, reason="AZURE_TEST_NSG_ID names no group of a real subscription"
                ),
            ],
        ),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "real":
        credential = cast(
            "Literal['managed', 'workload']", os.environ.get("AZURE_TEST_CREDENTIAL", "managed")
        )
        config = AzureConfig(credential=credential, client_id=os.environ.get("AZURE_TEST_CLIENT_ID", ""))
        nsg_id = REAL
    else:
        pretend: Pretend = request.getfixturevalue("pretend")
        config, nsg_id = pretend.config(), NSG_ID
    place = Place(NsgTarget(config, INSTANCE), nsg_id, rule_name(INSTANCE, uuid4(), 0))
    yield place
    place.remove()
    assert place.rule() is None, "the test's rule is still in the group"


def test_a_group_is_read_with_its_default_rules(place: Place) -> None:
    state = place.read()
    assert state.azure_id.lower() == place.nsg_id.lower()
    assert state.location
    names = {rule.name: rule for rule in state.default_rules}
    assert names["DenyAllInBound"].access == "Deny"
    assert names["DenyAllInBound"].priority == 65500
    assert ContainerState.from_dict(state.to_dict()) == state


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ports": ("22", "8000-8010")},
        {"source": "81.2.69.0/24", "destination": "10.20.1.0/28"},
        {"source": "81.2.69.142/32", "protocol": "Udp"},
        {"protocol": "Icmp", "ports": ("*",)},
        {"source": "2a02:6b8::1", "destination": "fd00::4"},
    ],
)
def test_a_written_rule_is_read_back_as_it_was_meant(place: Place, changes: dict[str, Any]) -> None:
    spec = place.spec(**changes)
    before = {rule.name: rule.priority for rule in place.read().rules}
    receipt = place.write(spec)
    rule = place.rule()
    assert rule is not None, "the rule is not there after the write"
    assert difference(spec, rule) == []
    assert rule.provisioning_state == "Succeeded"
    assert receipt.status == 201
    assert receipt.azure_request_id
    assert receipt.azure_correlation_id
    after = {rule.name: rule.priority for rule in place.read().rules}
    assert after == before | {spec.name: spec.priority}, "another rule was touched"


def test_writing_twice_is_writing_once(place: Place) -> None:
    spec = place.spec()
    place.write(spec)
    assert place.write(spec).status == 200
    assert [rule.name for rule in place.read().rules].count(spec.name) == 1


def test_a_new_end_replaces_the_old_one(place: Place) -> None:
    spec = place.spec()
    place.write(spec)
    later = describe("test", "0", datetime.now(UTC) + timedelta(minutes=9))
    place.write(place.spec(priority=spec.priority, description=later))
    rule = place.rule()
    assert rule is not None
    assert rule.description == later


def test_a_removed_rule_is_gone_and_may_be_removed_again(place: Place) -> None:
    place.write(place.spec())
    place.remove()
    assert place.rule() is None
    place.remove()


def test_a_priority_in_use_is_a_conflict_that_changed_nothing(place: Place) -> None:
    spec = place.spec()
    place.write(spec)
    other = Place(place.target, place.nsg_id, rule_name(INSTANCE, uuid4(), 1))
    with pytest.raises(TargetError) as caught:
        other.write(other.spec(priority=spec.priority))
    assert (caught.value.kind, caught.value.code) == ("conflict", "SecurityRuleConflict")
    assert caught.value.certain
    assert other.rule() is None


def test_a_group_that_is_not_there_is_missing(place: Place) -> None:
    spec = place.spec()
    elsewhere = Place(place.target, place.nsg_id + "-nowhere", place.name)
    for act in (elsewhere.read, lambda: elsewhere.write(spec)):
        with pytest.raises(TargetError) as caught:
            act()
        assert (caught.value.kind, caught.value.status, caught.value.certain) == ("missing", 404, True)
    elsewhere.remove()
