"""How Azure Resource Manager says no: one exception and a maker for each refusal. No server, no state."""

from collections.abc import Mapping, Sequence
from typing import Any


class ArmError(Exception):
    """A refusal in ARM's words: HTTP status, `error.code`, `error.message`, `error.details`, headers."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.details = list(details)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


def missing_api_version() -> ArmError:
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def invalid_api_version(value: str) -> ArmError:
    return ArmError(400, "InvalidApiVersionParameter", f"The api-version '{value}' is invalid.")


def cannot_parse(why: str) -> ArmError:
    return ArmError(
        400,
        "InvalidRequestFormat",
        "Cannot parse the request.",
        details=[{"code": "InvalidJson", "message": why}],
    )


def unauthenticated(code: str, message: str) -> ArmError:
    challenge = (
        'Bearer authorization_uri="https://login.microsoftonline.com/common", error="invalid_token", '
        f'error_description="{message}"'
    )
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def forbidden(principal: str, action: str, scope: str) -> ArmError:
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{principal}' with object id '{principal}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.",
    )


def policy_denied(name: str) -> ArmError:
    return ArmError(403, "RequestDisallowedByPolicy", f"Resource '{name}' was disallowed by policy.")


def subscription_not_found(subscription: str) -> ArmError:
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def nsg_not_found(name: str, group: str) -> ArmError:
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource 'Microsoft.Network/networkSecurityGroups/{name}' under resource group '{group}' was "
        "not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def parent_not_found(name: str) -> ArmError:
    return ArmError(
        404,
        "ParentResourceNotFound",
        "Failed to perform 'write' on resource(s) of type 'networkSecurityGroups/securityRules', because the "
        f"parent resource 'networkSecurityGroups/{name}' could not be found.",
    )


def child_not_found(resource_id: str) -> ArmError:
    return ArmError(404, "NotFound", f"Resource {resource_id} not found.")


def no_such_type(path: str) -> ArmError:
    return ArmError(
        404, "InvalidResourceType", f"The resource type could not be found for the path '{path}'."
    )


def method_not_allowed(method: str) -> ArmError:
    return ArmError(
        405, "MethodNotAllowed", f"The requested resource does not support http method '{method}'."
    )


def locked(scope: str, operation: str) -> ArmError:
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {operation} operation because following scope(s) are locked: "
        f"'{scope}'. Please remove the lock and try again.",
    )


def another_operation(status_url: str) -> ArmError:
    return ArmError(
        409,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress. To retrieve status of the operation "
        f"use uri: {status_url}.",
    )


def busy(operation: str, operation_id: str, resource_id: str) -> ArmError:
    """Another write runs on this NSG. Note: no Retry-After, as seen in real answers."""
    return ArmError(
        429,
        "RetryableError",
        "A retryable error occurred.",
        details=[
            {
                "code": "RetryableErrorDueToAnotherOperation",
                "message": f"Operation {operation} ({operation_id}) is updating resource {resource_id}. "
                "The call can be retried in 10 seconds.",
            }
        ],
    )


def throttled(code: str, message: str, seconds: int) -> ArmError:
    return ArmError(429, code, message, headers={"Retry-After": str(seconds)})


def unavailable(seconds: int) -> ArmError:
    message = "The service is temporarily unavailable."
    return ArmError(503, "ServiceUnavailable", message, headers={"Retry-After": str(seconds)})


def server_error() -> ArmError:
    return ArmError(500, "InternalServerError", "An error occurred.")
