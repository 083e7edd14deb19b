"""A policy is loaded whole or not at all, and every fault is named with file and line."""

from datetime import time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from requests_app.policy.conditions import Guests, Hours, Reason, SourceNetworks, Ticket
from requests_app.policy.document import PolicyFaults, load
from requests_app.policy.model import ApproverRule
from tests.policy.makers import (
    CATALOGUE,
    ENGINEERING,
    NSG,
    RULES,
    SECURITY,
    STAGES,
    faults,
    files,
    policy,
    rule,
)

HOUR = timedelta(hours=1)


def test_a_faultless_set_is_loaded_with_its_defaults() -> None:
    loaded = policy()
    assert [stage.name for stage in loaded.stages] == ["manager", "owner", "security"]
    assert loaded.stages[2].approvers == ApproverRule("group", "security", SECURITY)
    assert (loaded.stages[0].quorum, loaded.stages[0].lapse_after) == (1, timedelta(days=3))
    assert loaded.rules[0].max_duration == 2 * HOUR
    assert loaded.rules[0].activate_within == HOUR
    assert loaded.rules[0].who.group_oids == {ENGINEERING}
    assert (loaded.source.min_prefix_v4, loaded.source.min_prefix_v6) == (32, 128)
    way_in = loaded.entitlements[0]
    assert (way_in.resource_key, way_in.nsgs, way_in.protocol) == ("web-01", (NSG,), "Tcp")
    assert way_in.ports == ("22", "8000-8010")
    assert (way_in.file, way_in.line) == ("catalogue.yaml", 10)


def test_every_condition_is_read_from_its_words() -> None:
    loaded = policy(
        rules=rule(
            """
name: all
for: {anyone: true}
entitlements: {environments: [production]}
max_duration: PT45M
stages: [owner]
conditions:
  - guests: refused
  - reason: {min_length: 20}
  - ticket: {pattern: "INC-[0-9]+", example: INC-1}
  - hours: {days: [mon, fri], from: 08:00, to: "18:30", timezone: Europe/Berlin}
  - source: {networks: [81.2.69.0/24]}
"""
        )
    )
    assert loaded.rules[1].conditions == (
        Guests(),
        Reason(20),
        Ticket("INC-[0-9]+", "INC-1"),
        Hours(frozenset({0, 4}), time(8), time(18, 30), "Europe/Berlin"),
        SourceNetworks(("81.2.69.0/24",)),
    )


def test_stages_are_kept_in_the_order_declared_not_the_order_required() -> None:
    loaded = policy(rules=RULES.replace("[manager, security]", "[security, manager]"))
    assert loaded.rules[0].stages == ("manager", "security")


def test_the_hash_is_of_what_is_said_not_of_how_it_is_laid_out() -> None:
    plain = policy()
    assert policy(rules="# a comment\n\n" + RULES.replace("2h", "120m")).hash == plain.hash
    moved = {"a.yaml": RULES, "b.yaml": STAGES, "c.yaml": CATALOGUE}
    assert load(moved).hash == plain.hash
    assert policy(rules=RULES.replace("2h", "1h")).hash != plain.hash
    assert policy(catalogue=CATALOGUE.replace("10.20.1.4", "10.20.1.5")).hash != plain.hash
    assert len(plain.hash) == 64


NOT_PLAIN = [
    ("a: &x 1", 1, "anchors"),
    ("a: 1\nb: *x", 2, "aliases"),
    ("a: &x [1]\nb: [*x, *x, *x]", 1, "anchors"),
    ("rules: !!python/object/apply:os.system [ls]", 1, "tags are not used"),
    ("rules: !include other.yaml", 1, "tags are not used"),
    ("a: {<<: *x}", 1, "aliases"),
    ("[1]: a", 1, "a key has to be a plain word"),
    ("a: 1\n---\nb: 2", 2, "several documents"),
    ("a: [1", 1, "is not YAML"),
    ("a:\n\t- 1", 2, "is not YAML"),
    ("[" * 50 + "]" * 50, 1, "nested more than"),
    ("a: \x07", 1, "is not YAML"),
    ("just words", 1, "has to be a mapping"),
    ("- a\n- b", 1, "has to be a mapping"),
]


@pytest.mark.parametrize(("text", "line", "words"), NOT_PLAIN)
def test_only_plain_yaml_is_read(text: str, line: int, words: str) -> None:
    found = faults(files(more=text))
    where = [f"more.yaml:{number}: " for number in (line, line + 1)] + ["more.yaml: "]
    assert [fault for fault in found if fault.startswith(tuple(where)) and words in fault], found


def test_a_huge_file_is_not_even_read() -> None:
    assert "larger than" in faults(files(more="#" * 2_000_001))[0]


