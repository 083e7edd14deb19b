"""What Azure refuses in a security rule or an NSG, and with which code. Pure: data in, data out or ArmError.

Codes seen in real answers: SecurityRuleConflict, InvalidResourceName, SecurityRuleInvalidAddressPrefix,
SecurityRuleInvalidPortRange, SecurityRuleInvalidPriority, SecurityRuleParameterContainsUnsupportedValue,
InvalidRequestFormat, SecurityRuleCountLimitReached. The rest are our best knowledge of the names.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from latchportal.devcloud import prefixes
from latchportal.devcloud.errors import ArmError, cannot_parse
from latchportal.devcloud.nsg import DEFAULT_RULES, PLURALS, Rule

MAX_RULES = 1000
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?$")
_TEXTS = (
    "description",
    "protocol",
    "sourcePortRange",
    "destinationPortRange",
    "sourceAddressPrefix",
    "destinationAddressPrefix",
    "access",
    "direction",
)
_GROUPS = ("sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups")
_READ_ONLY = ("provisioningState", "resourceGuid", "defaultSecurityRules", "networkInterfaces", "subnets")
_PROTOCOLS = {name.lower(): name for name in ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*")}
_ACCESS = {"allow": "Allow", "deny": "Deny"}
_DIRECTION = {"inbound": "Inbound", "outbound": "Outbound"}


def bad(code: str, message: str) -> ArmError:
    return ArmError(400, code, message)


def check_name(name: str) -> None:
    """Refuses a resource name Azure would not take."""
    if not _NAME.fullmatch(name):
        raise bad(
            "InvalidResourceName",
            f"Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with "
            "a word character, and it must end with a word character or with '_'. The name may contain word "
            "characters or '.', '-', '_'.",
        )


def rule_properties(resource_id: str, body: object) -> dict[str, Any]:
    """The properties of a rule in Azure's spelling. Raises ArmError for what one rule alone can get wrong."""
    given = _properties(body, ("name", "id", "type", "etag", "properties", "location", "tags"))
    known = (*_TEXTS, *PLURALS, *_GROUPS, "priority", *_READ_ONLY)
    _check_shape(given, known)
    properties = {key: value for key, value in given.items() if key not in _READ_ONLY and value is not None}
    properties["protocol"] = _protocol(properties)
    properties["access"] = _choice(properties, "access", _ACCESS)
    properties["direction"] = _choice(properties, "direction", _DIRECTION)
    _check_description(properties)
    _check_priority(properties)
    for side in ("source", "destination"):
        _check_ports(resource_id, properties, side)
        _check_addresses(resource_id, properties, side)
    _check_families(resource_id, properties)
    return properties


def check_in_group(rule: Rule, others: Iterable[Rule]) -> None:
    """Refuses a rule that cannot stand beside the others of its group."""
    rest = [other for other in others if other.name.lower() != rule.name.lower()]
    for default in DEFAULT_RULES:
        if default.name.lower() == rule.name.lower():
            raise _conflict(rule, default)
    for other in rest:
        if _place(other) == _place(rule):
            raise _conflict(rule, other)
    if len(rest) >= MAX_RULES:
        raise bad(
            "SecurityRuleCountLimitReached",
            f"A security group cannot have more than {MAX_RULES} security rules.",
        )


