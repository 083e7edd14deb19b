"""Conditional Access of the pretend tenant: contexts, policies, and which of them one sign-in meets. No HTTP here.

Also what else an administrator sets in Entra that a test may change: an app's optional claims, an identity's rights in
Graph. Who meets what follows Microsoft's tables for authentication contexts: one that is asked for is given when every
policy in force on it is met, and so without any; one that nobody asked for only where some policy stands on it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from latchportal.devcloud.access_world import AccessPolicy
from latchportal.devcloud.world import World

CONTEXT = re.compile(r"c[1-9][0-9]?")
_TENANTS: "WeakKeyDictionary[World, ConditionalAccess]" = WeakKeyDictionary()


def conditional_access_of(world: World) -> "ConditionalAccess":
    """The one Conditional Access of this loaded world."""
    if world not in _TENANTS:
        _TENANTS[world] = ConditionalAccess(world)
    return _TENANTS[world]


@dataclass(frozen=True)
class SignIn:
    """What Conditional Access knows of one sign-in: whose it is, and whether a second factor was given."""

    oid: str
    mfa: bool


class ConditionalAccess:
    """The mutable part: starts as the world says, tests change it."""

    def __init__(self, world: World) -> None:
        self._born_as = (world.access_policies, world.apps, world.principals)
        self.policies: dict[str, AccessPolicy] = {}
        self.optional_claims: dict[str, tuple[str, ...]] = {}
        self.graph_roles: dict[str, tuple[str, ...]] = {}
        self.reset()

    def reset(self) -> None:
        """Everything is again as the file says."""
        policies, apps, principals = self._born_as
        self.policies = {policy.id: policy for policy in policies}
        self.optional_claims = {app.client_id: app.optional_claims for app in apps}
        self.graph_roles = {one.client_id: one.graph_roles for one in principals}

    def change(self, key: str, **fields: Any) -> None:
        """The policy of this id or name is so from now on. Raises LookupError."""
        found = next((one for one in self.policies.values() if key in (one.id, one.name)), None)
        if found is None:
            raise LookupError(f"no Conditional Access policy is called {key!r}")
        self.policies[found.id] = replace(found, **fields)

    def blocks(self, context: str, oid: str) -> bool:
        """Whether a policy in force keeps this person from the context, whatever they prove."""
        return any("block" in policy.require for policy in self._about(context, oid))

    def met(self, context: str, sign_in: SignIn) -> bool:
        """Whether the sign-in meets every policy in force on this context; where there is none it does."""
        if self.blocks(context, sign_in.oid):
            return False
        return sign_in.mfa or not any("mfa" in policy.require for policy in self._about(context, sign_in.oid))

    def given(self, client_id: str, asked: tuple[str, ...], sign_in: SignIn) -> list[str]:
        """The `acrs` of a token: what was asked for and is met, and what is met anyway if the app takes part."""
        contexts = set(asked)
        if "acrs" in self.optional_claims.get(client_id, ()):
            contexts |= {one for policy in self._in_force() for one in policy.contexts}
        return sorted(one for one in contexts if self.met(one, sign_in))

    def _in_force(self) -> list[AccessPolicy]:
        return [policy for policy in self.policies.values() if policy.state == "enabled"]

    def _about(self, context: str, oid: str) -> list[AccessPolicy]:
        return [one for one in self._in_force() if context in one.contexts and oid not in one.exclude]


def shown_policy(policy: AccessPolicy) -> Mapping[str, Any]:
    """A policy as Graph v1.0 shows it."""
    return {
        "id": policy.id,
        "displayName": policy.name,
        "createdDateTime": "2026-01-12T08:00:00Z",
        "modifiedDateTime": None,
        "state": policy.state,
        "sessionControls": None,
        "conditions": {
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "clientAppTypes": ["all"],
            "platforms": None,
            "locations": None,
            "applications": {
                "includeApplications": [],
                "excludeApplications": [],
                "includeUserActions": [],
                "includeAuthenticationContextClassReferences": list(policy.contexts),
            },
            "users": {
                "includeUsers": ["All"],
                "excludeUsers": list(policy.exclude),
                "includeGroups": [],
                "excludeGroups": [],
                "includeRoles": [],
                "excludeRoles": [],
            },
        },
        "grantControls": {
            "operator": "OR",
            "builtInControls": list(policy.require),
            "customAuthenticationFactors": [],
            "termsOfUse": [],
        },
    }
