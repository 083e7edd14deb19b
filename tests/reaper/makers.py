"""What the reaper's tests put into the pretend Azure, and how they run it. No tests, no assertions."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from latchportal import reaper
from latchportal.devcloud.identity import HEADER
from requests_app.targets.mark import describe
from tests.support.organisation import the_world

WEB, NIC = "nsg-prod-web", "nsg-prod-web-nic"
PRODUCTION, STAGING = (subscription.id for subscription in the_world().subscriptions)
OURS = "latch-test-0123456789ab"


def told(azure: Any) -> dict[str, str]:
    return {
        "ARM_ENDPOINT": azure.url,
        "AZURE_POLL_SECONDS": "0.05",
        "LATCH_DEMO": "1",
        "LATCH_INSTANCE": "test",
        "IDENTITY_ENDPOINT": f"{azure.url}/msi/token",
        "IDENTITY_HEADER": HEADER,
    }


def said(seconds: float) -> str:
    """Return a description whose end lies so many seconds from now."""
    return describe("0123456789ab", 7, datetime.now(UTC) + timedelta(seconds=seconds))


def put(azure: Any, name: str, description: str, *, nsg: str = WEB, priority: int = 300) -> None:
    rule = {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "9.9.9.9",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.20.1.4",
        "destinationPortRange": "22",
        "description": description,
    }
    azure.control("PUT", f"rules/{nsg}/{name}", rule)


def reap(capsys: Any, *words: str, subscriptions: tuple[str, ...] = (PRODUCTION,)) -> tuple[int, list[Any]]:
    capsys.readouterr()
    chosen = [word for one in subscriptions for word in ("--subscription", one)]
    code = reaper.main([*chosen, *words])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def actions(lines: list[Any]) -> list[str]:
    return [line["action"] for line in lines if line["action"] != "looked"]
