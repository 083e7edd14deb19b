"""What parts of the pages and mails about several things, or times, at once are handed. Read by samples.py."""

from datetime import UTC, datetime, timedelta
from typing import Any

from requests_app.policy.windows import Window

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)

COMPONENTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "history_line": (
        {"history": {"asked": 2, "approved": 1, "denied": 1, "last": NOW}, "now": NOW},
        ("asked 2 times: 1 approved, 1 denied",),
    ),
    "policy_line": (
        {"part": {"notes": [{"title": "It can be closed", "reason": "A lock is near."}], "passed": 8}},
        ("It can be closed:", "8 other checks passed"),
    ),
    "rule_lines": (
        {
            "rules": [
                {
                    "source": "81.2.69.142",
                    "destination": "10.20.1.4",
                    "protocol": "Tcp",
                    "ports": ["22"],
                    "container": "nsg-prod-web",
                    "priority": 200,
                }
            ]
        },
        ("81.2.69.142", "Tcp 22", "about priority 200"),
    ),
    "windows": (
        {
            "windows": [
                Window(NOW + timedelta(days=day), NOW + timedelta(days=day, hours=2)) for day in range(5)
            ]
        },
        ("Sun 22 Nov 2026, 14:00 UTC", "16:00 UTC", "All 5"),
    ),
}
DECIDED = {
    "outcome": "denied",
    "by": "Sol Okafor",
    "why": "Use the bastion.",
    "left_out": [{"name": "SSH to prod-db-01", "by": "Sol Okafor", "why": "Not for this ticket."}],
    "kept": 2,
    "asked": 3,
}