def test_all_faults_of_all_files_are_named_at_once() -> None:
    found = faults(
        files(
            stages=STAGES.replace("quorum: 1", "quorum: 0"),
            catalogue=CATALOGUE.replace("10.20.1.4", "nowhere").replace("protocol: tcp", "protocol: sctp"),
            rules=RULES.replace("2h", "soon"),
        )
    )
    assert [fault.split(" ")[0] for fault in found] == [
        "catalogue.yaml:14:",
        "catalogue.yaml:15:",
        "rules.yaml:5:",
        "stages.yaml:14:",
    ]


def test_one_mistake_is_one_fault() -> None:
    assert len(faults(files(catalogue=CATALOGUE.replace('[22, "8000-8010"]', "22")))) == 1


@pytest.mark.parametrize(
    "texts", [{}, {"stages.yaml": STAGES}, {"rules.yaml": ""}, files(rules="# none yet\n")]
)
def test_a_policy_without_rules_is_no_policy(texts: dict[str, str]) -> None:
    assert "no file states any rules" in faults(texts)[0]


def test_names_are_unique_over_all_files() -> None:
    found = faults({**files(), "sixth.yaml": RULES, "other.yaml": CATALOGUE})
    assert any(
        "sixth.yaml:2: rule engineers: name: “engineers” is declared twice" in fault for fault in found
    )
    assert any("other.yaml:2: resource web-01: key: “web-01” is declared twice" in fault for fault in found)
    assert any("other.yaml:10: entitlement web-01-ssh: key: stands here twice" in fault for fault in found)


def test_stages_stand_in_one_file_because_their_order_counts() -> None:
    found = faults({**files(), "more.yaml": "stages:\n  - {name: board, approvers: owner}\n"})
    assert found == ["stages.yaml:4: the file: stages: stands in another file already; keep it in one"]


def test_a_rule_may_name_what_only_the_admin_keeps_when_that_is_declared() -> None:
    wanted = RULES.replace("tags: [ssh]", "tags: [handmade]")
    assert "handmade" in faults(files(rules=wanted))[0]
    assert policy(rules=wanted + "known: {tags: [handmade]}\n").rules[0].target.tags == {"handmade"}


def test_more_than_a_day_has_to_be_meant() -> None:
    long = RULES.replace("max_duration: 2h", "max_duration: 36h\n    longer_than_a_day: true")
    assert policy(rules=long).rules[0].max_duration == timedelta(hours=36)


def test_no_stage_at_all_has_to_be_meant() -> None:
    auto = RULES.replace("stages: [manager, security]", "auto_approve: true")
    assert policy(rules=auto).rules[0].stages == ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{private_networks: [81.2.69.0/24]}", "not a private network"),
        ("{private_networks: [10.0.0.0/4]}", "has host bits set"),
        ("{private_networks: [0.0.0.0/0]}", "not a private network"),
        ("{private_networks: [100.64.0.0/10]}", "not a private network"),
        ("{min_prefix_v4: 8}", "from 16 to 32"),
        ("{min_prefix_v6: 0}", "from 48 to 128"),
        ("{own_address_only: maybe}", "true or false"),
        ("{networks: [10.0.0.0/8]}", "not known here"),
    ],
)
def test_the_source_rule_cannot_open_the_internet(source: str, words: str) -> None:
    found = faults(files(rules=RULES + f"source: {source}\n"))
    assert [fault for fault in found if fault.startswith("rules.yaml:7: ") and words in fault], found


def loads_or_says_why(texts: dict[str, str]) -> bool:
    try:
        return bool(load(texts).rules)
    except PolicyFaults as found:
        return bool(found.faults)


SCRAPS = st.sampled_from(
    [
        "rules",
        "stages",
        "groups",
        "resources",
        ":",
        " ",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&a",
        "*a",
        "!!x",
        "'",
        '"',
        "#",
    ]
)


@settings(max_examples=200)
@given(st.lists(st.one_of(SCRAPS, st.text(max_size=5)), max_size=30).map("".join))
def test_whatever_stands_in_a_file_it_loads_or_says_what_is_wrong(text: str) -> None:
    assert loads_or_says_why(files(more=text))


@settings(max_examples=150)
@given(
    st.sampled_from(["stages", "catalogue", "rules"]),
    st.integers(0, 400),
    st.integers(0, 60),
    st.text(max_size=4),
)
def test_a_damaged_file_never_ends_in_a_stack_trace(name: str, start: int, length: int, put: str) -> None:
    texts = files()
    text = texts[f"{name}.yaml"]
    texts[f"{name}.yaml"] = text[:start] + put + text[start + length :]
    assert loads_or_says_why(texts)
