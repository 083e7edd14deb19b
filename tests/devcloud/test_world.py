"""The demo's world.yaml holds what the tests and the demo promise, and faults in such a file are named."""

from pathlib import Path

import pytest

from latchportal.devcloud import world
from tests.devcloud.services import WORLD_FILE


def test_fixed_people_have_their_fixed_rights() -> None:
    of = world.load(WORLD_FILE)
    assert of.person("ada").manager == of.person("mo").oid
    assert of.person("mo").manager == of.person("ines").oid
    assert {of.person("sol").oid, of.person("sam").oid} == set(of.group("security").members)
    assert of.person("aud").roles == ("Latch.Auditor",)
    assert of.person("adm").roles == ("Latch.Admin",)
    assert not of.person("dis").enabled
    assert of.person("gus").guest
    outsider = of.person("out").oid
    assert not [group.name for group in of.groups if outsider in group.members]


def test_every_nsg_says_which_machines_live_behind_it() -> None:
    of, text = world.load(WORLD_FILE), WORLD_FILE.read_text(encoding="utf-8")
    nsgs = [nsg for subscription in of.subscriptions for nsg in subscription.nsgs]
    assert len(nsgs) >= 10
    for nsg in nsgs:
        assert f"# Behind {nsg.name}:" in text, nsg.name
        assert nsg.rules, f"{nsg.name} has no foreign rules"
        assert nsg.subnets or nsg.nics, f"{nsg.name} guards nothing"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("enabled: true", "enabled: yes please", "people[0].enabled: must be true or false"),
        ("    job: Platform engineer\n", "", "people[0].job: is missing"),
        ("job: Platform engineer", "job: Engineer\n    shoe: 42", "people[0]: has the unknown field 'shoe'"),
        ('"81.2.69.142"', '"10.0.0.1"', "people[0].address: must be one public IPv4 address"),
        ("manager: a1f0c0de-0000-4000-8000-000000000002", "manager: a1f0c0de-0000-4000-8000-0000000000ff",
         "people[0].manager: no person has the id"),
        ("priority: 100", "priority: 99", "nsgs[0].rules[0].priority: must be between 100 and 4096"),
        ("priority: 110", "priority: 100", "nsgs[0].rules: priority 'inbound 100' stands there 2 times"),
        ("access: Allow", "access: Perhaps", "rules[0].access: must be one of Allow, Deny"),
        ("sol@northwind-harbour.example", "mo@northwind-harbour.example", "people: upn"),
        ("groups:\n  - id", "groups: 7\nrest:\n  - id", "groups: must be a list"),
        ("tenant:", "tenant: [", "while parsing"),
    ],
)  # fmt: skip
def test_fault_is_refused_with_file_and_field(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = WORLD_FILE.read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(world.WorldError) as caught:
        world.load(broken)
    assert "broken.yaml" in str(caught.value)
    assert words in str(caught.value)


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(world.WorldError, match=r"absent\.yaml"):
        world.load(tmp_path / "absent.yaml")
