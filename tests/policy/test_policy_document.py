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


# What is replaced in which file, the line the fault must name, and words it must say.
BROKEN = [
    ("stages", f"engineering: {ENGINEERING}", "engineering: engineers", 2, "not an object id"),
    ("stages", "quorum: 1", "quorum: 0", 14, "whole number from 1"),
    ("stages", "quorum: 1", "quorum: -1", 14, "whole number from 1"),
    ("stages", "quorum: 1", "quorum: true", 14, "whole number from 1"),
    ("stages", "quorum: 1", 'quorum: "1"', 14, "whole number from 1"),
    ("stages", "quorum: 1", "quorums: 1", 14, "did you mean “quorum”?"),
    ("stages", "{group: security}", "{group: secrity}", 13, "did you mean “security”?"),
    ("stages", "{group: security}", "{groups: security}", 13, "did you mean “group”?"),
    ("stages", "{group: security}", "security", 13, "can be manager, owner or {group: name}"),
    ("stages", "{group: security}", "[security]", 13, "has to be text"),
    ("stages", "approvers: manager", "approvers: manager\n    quorum: 2", 8, "only one manager"),
    ("stages", "  - name: owner", "  - name: manager", 8, "declared twice"),
    ("stages", "  - name: owner\n", "  - titel: x\n", 8, "not known here"),
    ("stages", "lapse_after: 24h", "lapse_after: 31d", 15, "more than the 30 d"),
    ("stages", "lapse_after: 24h", "lapse_after: 0h", 15, "no time at all"),
    ("stages", "stages:", "stage:", 4, "did you mean “stages”?"),
    ("stages", "stages:", "groups:", 4, "stands here twice (first in line 1)"),
    ("rules", "rules:", "rule:", 1, "did you mean “rules”?"),
    ("rules", "name: engineers", "name:", 2, "has to be text"),
    (
        "rules",
        "name: engineers",
        "name: engineers\n    name: again",
        3,
        "stands here twice (first in line 2)",
    ),
    ("rules", "{groups: [engineering]}", "{groups: [enginering]}", 3, "did you mean “engineering”?"),
    ("rules", "{groups: [engineering]}", "{groups: engineering}", 3, "has to be a list"),
    ("rules", "{groups: [engineering]}", "{groups: []}", 3, "empty list"),
    ("rules", "{groups: [engineering]}", "{group: [engineering]}", 3, "did you mean “groups”?"),
    ("rules", "{groups: [engineering]}", "{people: [ada]}", 3, "not an object id"),
    ("rules", "{groups: [engineering]}", "{anyone: false}", 3, "names nobody"),
    ("rules", "{groups: [engineering]}", "{anyone: yes}", 3, "true or false"),
    ("rules", "{groups: [engineering]}", "{anyone: true, groups: [engineering]}", 3, "at once"),
    ("rules", "{groups: [engineering]}", "engineering", 3, "has to be a mapping"),
    ("rules", "    for: {groups: [engineering]}\n", "", 2, "for: is missing"),
    ("rules", "{tags: [ssh]}", "{tags: [shs]}", 4, "did you mean “ssh”?"),
    ("rules", "{tags: [ssh]}", "{keys: [web-1-ssh]}", 4, "did you mean “web-01-ssh”?"),
    ("rules", "{tags: [ssh]}", "{environments: [prodution]}", 4, "did you mean “production”?"),
    ("rules", "{tags: [ssh]}", "{resources: [web01]}", 4, "did you mean “web-01”?"),
    ("rules", "{tags: [ssh]}", "{kinds: [asg]}", 4, "did you mean “nsg”?"),
    ("rules", "{tags: [ssh]}", "{}", 4, "names nothing"),
    ("rules", "{tags: [ssh]}", "{tag: [ssh]}", 4, "did you mean “tags”?"),
    ("rules", "    entitlements: {tags: [ssh]}\n", "", 2, "entitlements: is missing"),
    ("rules", "{tags: [ssh]}", "{tags: [ssh, ssh]}", 4, "named twice"),
    ("rules", "max_duration: 2h", "max_duration: 2 hours", 5, "is not a duration"),
    ("rules", "max_duration: 2h", "max_duration: 0m", 5, "no time at all"),
    ("rules", "max_duration: 2h", "max_duration: 30", 5, "is not a duration"),
    ("rules", "max_duration: 2h", "max_duration: 25h", 5, "more than the 1 d"),
    ("rules", "max_duration: 2h", "max_duration: 31d\n    longer_than_a_day: true", 5, "more than the 30 d"),
    ("rules", "    max_duration: 2h\n", "", 2, "max_duration: is missing"),
    ("rules", "max_duration: 2h", "max_duratoin: 2h", 5, "did you mean “max_duration”?"),
    ("rules", "max_duration: 2h", "max_duration: 2h\n    activate_within: 2d", 6, "more than the 1 d"),
    ("rules", "[manager, security]", "[manger]", 6, "did you mean “manager”?"),
    ("rules", "[manager, security]", "[]", 6, "empty list"),
    ("rules", "    stages: [manager, security]\n", "", 2, "auto_approve: true"),
    ("rules", "    stages: [manager, security]\n", "    auto_approve: false\n", 2, "names no stage"),
    ("rules", "stages: [m", "auto_approve: true\n    stages: [m", 6, "cannot stand beside stages"),
    ("rules", "stages: [m", "conditions: reason\n    stages: [m", 6, "has to be a list"),
    ("rules", "stages: [m", "conditions: [reason]\n    stages: [m", 6, "one word with what it asks for"),
    ("rules", "stages: [m", "conditions: [{tickt: {}}]\n    stages: [m", 6, "did you mean “ticket”?"),
    ("rules", "stages: [m", "conditions: [{ticket: {}}]\n    stages: [m", 6, "pattern: is missing"),
    (
        "rules",
        "stages: [m",
        "conditions: [{ticket: {pattern: '('}}]\n    stages: [m",
        6,
        "regular expression",
    ),
    (
        "rules",
        "stages: [m",
        "conditions: [{ticket: {pattern: A, example: B}}]\n    stages: [m",
        6,
        "does not fit",
    ),
    ("rules", "stages: [m", "conditions: [{reason: {min_length: 0}}]\n    stages: [m", 6, "from 1 to 500"),
    ("rules", "stages: [m", "conditions: [{reason: {min: 3}}]\n    stages: [m", 6, "not known here"),
    ("rules", "stages: [m", "conditions: [{guests: allowed}]\n    stages: [m", 6, "can only be “refused”"),
    ("rules", "stages: [m", "conditions: [{source: {networks: [x]}}]\n    stages: [m", 6, "networks:"),
    ("rules", "stages: [m", "conditions: [{source: {}}]\n    stages: [m", 6, "names no network"),
    (
        "rules",
        "stages: [m",
        "conditions: [{hours: {from: 8:00, to: 18:00}}]\n    stages: [m",
        6,
        "not a time of day",
    ),
    (
        "rules",
        "stages: [m",
        "conditions: [{hours: {from: 08:00, to: 24:00}}]\n    stages: [m",
        6,
        "not a time of day",
    ),
    (
        "rules",
        "stages: [m",
        "conditions: [{hours: {from: 08:00, to: 08:00}}]\n    stages: [m",
        6,
        "the same time",
    ),
    (
        "rules",
        "stages: [m",
        "conditions: [{hours: {from: 08:00, to: 09:00, days: [monday]}}]\n    stages: [m",
        6,
        "did you mean “mon”?",
    ),
    (
        "rules",
        "stages: [m",
        "conditions: [{hours: {from: 08:00, to: 09:00, timezone: Mars/Base}}]\n    stages: [m",
        6,
        "not a time zone",
    ),
    (
        "rules",
        "stages: [m",
        "conditions: [{hours: {from: 08:00, to: 09:00, timezone: ../etc/passwd}}]\n    stages: [m",
        6,
        "not a time zone",
    ),
    ("catalogue", "key: web-01\n", "key: Web 01\n", 2, "small letters"),
    ("catalogue", "kind: vm", "kind: vn", 4, "known are group"),
    ("catalogue", "kind: vm", "kind: sql_server", 5, "full ARM id of a SQL server"),
    ("catalogue", "    environment: production\n", "", 2, "environment: is missing"),
    ("catalogue", "    owner: ", "    owner: x", 7, "not an object id"),
    ("catalogue", "kind: nsg", "kind: asg", 12, "did you mean “nsg”?"),
    ("catalogue", f"[{NSG}]", "[nsg-web]", 13, "not the full ARM id of a network security group"),
    ("catalogue", f"[{NSG}]", f"[{NSG}/securityRules/x]", 13, "not the full ARM id"),
    ("catalogue", f"[{NSG}]", f"[{NSG}, {NSG.upper()}]", 13, "same network security group twice"),
    ("catalogue", f"[{NSG}]", "[]", 13, "empty list"),
    ("catalogue", "10.20.1.4", "10.20.1.0/24", 14, "not one IP address"),
    ("catalogue", "10.20.1.4", "web-01.internal", 14, "not one IP address"),
    ("catalogue", "10.20.1.4", "0.0.0.0", 14, "no address a machine"),
    ("catalogue", "10.20.1.4", "127.0.0.1", 14, "no address a machine"),
    ("catalogue", "protocol: tcp", "protocol: icmp", 15, "known are"),
    ("catalogue", '[22, "8000-8010"]', "[0]", 16, "outside 1-65535"),
    ("catalogue", '[22, "8000-8010"]', "[65536]", 16, "outside 1-65535"),
    ("catalogue", '[22, "8000-8010"]', '["8010-8000"]', 16, "runs backwards"),
    ("catalogue", '[22, "8000-8010"]', '["*"]', 16, "neither a port nor a range"),
    ("catalogue", '[22, "8000-8010"]', "[ssh]", 16, "neither a port nor a range"),
    ("catalogue", '[22, "8000-8010"]', "22", 16, "has to be a list"),
    ("catalogue", '[22, "8000-8010"]', "[{from: 1}]", 16, "list of words"),
    ("catalogue", "host: web-01.example", "host: -oProxyCommand=x", 17, "not a host name"),
    ("catalogue", "host: web-01.example", "host: a;b", 17, "not a host name"),
    ("catalogue", "user: azureuser", 'user: "$(x)"', 17, "not a user name"),
    ("catalogue", "{user}@{host}", "{password}@{host}", 17, "{password} is not known"),
    ("catalogue", "{user}@{host}", "{user.x}@{host}", 17, "not known"),
    ("catalogue", "{user}@{host}", "{user", 17, "cannot be read"),
    ("catalogue", "name: SSH to web-01", 'name: "a\\nb"', 11, "control characters"),
    ("catalogue", "        destination: 10.20.1.4\n", "", 10, "destination: is missing"),
    ("catalogue", "ports: [22", "port: [22", 16, "did you mean “ports”?"),
    ("catalogue", "tags: [ssh]", "tags: [SSH]", 18, "small letters"),
    ("catalogue", "entitlements:", "entitlement:", 9, "did you mean “entitlements”?"),
]


@pytest.mark.parametrize(("name", "old", "new", "line", "words"), BROKEN)
def test_a_fault_is_named_with_its_file_and_line(
    name: str, old: str, new: str, line: int, words: str
) -> None:
    texts = files()
    assert old in texts[f"{name}.yaml"], "the row replaces nothing"
    texts[f"{name}.yaml"] = texts[f"{name}.yaml"].replace(old, new, 1)
    found = faults(texts)
    assert [fault for fault in found if fault.startswith(f"{name}.yaml:{line}: ") and words in fault], found


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