def nsg_properties(body: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """The (top level, properties) of an NSG body. Raises ArmError when its shape or location is wrong."""
    properties = _properties(
        body, ("name", "id", "type", "etag", "properties", "location", "tags"), required=False
    )
    known = ("securityRules", "flushConnection", *_READ_ONLY)
    for key in properties:
        if key not in known:
            raise cannot_parse(f"Could not find member '{key}' on object of type 'NetworkSecurityGroup'.")
    if not isinstance(properties.get("securityRules") or [], list):
        raise cannot_parse("Path 'properties.securityRules' must be an array.")
    if not isinstance(properties.get("flushConnection"), bool | None):
        raise cannot_parse("Path 'properties.flushConnection' must be a boolean.")
    top = dict(body) if isinstance(body, Mapping) else {}
    if not isinstance(top.get("location"), str) or not top["location"]:
        raise bad("LocationRequired", "The location property is required for this definition.")
    if not isinstance(top.get("tags") or {}, dict):
        raise cannot_parse("Path 'tags' must be an object.")
    return top, properties


def _properties(body: object, allowed: tuple[str, ...], *, required: bool = True) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        raise cannot_parse("The request body must be a JSON object.")
    for key in body:
        if key not in allowed:
            raise cannot_parse(f"Could not find member '{key}' on the resource.")
    properties = body.get("properties")
    if properties is None and not required:
        return {}
    if not isinstance(properties, Mapping):
        raise cannot_parse("The member 'properties' must be an object.")
    return dict(properties)


def _check_shape(properties: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key, value in properties.items():
        if key not in known:
            raise cannot_parse(f"Could not find member '{key}' on object of type 'SecurityRule'.")
        if value is None:
            continue
        if key in _TEXTS and not isinstance(value, str):
            raise cannot_parse(f"Path 'properties.{key}' must be a string.")
        if key in PLURALS and not _is_texts(value):
            raise cannot_parse(f"Path 'properties.{key}' must be an array of strings.")
        if key in _GROUPS and not _is_references(value):
            raise cannot_parse(f"Path 'properties.{key}' must be an array of references.")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_references(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and "id" in one for one in value)


def _protocol(properties: Mapping[str, Any]) -> str:
    value = properties.get("protocol")
    if value is None:
        raise cannot_parse("Required property 'protocol' not found in JSON. Path 'properties'.")
    if str(value).lower() not in _PROTOCOLS:
        raise bad(
            "SecurityRuleInvalidProtocol",
            f"Security rule has invalid Protocol. Value provided: {value}. Allowed values: "
            "Tcp, Udp, Icmp, Esp, Ah, *.",
        )
    return _PROTOCOLS[str(value).lower()]


def _choice(properties: Mapping[str, Any], key: str, values: Mapping[str, str]) -> str:
    value = properties.get(key)
    if value is None:
        raise cannot_parse(f"Required property '{key}' not found in JSON. Path 'properties'.")
    if str(value).lower() not in values:
        raise cannot_parse(f"Error converting value \"{value}\". Path 'properties.{key}'.")
    return values[str(value).lower()]


def _check_description(properties: Mapping[str, Any]) -> None:
    text = properties.get("description", "")
    if len(text) > 140:
        raise bad(
            "SecurityRuleInvalidDescription",
            f"Security rule has invalid Description. It has {len(text)} characters. Allowed length 0-140.",
        )


def _check_priority(properties: Mapping[str, Any]) -> None:
    value = properties.get("priority")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise cannot_parse("Path 'properties.priority' must be an integer.")
    if value is None or not 100 <= value <= 4096:
        raise bad(
            "SecurityRuleInvalidPriority",
            f"Security rule has invalid Priority. Value provided: {value or 0} Allowed range 100-4096.",
        )


def _check_ports(resource_id: str, properties: Mapping[str, Any], side: str) -> None:
    single, many = properties.get(f"{side}PortRange", ""), properties.get(f"{side}PortRanges") or []
    _check_one_of(
        resource_id, side.capitalize(), "PortRange", {f"{side}PortRange": single, f"{side}PortRanges": many}
    )
    if "*" in many:
        raise _unsupported(resource_id, f"{side.capitalize()}PortRanges", "*")
    for value in [single, *many] if single else many:
        if value != "*" and not prefixes.is_ports(value):
            raise bad(
                "SecurityRuleInvalidPortRange",
                f"Security rule has invalid Port range. Value provided: {value}. Value should be an integer "
                "OR integer range with '-' delimiter. Valid range 0-65535.",
            )


def _check_addresses(resource_id: str, properties: Mapping[str, Any], side: str) -> None:
    single, many = properties.get(f"{side}AddressPrefix", ""), properties.get(f"{side}AddressPrefixes") or []
    groups = properties.get(f"{side}ApplicationSecurityGroups") or []
    named = {f"{side}AddressPrefix": single, f"{side}AddressPrefixes": many, f"{side}Groups": groups}
    _check_one_of(resource_id, side.capitalize(), "AddressPrefix", named)
    for value in many:
        if value == "*" or prefixes.is_tag(value):
            raise _unsupported(resource_id, f"{side.capitalize()}AddressPrefixes", value)
        if not prefixes.is_address(value):
            raise _bad_prefix(resource_id, value)
    if single and single != "*" and not prefixes.is_tag(single) and not prefixes.is_address(single):
        raise _bad_prefix(resource_id, single)


def _check_families(resource_id: str, properties: Mapping[str, Any]) -> None:
    """IPv4 and IPv6 do not mix in one rule."""
    values = [
        value
        for side in ("source", "destination")
        for value in [
            properties.get(f"{side}AddressPrefix", ""),
            *properties.get(f"{side}AddressPrefixes", []),
        ]
    ]
    families = {found: value for value in values if (found := prefixes.family(value))}
    if len(families) > 1:
        raise _bad_prefix(resource_id, ", ".join(families.values()))


def _check_one_of(resource_id: str, side: str, what: str, named: Mapping[str, Any]) -> None:
    given = [name for name, value in named.items() if value]
    if not given:
        raise bad(
            "SecurityRuleParametersNotSpecified",
            f"Required security rule parameters are missing for security rule with Id: {resource_id}. "
            f"Security rule must specify {side}{what} or its plural.",
        )
    if len(given) > 1:
        raise bad(
            "SecurityRuleParametersCannotBeSpecifiedTogether",
            f"Security rule {resource_id} cannot specify {' and '.join(given)} at the same time.",
        )


def _bad_prefix(resource_id: str, value: str) -> ArmError:
    return bad(
        "SecurityRuleInvalidAddressPrefix",
        f"Security rule {resource_id} has invalid Address prefix. Value provided: {value}",
    )


def _unsupported(resource_id: str, parameter: str, value: str) -> ArmError:
    return bad(
        "SecurityRuleParameterContainsUnsupportedValue",
        f"Security rule parameter {parameter} for rule with Id {resource_id} cannot specify existing "
        f"VIRTUALNETWORK, INTERNET, AZURELOADBALANCER, '*' or system tags. Unsupported value used: {value}.",
    )


def _conflict(one: Rule, other: Rule) -> ArmError:
    return bad(
        "SecurityRuleConflict",
        f"Security rule {one.name} conflicts with rule {other.name}. Rules cannot have the same Priority and "
        "Direction. To learn more, see aka.ms/nsgrules.",
    )


def _place(rule: Rule) -> tuple[Any, Any]:
    return rule.properties["direction"], rule.properties["priority"]
