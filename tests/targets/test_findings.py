"""What else in a group bears on an opening, told before it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from requests_app.targets.base import RuleState
from requests_app.targets.findings import covers, findings
from tests.targets.examples import DENY_ALL, a_group, a_rule, a_spec, foreign

JIT = "SecurityCenter-JITRule_-1108204113_B0E5A0F1C2D34E5F8A9B0C1D2E3F4A5B"


def kinds(*rules: RuleState, **changes: Any) -> list[str]:
    return [finding.kind for finding in findings(a_group(*rules, **changes), a_spec())]


def test_a_clean_group_says_only_that_sessions_stay() -> None:
    assert kinds(foreign("allow-https", 300, ports=("443",))) == ["sessions_stay"]


def test_flush_connection_is_said_instead() -> None:
    assert kinds(flush_connection=True) == ["sessions_end"]


def test_our_own_rule_is_no_finding() -> None:
    assert kinds(a_rule()) == ["sessions_stay"]


def test_another_opening_is_no_standing_way_in() -> None:
    other = a_rule(name="latch-test-0123456789ab-0", priority=201)
    assert kinds(other) == ["sessions_stay"]
    assert kinds(replace(other, description="for ever"))[0] == "already_open"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ports": ("20-30",)},
        {"sources": ("81.2.0.0/16",), "protocol": "tcp"},
        {"sources": ("Internet",)},
        {"destinations": ("10.99.0.0/16", "10.20.0.0/16")},
    ],
)
def test_a_foreign_allow_that_already_opens_it_is_named(changes: dict[str, Any]) -> None:
    found = findings(a_group(foreign("allow-ssh", 300, **changes)), a_spec())
    assert [finding.kind for finding in found] == ["already_open", "sessions_stay"]
    assert "allow-ssh (300)" in found[0].sentence


def test_an_allow_under_a_deny_opens_nothing() -> None:
    assert kinds(foreign("deny", 300, "Deny"), foreign("allow", 400)) == ["sessions_stay"]


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": ("VirtualNetwork",)},
        {"sources": ("5.6.7.8",)},
        {"destinations": ("10.20.1.5",)},
        {"protocol": "Udp"},
        {"ports": ("23-80",)},
        {"direction": "Outbound"},
    ],
)
def test_an_allow_about_something_else_is_no_finding(changes: dict[str, Any]) -> None:
    assert kinds(foreign("other", 300, **changes)) == ["sessions_stay"]


def test_a_deny_before_our_rule_is_grave() -> None:
    found = findings(a_group(foreign("deny-ssh", 150, "Deny", ports=("22",))), a_spec())
    assert (found[0].kind, found[0].severity) == ("beaten", "danger")
    assert "deny-ssh (150) denies all" in found[0].sentence


def test_a_deny_of_a_part_is_a_warning() -> None:
    spec = a_spec(ports=("22", "443"))
    found = findings(a_group(foreign("deny-ssh", 150, "Deny", ports=("22",))), spec)
    assert (found[0].kind, found[0].severity) == ("beaten", "warning")


def test_a_deny_that_may_apply_counts_as_a_part() -> None:
    assert kinds(foreign("deny-tag", 150, "Deny", sources=("AzureCloud",)))[0] == "beaten"


def test_a_deny_after_our_rule_does_not_beat_it() -> None:
    assert kinds(foreign("deny-all-ssh", 4000, "Deny", ports=("22",))) == ["sessions_stay"]


def test_no_deny_beneath_is_said_unless_the_default_rule_denies() -> None:
    assert kinds(default_rules=()) == ["no_deny", "sessions_stay"]
    assert kinds(default_rules=(DENY_ALL,)) == ["sessions_stay"]
    assert kinds(foreign("deny-all-ssh", 4000, "Deny", ports=("22",)), default_rules=()) == ["sessions_stay"]


def test_defenders_rules_for_the_same_machine_are_said() -> None:
    assert (
        kinds(foreign(JIT, 1000, "Deny", destinations=("10.20.1.4",), ports=("22", "3389")))[0] == "defender"
    )
    assert kinds(foreign(JIT, 1000, "Deny", destinations=("10.20.1.9",))) == ["sessions_stay"]


def test_a_group_on_subnet_and_card_is_said() -> None:
    assert kinds(subnets=("/s/1",), nics=("/n/1",)) == ["subnet_and_nic", "sessions_stay"]
    assert kinds(subnets=("/s/1",)) == ["sessions_stay"]


@pytest.mark.parametrize(
    ("ports", "held", "overlap"),
    [
        (("22",), ("22",), "all"),
        (("20-30",), ("20-25", "26-30"), "all"),
        (("20-30",), ("20-25", "27-30"), "some"),
        (("22", "443"), ("443",), "some"),
        (("22",), ("23",), "none"),
        (("22",), ("0-65535",), "all"),
    ],
)
def test_ports_are_compared_as_numbers(ports: tuple[str, ...], held: tuple[str, ...], overlap: str) -> None:
    assert covers(foreign("x", 300, ports=held), a_spec(ports=ports)) == overlap


def test_an_address_of_the_other_family_is_not_covered() -> None:
    assert covers(foreign("x", 300, sources=("2001:db8::/32",)), a_spec()) == "none"
