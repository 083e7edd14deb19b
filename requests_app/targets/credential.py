"""The portal's own identity in Azure: one credential per process and configuration. No passwords here."""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from requests_app.targets.azure_cloud import AzureConfig, cleartext
from requests_app.targets.base import TargetError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

# A token endpoint that hangs must not hold a worker: fewer and shorter tries than azure-identity's own.
_PATIENCE: Final[dict[str, Any]] = {
    "connection_timeout": 3,
    "read_timeout": 8,
    "retry_total": 2,
    "retry_backoff_max": 3,
}
# A token got so short a time ago and refused is not too old: another new one would not help.
_NEW_SECONDS: Final = 15.0
_made: dict[AzureConfig, tuple[TokenCredential, float]] = {}
_lock = Lock()


def credential(config: AzureConfig) -> TokenCredential:
    """The process's credential for this configuration. It keeps and renews its own tokens, until `refused`.

    Raises TargetError (unreachable) when the process's environment holds no such identity.
    """
    with _lock:
        if config not in _made:
            _made[config] = _make(config), time.monotonic()
        return _made[config][0]


def refused(config: AzureConfig) -> None:
    """Azure did not accept a token (401): the next call is made with a new one, unless this one is new.

    A credential gives out the token it keeps until that ends, however often it is refused: a token revoked, or
    of a clock that is wrong, would keep the portal out of Azure for a day.
    """
    with _lock:
        if config in _made and time.monotonic() - _made[config][1] >= _NEW_SECONDS:
            del _made[config]


def token(config: AzureConfig, scope: str) -> str:
    """A bearer token for this scope. Raises TargetError (forbidden or unreachable); then nothing was sent."""
    from azure.core.exceptions import AzureError

    try:
        return credential(config).get_token(scope).token
    except (AzureError, OSError, ValueError) as error:
        raise no_token(error) from error


def no_token(error: Exception) -> TargetError:
    """What a failure to get a token means: nothing was asked of Azure yet."""
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import CredentialUnavailableError

    refused = isinstance(error, ClientAuthenticationError) and not isinstance(
        error, CredentialUnavailableError
    )
    return TargetError(
        "forbidden" if refused else "unreachable",
        f"no token for the portal's identity: {error}",
        code="CredentialRefused" if refused else "CredentialUnavailable",
        where="Azure",
        certain=True,
    )


def _make(config: AzureConfig) -> TokenCredential:
    from azure.identity import ManagedIdentityCredential, WorkloadIdentityCredential

    options = _PATIENCE | {"use_env_settings": not cleartext(config.arm_endpoint)}
    try:
        if config.credential == "workload":
            named = {"client_id": config.client_id} if config.client_id else {}
            return WorkloadIdentityCredential(**named, **options)
        return ManagedIdentityCredential(client_id=config.client_id or None, **options)
    except ValueError as error:
        raise no_token(error) from error


def _after_fork() -> None:
    """A child shares its parent's sockets and perhaps a lock held at that moment: it starts anew."""
    global _lock
    _made.clear()
    _lock = Lock()


os.register_at_fork(after_in_child=_after_fork)
