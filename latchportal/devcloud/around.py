"""Management locks, and what a network manager deployed, as ARM tells them. Who put them there is control.py's."""

from typing import Any

from latchportal.devcloud import errors
from latchportal.devcloud.cloud import Cloud

_LOCKS_VERSIONS = ("2016-09-01", "2020-05-01")


def locks(cloud: Cloud, subscription: str, group: str, version: str) -> dict[str, Any]:
    """The locks on this scope and below it. Raises ArmError for a group, or a version, that there is not."""
    if version not in _LOCKS_VERSIONS:
        raise errors.invalid_api_version(version)
    scope = f"/subscriptions/{subscription}".lower()
    if group:
        cloud.check_group(subscription, group)
        scope = f"{scope}/resourcegroups/{group}".lower()
    found = [(over, level) for over, level in cloud.locks.items() if f"{over}/".startswith(f"{scope}/")]
    return {"value": [_lock(over, level) for over, level in sorted(found)]}


def _lock(scope: str, level: str) -> dict[str, Any]:
    name = f"keep-{level.lower()}"
    return {
        "properties": {"level": level, "notes": ""},
        "id": f"{scope}/providers/Microsoft.Authorization/locks/{name}",
        "type": "Microsoft.Authorization/locks",
        "name": name,
    }


def admin_rules(cloud: Cloud, subscription: str, group: str, network: str, body: object) -> dict[str, Any]:
    """The security admin rules in force on this network, on one page. Raises ArmError for another body."""
    if not isinstance(body, dict) or set(body) - {"skipToken"}:
        raise errors.ArmError(
            400, "InvalidRequestContent", "The request content is not a query of admin rules."
        )
    key = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{network}"
    return {"value": cloud.admin_rules.get(key.lower(), []), "skipToken": ""}
