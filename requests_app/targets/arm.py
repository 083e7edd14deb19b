"""The SDK's clients for ARM: one per thread and subscription, retries off. No calls are made here.

The SDK's session is not promised to be safe between threads and must not be shared over a fork, so each
thread makes its own client (0.06 s) and a forked child forgets its parent's.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from requests_app.targets.azure_cloud import AzureConfig, cleartext
from requests_app.targets.credential import credential

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.mgmt.network import NetworkManagementClient


class _Clients(threading.local):
    def __init__(self) -> None:
        self.made: dict[tuple[AzureConfig, str], tuple[TokenCredential, NetworkManagementClient]] = {}


_clients = _Clients()


def client(config: AzureConfig, subscription_id: str) -> NetworkManagementClient:
    """This thread's client for the subscription. Raises TargetError when the process has no identity."""
    key, own = (config, subscription_id.lower()), credential(config)
    if key not in _clients.made or _clients.made[key][0] is not own:  # the client keeps a token of its own
        _clients.made[key] = own, _make(config, subscription_id, own)
    return _clients.made[key][1]


def warm() -> None:
    """Import the SDK (0.4 s, five times that without bytecode): for a worker's start, before any lease."""
    import azure.identity
    import azure.mgmt.network  # noqa: F401


def _make(config: AzureConfig, subscription_id: str, own: TokenCredential) -> NetworkManagementClient:
    from azure.mgmt.network import NetworkManagementClient

    return NetworkManagementClient(
        own,
        subscription_id,
        base_url=config.arm_endpoint,
        credential_scopes=[config.arm_scope],
        polling_interval=config.poll_seconds,
        # A repeated write would meet its own first try as "busy" and look refused: the caller repeats.
        retry_total=0,
        permit_redirects=False,
        use_env_settings=not cleartext(config.arm_endpoint),  # no proxy stands before loopback
    )


def _after_fork() -> None:
    global _clients
    _clients = _Clients()


os.register_at_fork(after_in_child=_after_fork)
