"""Reads what lies around a group: locks above it, security admin rules of its networks. Writes nothing.

Sources: Microsoft.Authorization/locks 2016-09-01 (a list at a scope holds what lies on it and below);
Microsoft.Network/virtualNetworks/…/listNetworkManagerEffectiveSecurityAdminRules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from requests_app.targets.arm import client
from requests_app.targets.around import Around, Lock
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import ContainerState, RuleState, TargetError
from requests_app.targets.call import arm_call
from requests_app.targets.nsg_json import parse_id

_LOCKS: Final = "/providers/Microsoft.Authorization/locks"
_LOCKS_VERSION: Final = "2016-09-01"
_LOCKS_RIGHT: Final = "Microsoft.Authorization/locks/read"
_ADMIN_RIGHT: Final = "Microsoft.Network/virtualNetworks/listNetworkManagerEffectiveSecurityAdminRules/action"
_MOST_PAGES: Final = 20


def read_around(config: AzureConfig, state: ContainerState, *, correlation_id: str) -> Around:
    """What lies around this group. Raises nothing: what can not be read is unchecked, and says why."""
    locks, locks_unchecked = _locks(config, state.azure_id, correlation_id)
    rules, admin_unchecked = _admin_rules(config, state, correlation_id)
    return Around(locks, locks_unchecked, rules, admin_unchecked)


def _locks(config: AzureConfig, azure_id: str, correlation_id: str) -> tuple[tuple[Lock, ...], str]:
    nsg = parse_id(azure_id)
    subscription = f"/subscriptions/{nsg.subscription}"
    scopes = (subscription, f"{subscription}/resourceGroups/{nsg.group}")
    found: set[Lock] = set()
    words = ""
    for scope in scopes:
        try:
            found.update(_locks_at(config, azure_id, scope, correlation_id))
        except TargetError as error:
            words = words or f"{_why(error, _LOCKS_RIGHT)} at {scope.rsplit('/', 1)[-1]}"
        else:
            if scope == subscription:
                # The subscription's list holds what lies below, so the group need not be asked.
                break
    over = [lock for lock in found if f"{azure_id}/".lower().startswith(f"{lock.scope}/".lower())]
    return tuple(sorted(over, key=lambda lock: lock.scope)), words


def _locks_at(config: AzureConfig, azure_id: str, scope: str, correlation_id: str) -> Iterable[Lock]:
    url: str | None = f"{config.arm_endpoint}{scope}{_LOCKS}?api-version={_LOCKS_VERSION}"
    found: list[Lock] = []
    for _ in range(_MOST_PAGES):
        if url is None:
            return found
        body = _get(config, azure_id, url, correlation_id)
        found += [
            Lock(item["properties"]["level"], item["id"].lower().partition(_LOCKS.lower())[0])
            for item in body["value"]
        ]
        url = body.get("nextLink")
    raise TargetError("unknown", "more pages of locks than can be")


def _get(config: AzureConfig, azure_id: str, url: str, correlation_id: str) -> dict[str, Any]:
    from azure.core.rest import HttpRequest

    if urlsplit(url).netloc != urlsplit(config.arm_endpoint).netloc:
        raise TargetError("unknown", "a page of locks leads to another host")
    with arm_call(config, azure_id, correlation_id) as call:
        arm = client(config, parse_id(azure_id).subscription)
        answer = arm.send_request(HttpRequest("GET", url, headers=call.correlation()), **call.options())
        answer.raise_for_status()
        body = answer.json()
        if not isinstance(body, dict) or not isinstance(body.get("value"), list):
            raise call.failed("unknown", "no list in Azure's answer", code="BadResponse")
        return body


def _admin_rules(
    config: AzureConfig, state: ContainerState, correlation_id: str
) -> tuple[tuple[RuleState, ...], str]:
    networks = sorted({subnet.lower().partition("/subnets/")[0] for subnet in state.subnets})
    if not networks:
        return (), "the network behind network cards is not looked up" if state.nics else ""
    rules: list[RuleState] = []
    for network in networks:
        try:
            rules += _effective(config, state.azure_id, network, correlation_id)
        except TargetError as error:
            return (), _why(error, _ADMIN_RIGHT)
    return tuple(rules), ""


def _effective(config: AzureConfig, azure_id: str, network: str, correlation_id: str) -> list[RuleState]:
    # /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Network/virtualNetworks/<name>
    parts = network.split("/")
    with arm_call(config, azure_id, correlation_id) as call:
        answer = client(config, parts[2]).list_network_manager_effective_security_admin_rules(
            parts[4], parts[8], {}, headers=call.correlation(), **call.options()
        )
        try:
            return [_rule(item) for item in answer.as_dict().get("value") or []]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise call.failed(
                "unknown", f"no rules in Azure's answer: {error}", code="BadResponse"
            ) from error


def _rule(item: dict[str, Any]) -> RuleState:
    said = item["properties"]
    return RuleState(
        name=str(item.get("id", "")).rsplit("/", 1)[-1],
        priority=int(said["priority"]),
        direction=said["direction"],
        access=said["access"],
        protocol="*" if said["protocol"] == "Any" else said["protocol"],
        sources=_prefixes(said.get("sources")),
        destinations=_prefixes(said.get("destinations")),
        ports=tuple(said.get("destinationPortRanges") or ["*"]),
        source_ports=tuple(said.get("sourcePortRanges") or ["*"]),
    )


def _prefixes(items: list[dict[str, str]] | None) -> tuple[str, ...]:
    return tuple(item["addressPrefix"] for item in items or []) or ("*",)


def _why(error: TargetError, right: str) -> str:
    if error.status == 403:
        return f"the portal's role may not read them ({right})"
    return f"Azure did not tell ({error.code or error.kind})"
