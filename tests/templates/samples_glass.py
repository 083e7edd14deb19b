"""The documented parameters of what is said of a broken glass. No assertions here."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
END = NOW + timedelta(days=1)

COMPONENTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "glass_badge": ({}, ("Break-glass", "#alert")),
    "glass_inbox": (
        {
            "openings": [
                {
                    "pk": 7,
                    "requester": "Ben <b>",
                    "submitted_at": NOW,
                    "duration": timedelta(minutes=30),
                    "reason": "It burns",
                    "items": {"all": [{"entitlement": {"name": "SSH to prod-web-01"}}]},
                }
            ],
            "now": NOW,
        },
        ("Opened without you", "Ben &lt;b&gt;", "SSH to prod-web-01", "It burns", 'href="/requests/7/"'),
    ),
    "glass_note": (
        {
            "glass": {
                "told": ["Sol Marchetti", "Adm"],
                "review": {"state": "open", "due_at": END, "uid": UUID(int=7)},
                "may_look": True,
            }
        },
        ("Break-glass.", "Sol Marchetti, Adm", "Its review is due", "Look at the review"),
    ),
}
MAIL: dict[str, Any] = {
    "source": "81.2.69.142",
    "ticket": "INC-1",
    "skipped": "Manager, Security",
    "review_url": "https://latch.example/audit/reviews/7/",
    "due_at": END,
}
