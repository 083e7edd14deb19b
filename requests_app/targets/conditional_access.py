"""Reads from Microsoft Graph which Conditional Access policies stand behind authentication contexts. Writes nothing.

Needs the application permission Policy.Read.ConditionalAccess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from requests_app.targets.graph import GraphReader

_POLICIES = "/v1.0/identity/conditionalAccess/policies"
_NARROWING = ("excludeUsers", "excludeGroups", "excludeRoles")


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """One policy that is in force: the contexts it is about, and whether it is for everybody."""

    name: str
    contexts: frozenset[str]
    everybody: bool


def policies_in_force(reader: GraphReader) -> list[AccessPolicy]:
    """Every enabled policy that targets a context; raises TargetError. One that only reports is not in force."""
    found = (_policy(item) for item in reader.items(_POLICIES) if item.get("state") == "enabled")
    return [policy for policy in found if policy.contexts]


def _policy(item: Mapping[str, Any]) -> AccessPolicy:
    conditions = _inner(item, "conditions")
    applications, users = _inner(conditions, "applications"), _inner(conditions, "users")
    named = applications.get("includeAuthenticationContextClassReferences") or []
    everybody = "All" in (users.get("includeUsers") or []) and not any(users.get(key) for key in _NARROWING)
    return AccessPolicy(
        name=str(item.get("displayName") or item.get("id") or ""),
        contexts=frozenset(one for one in named if isinstance(one, str)),
        everybody=everybody and not users.get("excludeGuestsOrExternalUsers"),
    )


def _inner(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = item.get(key)
    return found if isinstance(found, Mapping) else {}
