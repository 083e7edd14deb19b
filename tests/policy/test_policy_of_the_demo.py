"""The demo's own policy loads, fits its world, and says what the story needs."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from requests_app.policy.conditions import CONDITIONS
from requests_app.policy.document import PolicySet, load
from requests_app.policy.evaluate import eligible
from requests_app.policy.facts import EntitlementFacts, PersonFacts

ORGANISATION = Path(__file__).parents[2] / "latchportal" / "demo" / "organisation"


@pytest.fixture(scope="module")
def demo() -> PolicySet:
    return load(
        {path.name: path.read_text(encoding="utf-8") for path in (ORGANISATION / "policy").glob("*.yaml")}
    )


@pytest.fixture(scope="module")
def world() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ORGANISATION / "world.yaml").read_text(encoding="utf-8"))
    return loaded


def groups_of(world: dict[str, Any], oid: str) -> frozenset[str]:
    held = {group["id"] for group in world["groups"] if oid in group["members"]}
    while more := {group["id"] for group in world["groups"] if held & set(group["groups"])} - held:
        held |= more
    return frozenset(held)


def someone(world: dict[str, Any], name: str) -> PersonFacts:
    found = next(person for person in world["people"] if person["upn"].startswith(f"{name}@"))
    oid = found["oid"]
    return PersonFacts(
        oid, found["name"], found["enabled"], found["guest"], groups_of(world, oid), timedelta(0)
    )


def facts(demo: PolicySet, key: str) -> EntitlementFacts:
    way_in = next(row for row in demo.entitlements if row.key == key)
    resource = next(row for row in demo.resources if row.key == way_in.resource_key)
    return EntitlementFacts(
        key=key,
        name=way_in.name,
        kind=way_in.kind,
        tags=frozenset((*way_in.tags, *resource.tags)),
        environment=resource.environment,
        resource_key=resource.key,
        resource_name=resource.name,
        owner_oid=resource.owner,
        destination=way_in.destination,
        active=True,
    )


def test_every_security_group_named_stands_in_the_world(demo: PolicySet, world: dict[str, Any]) -> None:
    there = {
        f"/subscriptions/{subscription['id']}/resourceGroups/{nsg['resource_group']}"
        f"/providers/Microsoft.Network/networkSecurityGroups/{nsg['name']}"
        for subscription in world["subscriptions"]
        for nsg in subscription["nsgs"]
    }
    named = {nsg for row in demo.entitlements for nsg in row.nsgs}
    assert named == there


def test_groups_and_owners_stand_in_the_world(demo: PolicySet, world: dict[str, Any]) -> None:
    assert dict(demo.groups) == {group["name"]: group["id"] for group in world["groups"]}
    assert {row.owner for row in demo.resources} <= {person["oid"] for person in world["people"]}
    assert len(demo.resources) == 25


def test_every_way_in_can_be_asked_for_by_somebody(demo: PolicySet, world: dict[str, Any]) -> None:
    people = [someone(world, person["upn"].split("@")[0]) for person in world["people"]]
    for row in demo.entitlements:
        assert any(eligible(demo, person, facts(demo, row.key)) for person in people), row.key


@pytest.mark.parametrize(
    ("who", "key", "stages"),
    [
        ("ada", "prod-web-01-ssh", ("Manager", "Security")),
        ("ada", "prod-app-01-admin", ("Manager",)),
        ("ada", "stg-web-01-ssh", ("Manager",)),
        ("ada", "prod-db-01-psql", None),
        ("ada", "prod-bastion-01-ssh", None),
        ("tomas", "prod-db-01-psql", ("Owner", "Security")),
        ("tomas", "stg-db-01-psql", ("Manager",)),
        ("ben", "prod-bastion-01-ssh", ("Manager",)),
        ("gus", "partner-sftp-01-sftp", ("Manager", "All of security")),
        ("gus", "prod-web-01-ssh", None),
        ("ada", "build-registry-01-registry", ("Manager", "Two of on-call")),
        ("sol", "prod-logs-01-search", ("Owner",)),
        ("out", "prod-web-01-ssh", None),
        ("out", "stg-web-01-ssh", None),
        ("dis", "stg-web-01-ssh", None),
        ("aud", "prod-web-01-ssh", None),
    ],
)
def test_who_may_ask_for_what_and_who_decides(
    demo: PolicySet, world: dict[str, Any], who: str, key: str, stages: tuple[str, ...] | None
) -> None:
    limits = eligible(demo, someone(world, who), facts(demo, key))
    assert (limits.stage_titles if limits else None) == stages


def test_on_call_is_quick_but_short(demo: PolicySet, world: dict[str, Any]) -> None:
    limits = eligible(demo, someone(world, "ben"), facts(demo, "prod-bastion-01-ssh"))
    assert limits is not None
    assert limits.max_duration == timedelta(hours=1)


def test_a_machine_behind_two_groups_names_both(demo: PolicySet) -> None:
    row = next(row for row in demo.entitlements if row.key == "prod-db-01-psql")
    assert [nsg.rpartition("/")[2] for nsg in row.nsgs] == ["nsg-prod-db", "nsg-prod-db-nic"]


def test_it_shows_every_way_of_deciding(demo: PolicySet) -> None:
    kinds = {stage.approvers.kind for stage in demo.stages}
    kinds |= {stage.escalation.to.kind for stage in demo.stages if stage.escalation}
    assert kinds == {"manager", "owner", "group", "role", "on_call"}
    shown = {
        "several of them": any(stage.quorum > 1 for stage in demo.stages),
        "all of them": any(stage.everyone for stage in demo.stages),
        "at the same time": any(stage.together_with for stage in demo.stages),
        "reminds": any(stage.remind_every for stage in demo.stages),
        "asks nobody while": any(rule.auto_approve_when for rule in demo.rules),
        "several times": any(rule.later.windows > 1 for rule in demo.rules),
        "never later": any(not rule.later.ahead for rule in demo.rules),
        "in an emergency": bool(demo.emergency),
    }
    assert [what for what, there in shown.items() if not there] == []


def test_it_shows_every_condition(demo: PolicySet) -> None:
    rules = (*demo.rules, *demo.emergency)
    said = {one.name for rule in rules for one in (*rule.conditions, *rule.auto_approve_when)}
    # Networks are the world's own: the demo's people come from public addresses alone.
    assert said == {one.name for one in CONDITIONS.values()} - {"source_networks"}
