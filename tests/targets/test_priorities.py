"""Free priorities, and whether the rule in Azure is the rule that was wanted."""

from __future__ import annotations

from typing import Any

import pytest

from requests_app.targets.base import TargetError
from requests_app.targets.priorities import difference, matches, next_free
from tests.targets.examples import a_group, a_rule, a_spec, foreign

BAND = range(200, 1000)


def test_the_lowest_free_number_is_taken() -> None:
    assert next_free(a_group(), BAND) == 200
    assert next_free(a_group(foreign("a", 200), foreign("b", 202)), BAND) == 201


def test_promised_numbers_are_not_given_twice() -> None:
    assert next_free(a_group(foreign("a", 200)), BAND, taken={201, 202}) == 203


def test_an_outbound_rule_holds_no_inbound_number() -> None:
    assert next_free(a_group(foreign("a", 200, direction="Outbound")), BAND) == 200
    assert next_free(a_group(foreign("a", 200)), BAND, direction="Outbound") == 200


def test_defenders_numbers_are_left_alone() -> None:
    assert next_free(a_group(), range(100, 200)) == 111


def test_a_full_band_is_refused_in_words() -> None:
    group = a_group(foreign("a", 200), foreign("b", 201))
    with pytest.raises(TargetError, match="every priority from 200 to 201 in nsg-prod-web") as caught:
        next_free(group, range(200, 202))
    assert caught.value.kind == "full"
    assert caught.value.certain
    assert "no room for one more rule in nsg-prod-web" in caught.value.sentence()


def test_a_group_of_a_thousand_rules_is_full() -> None:
    outbound = [foreign(f"r{n}", 1000 + n, direction="Outbound") for n in range(1000)]
    with pytest.raises(TargetError, match="1000 rules"):
        next_free(a_group(*outbound), BAND)


@pytest.mark.parametrize("band", [range(0), range(99, 120), range(4000, 4098)])
def test_a_band_azure_does_not_have_is_refused(band: range) -> None:
    with pytest.raises(ValueError, match="band"):
        next_free(a_group(), band)


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ({}, {}),
        ({}, {"protocol": "Tcp", "sources": ("81.2.69.142",), "destinations": ("10.20.1.4/32",)}),
        ({}, {"direction": "inbound", "access": "ALLOW"}),
        ({"ports": ("22", "443")}, {"ports": ("443", "22")}),
        ({"ports": ("22",)}, {"ports": ("22-22",)}),
        ({"source": "2a02:6b8::1"}, {"sources": ("2a02:06b8:0::1/128",)}),
        ({}, {"source_ports": ("0-65535",)}),
        ({}, {"etag": "x", "provisioning_state": "Updating"}),
    ],
)
def test_spelling_makes_no_difference(spec: dict[str, Any], rule: dict[str, Any]) -> None:
    assert difference(a_spec(**spec), a_rule(**rule)) == []
    assert matches(a_spec(**spec), a_rule(**rule))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"priority": 201}, "priority is 201, not 200"),
        ({"access": "Deny"}, "access is deny, not allow"),
        ({"direction": "Outbound"}, "direction is outbound, not inbound"),
        ({"protocol": "*"}, "protocol is *, not tcp"),
        ({"sources": ("*",)}, "source is *, not 81.2.69.142"),
        ({"sources": ("0.0.0.0/0",)}, "source is *, not 81.2.69.142"),
        ({"sources": ("81.2.69.142", "5.6.7.8")}, "source is 5.6.7.8, 81.2.69.142, not 81.2.69.142"),
        ({"sources": ()}, "source is nothing, not 81.2.69.142"),
        ({"sources": ("81.2.69.0/24",)}, "source is 81.2.69.0/24, not 81.2.69.142"),
        ({"destinations": ("10.20.1.0/24",)}, "destination is 10.20.1.0/24, not 10.20.1.4"),
        ({"ports": ("22", "23")}, "ports is 22, 23, not 22"),
        ({"source_ports": ("1024-65535",)}, "source ports is 1024-65535, not *"),
    ],
)
def test_every_change_by_another_hand_is_seen(changes: dict[str, Any], words: str) -> None:
    assert difference(a_spec(), a_rule(**changes)) == [words]


def test_a_changed_end_is_a_difference() -> None:
    assert not matches(a_spec(), a_rule(description="latch end=2030-01-01T00:00:00Z"))
    assert difference(a_spec(), a_rule(description=""))[0].startswith("description is empty, not latch end=")
