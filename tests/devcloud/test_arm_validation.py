"""The tables of what Azure takes and refuses in a rule."""

from typing import Any

import pytest

from latchportal.devcloud import validation
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.nsg import Rule
from tests.devcloud.conftest import rule_body

BAD_PREFIX = "SecurityRuleInvalidAddressPrefix"
UNSUPPORTED = "SecurityRuleParameterContainsUnsupportedValue"
BAD_PORT = "SecurityRuleInvalidPortRange"
FORMAT = "InvalidRequestFormat"


def refusal(changes: dict[str, Any]) -> str:
    with pytest.raises(ArmError) as caught:
        validation.rule_properties("/id", rule_body(**changes))
    assert caught.value.status == 400
    return caught.value.code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"priority": 4097}, "SecurityRuleInvalidPriority"),
        ({"priority": None}, "SecurityRuleInvalidPriority"),
        ({"priority": "210"}, FORMAT),
        ({"priority": True}, FORMAT),
        ({"protocol": "Sctp"}, "SecurityRuleInvalidProtocol"),
        ({"protocol": None}, FORMAT),
        ({"access": "Maybe"}, FORMAT),
        ({"direction": None}, FORMAT),
        ({"colour": "blue"}, FORMAT),
        ({"sourceAddressPrefixes": "1.2.3.4"}, FORMAT),
        ({"description": "x" * 141}, "SecurityRuleInvalidDescription"),
        ({"sourceAddressPrefix": "50.206.209.68/27"}, BAD_PREFIX),
        ({"sourceAddressPrefix": "1.2.3.4/33"}, BAD_PREFIX),
        ({"sourceAddressPrefix": "1.2.3.4,1.2.3.5"}, BAD_PREFIX),
        ({"sourceAddressPrefix": "NoSuchTag"}, BAD_PREFIX),
        ({"sourceAddressPrefix": "99999999999"}, BAD_PREFIX),
        ({"sourceAddressPrefix": "2001:db8::1"}, BAD_PREFIX),
        ({"sourceAddressPrefix": None, "sourceAddressPrefixes": ["Internet"]}, UNSUPPORTED),
        ({"sourceAddressPrefix": None, "sourceAddressPrefixes": ["*"]}, UNSUPPORTED),
        ({"sourceAddressPrefix": None, "sourceAddressPrefixes": ["1.2.3.300"]}, BAD_PREFIX),
        ({"sourceAddressPrefix": None}, "SecurityRuleParametersNotSpecified"),
        ({"sourceAddressPrefixes": ["1.2.3.4"]}, "SecurityRuleParametersCannotBeSpecifiedTogether"),
        ({"destinationPortRange": "65536"}, BAD_PORT),
        ({"destinationPortRange": "30-20"}, BAD_PORT),
        ({"destinationPortRange": "22,80"}, BAD_PORT),
        ({"destinationPortRange": "ssh"}, BAD_PORT),
        ({"destinationPortRange": None, "destinationPortRanges": ["22", "x"]}, BAD_PORT),
    ],
)
def test_a_rule_azure_refuses_is_refused_with_azures_code(changes: dict[str, Any], code: str) -> None:
    assert refusal(changes) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 100},
        {"priority": 4096},
        {"description": "x" * 140},
        {"sourceAddressPrefix": "*"},
        {"sourceAddressPrefix": "Internet"},
        {"sourceAddressPrefix": "Storage.WestEurope"},
        {"sourceAddressPrefix": "50.206.209.64/27"},
        {"sourceAddressPrefix": "789", "destinationAddressPrefix": "1234"},
        {"sourceAddressPrefix": "111", "destinationAddressPrefix": "111"},
        {"sourceAddressPrefix": "2001:db8::/64", "destinationAddressPrefix": "*"},
        {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["1.2.3.4", "5.6.7.0/24"]},
        {"destinationPortRange": "0"},
        {"destinationPortRange": "1024-65535"},
        {"destinationPortRange": None, "destinationPortRanges": ["22", "80-90"]},
        {"description": None},
    ],
)
def test_a_rule_azure_takes_is_taken(changes: dict[str, Any]) -> None:
    assert validation.rule_properties("/id", rule_body(**changes))["access"] == "Allow"


def test_words_are_taken_in_any_case_and_kept_in_azures() -> None:
    made = validation.rule_properties("/id", rule_body(protocol="TCP", access="allow", direction="INBOUND"))
    assert (made["protocol"], made["access"], made["direction"]) == ("Tcp", "Allow", "Inbound")


@pytest.mark.parametrize("body", [None, [], "x", {}, {"properties": []}, {"props": {}}])
def test_a_body_of_the_wrong_shape_cannot_be_parsed(body: object) -> None:
    with pytest.raises(ArmError) as caught:
        validation.rule_properties("/id", body)
    assert caught.value.code == FORMAT


@pytest.mark.parametrize("name", ["a", "latch-demo-1", "A.b_c-d_", "a" * 80, "9x"])
def test_a_good_name_is_taken(name: str) -> None:
    validation.check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "_a", "a-", "a.", "a b", "a" * 81, "ä", "a/b", "a\n"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(ArmError) as caught:
        validation.check_name(name)
    assert caught.value.code == "InvalidResourceName"


def rule(name: str, priority: int, direction: str = "Inbound") -> Rule:
    return Rule(name, {"priority": priority, "direction": direction})


def test_same_priority_and_direction_conflict() -> None:
    with pytest.raises(ArmError) as caught:
        validation.check_in_group(rule("new", 200), [rule("old", 200)])
    assert caught.value.code == "SecurityRuleConflict"
    assert "new conflicts with rule old" in caught.value.message


def test_same_priority_in_the_other_direction_is_fine() -> None:
    validation.check_in_group(rule("new", 200), [rule("old", 200, "Outbound")])


def test_a_rule_does_not_conflict_with_itself() -> None:
    validation.check_in_group(rule("NEW", 200), [rule("new", 200)])


def test_the_name_of_a_default_rule_conflicts() -> None:
    with pytest.raises(ArmError) as caught:
        validation.check_in_group(rule("denyalloutbound", 200), [])
    assert caught.value.code == "SecurityRuleConflict"


def test_the_thousand_and_first_rule_is_refused_and_replacing_one_is_not() -> None:
    full = [rule(f"r{number}", 100 + number) for number in range(1000)]
    validation.check_in_group(rule("r5", 4000), full)
    with pytest.raises(ArmError) as caught:
        validation.check_in_group(rule("one-more", 4000), full)
    assert caught.value.code == "SecurityRuleCountLimitReached"
