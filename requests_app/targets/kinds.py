"""PURE: what Azure's answers mean to us: (status, codes) -> kind, and each kind in words. No I/O, no SDK."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

Kind = Literal[
    "missing",
    "forbidden",
    "identity",
    "locked",
    "full",
    "conflict",
    "busy",
    "throttled",
    "invalid",
    "policy",
    "unreachable",
    "timeout",
    "unknown",
]

# Azure's code speaks before the HTTP status: a failed long operation arrives as 200, a busy group as 429.
_BY_CODE: Final[dict[str, Kind]] = {
    "ResourceNotFound": "missing",
    "ParentResourceNotFound": "missing",
    "ResourceGroupNotFound": "missing",
    "NotFound": "missing",
    "Request_ResourceNotFound": "missing",
    "SubscriptionNotFound": "forbidden",  # also what Azure says to an identity that may not see it
    "AuthorizationFailed": "forbidden",
    "LinkedAuthorizationFailed": "forbidden",
    "Authorization_RequestDenied": "forbidden",
    "AuthenticationFailed": "identity",
    "InvalidAuthenticationToken": "identity",
    "InvalidAuthenticationTokenTenant": "forbidden",  # a new token would be of the same tenant
    "ExpiredAuthenticationToken": "identity",
    "ScopeLocked": "locked",
    "SecurityRuleCountLimitReached": "full",
    "SecurityRuleConflict": "conflict",
    "PreconditionFailed": "conflict",
    "RetryableError": "busy",
    "RetryableErrorDueToAnotherOperation": "busy",
    "AnotherOperationInProgress": "busy",
    "TooManyRequests": "throttled",
    "SubscriptionRequestsThrottled": "throttled",
    "ResourceRequestsThrottled": "throttled",
    "RequestDisallowedByPolicy": "policy",
    "InvalidResourceName": "invalid",
    "InvalidRequestFormat": "invalid",
    "SecurityRuleInvalidAddressPrefix": "invalid",
    "SecurityRuleInvalidPriority": "invalid",
    "SecurityRuleParameterContainsUnsupportedValue": "invalid",
}

# No 404 here: rules in what is missing count as gone, so only Azure's own words may say so, not a proxy's page.
_BY_STATUS: Final[dict[int, Kind]] = {
    400: "invalid",
    401: "identity",
    403: "forbidden",
    405: "invalid",
    408: "timeout",
    409: "conflict",
    412: "conflict",
    413: "invalid",
    415: "invalid",
    422: "invalid",
    423: "locked",
    429: "throttled",
    502: "unreachable",
    503: "unreachable",
    504: "timeout",
}

# The statuses by which Azure says "not accepted" before it has changed anything.
_REFUSED: Final[frozenset[int]] = frozenset({400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 423, 429})

PASSING: Final[frozenset[Kind]] = frozenset(
    {"identity", "conflict", "busy", "throttled", "unreachable", "timeout", "unknown"}
)

_WORDS: Final[dict[Kind, str]] = {
    "missing": "Azure knows no {where}. The owner of the resource must correct its catalogue entry.",
    "forbidden": "Azure does not let the portal change {where}. An administrator must give the portal's "
    "identity its role there; a new role takes some minutes to count.",
    "identity": "Azure did not accept the portal's token when asked about {where}. The portal gets a new one "
    "and tries again by itself.",
    "locked": "A lock in Azure protects {where} from changes. Its owner must lift the lock.",
    "full": "There is no room for one more rule in {where}. Its owner must remove rules nobody needs.",
    "conflict": "Someone else changed {where} at the same moment. The portal tries again by itself.",
    "busy": "Azure is still carrying out another change of {where}. The portal tries again by itself.",
    "throttled": "Azure takes no more calls from the portal just now. The portal tries again by itself.",
    "invalid": "The change to {where} is not valid. An administrator must correct the catalogue entry.",
    "policy": "An Azure Policy of your organisation forbids this change to {where}. Ask those who keep it.",
    "unreachable": "Azure could not be reached about {where}. The portal tries again by itself.",
    "timeout": "Azure did not answer in time about {where}; the change may or may not have happened. "
    "The portal reads it back and tries again by itself.",
    "unknown": "Azure failed at {where}, with a reason unknown here. The portal tries again by itself.",
}


def kind_of(status: int | None, codes: Iterable[str]) -> Kind:
    """The meaning of an answer with this HTTP status and these error codes, outermost first."""
    for code in codes:
        if kind := _BY_CODE.get(code):
            return kind
    return _BY_STATUS.get(status, "unknown") if status is not None else "unknown"


def surely_refused(status: int | None) -> bool:
    """True when an answer of this status to the *write itself* means that Azure changed nothing."""
    return status in _REFUSED


def words_for(kind: Kind, where: str) -> str:
    """One sentence or two for a person: what is wrong and what happens next."""
    return _WORDS[kind].format(where=where or "the place this opens")
