"""The pretend Azure as the targets' tests see it: its configuration, and its back door. No tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from requests_app.targets.azure_cloud import AzureConfig
from tests.support.devcloud import Devcloud

SUBSCRIPTION = "11111111-aaaa-4bbb-8ccc-000000000001"
IDENTITY = "d4f0c0de-0000-4000-8000-000000000001"
NSG = "nsg-prod-web"
NSG_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-prod-web/providers/Microsoft.Network"
    f"/networkSecurityGroups/{NSG}"
)
WRITE_SECONDS = 0.05


@dataclass(frozen=True)
class Pretend:
    """A running pretend Azure."""

    cloud: Devcloud

    @property
    def url(self) -> str:
        return self.cloud.url

    def config(self, **changes: Any) -> AzureConfig:
        values: dict[str, Any] = {
            "arm_endpoint": self.url,
            "graph_endpoint": self.url,
            "client_id": IDENTITY,
            "allow_cleartext_loopback": True,
            "poll_seconds": 0.03,
            "read_timeout": 2.0,
            "write_deadline_seconds": 5.0,
        }
        return AzureConfig(**(values | changes))

    def lock(self, level: str) -> None:
        self.cloud.control("POST", "locks", {"nsg": NSG, "level": level})

    def graph_fault(self, **order: int) -> None:
        self.cloud.control("POST", "graph", order)

    def by_hand(self, rule: str, **fields: Any) -> None:
        """Somebody else writes or changes a rule of the group."""
        self.cloud.control("PUT", f"rules/{NSG}/{rule}", fields)

    def write_seconds(self, seconds: float) -> None:
        """How long Azure takes for a write from now on."""
        self.cloud.control("POST", "settings", {"write_seconds": seconds})

    def reset(self) -> None:
        self.cloud.control("POST", "reset")
        self.graph_fault(times=0)
        self.write_seconds(WRITE_SECONDS)

    def rule(self, name: str) -> dict[str, Any] | None:
        """What Azure holds, seen from outside."""
        return self.cloud.rules(NSG).get(name)
