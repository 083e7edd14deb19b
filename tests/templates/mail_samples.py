"""What the sender hands each mail: plausible, so that all of it can be looked at. No assertions here."""

from typing import Any

from tests.templates import bundle_samples, samples_glass
from tests.templates.samples import END, NOW


def mails() -> dict[str, dict[str, Any]]:
    """Mail -> what the sender hands it, beside the frame's own."""
    facts = {
        "name": "Ada Lindqvist",
        "url": "https://latch.example/requests/7/",
        "instance": "harbour",
        "label": "SSH to prod-web-01",
        "requester": "Ada Lindqvist",
        "reason": "Disk <full>",
        "duration": "30 minutes",
    }
    own: dict[str, dict[str, Any]] = {
        "approval_needed": {
            "stage": "Security",
            "source": "81.2.69.142",
            "ticket": "INC-1",
            "lapses_at": END,
        },
        "digest": {
            "title": "2 notices",
            "items": ({"text": "Closed: SSH", "at": NOW, "url": "https://x/"},) * 2,
        },
        "settled": {"stage": "Security", "outcome": "denied", "by": "Sol Okafor"},
        "decided": bundle_samples.DECIDED,
        "opened": {"source": "81.2.69.142", "expires_at": END, "connect": "ssh ada@prod-web-01"},
        "beginning": {"source": "81.2.69.142", "activate_by": END, "closes_by": END},
        "ending": {"source": "81.2.69.142", "expires_at": END, "ask_by": END},
        "extended": {"expires_at": END},
        "shortened": {"expires_at": END, "by": "Sol Okafor", "why": "The work is done."},
        "removed": {"expires_at": END, "note": "Somebody removed the rule in Azure."},
        "closed": {"closed_at": END, "why": "Expired", "note": "", "never_opened": False},
        "lapsed": {},
        "asked_for_you": {
            "title": "Ben Achterberg asked for you",
            "asked_by": "Ben Achterberg",
            "source": "81.2.69.142",
        },
        "withdrawn": {"by": "Ben Achterberg", "for_whom": "Ada Lindqvist"},
        "break_glass": samples_glass.MAIL,
        "question": {"by": "Mo Petersen", "text": "Which <journal>?", "lapses_at": END},
        "remark": {"by": "Mo Petersen", "text": "It is <urgent>"},
        "nobody_there": {"stage": "Manager", "why": "Mo is away until Monday.", "lapses_at": END},
        "called_off": {
            "title": "Sol Marchetti does not decide in your place any more",
            "giver": "Mo Adeyemi",
            "receiver": "Sol Marchetti",
            "by": "Ines Varga",
            "why": "Mo is back since Monday",
            "lent_it": True,
        },
        "lent": {
            "title": "You decide in place of Mo Petersen",
            "giver": "Mo Petersen",
            "why": "Holiday",
            "starts_at": NOW,
            "ends_at": END,
        },
        "review_started": {
            "title": "Production",
            "question": "Should they still be able to ask for this?",
            "rows": 4,
            "due_at": END,
            "silence": "remove",
        },
        "review_reminder": {"title": "Production", "rows": 4, "due_at": END, "silence": "keep"},
        "review_escalated": {"title": "Production", "rows": 1, "due_at": END, "silence": "ask_again"},
    }
    own["alerts"] = {
        "title": "A closing is late",
        "count": 3,
        "more": 1,
        "alerts": [
            {
                "sentence": "SSH to prod-web-01 of Ada Lindqvist closed late: Disk <full>",
                "at": NOW,
                "who": "latchportal watch",
                "what": "SSH to prod-web-01",
                "page": f"https://latch.example/audit/alerts/{number}/",
            }
            for number in (1, 2)
        ],
    }
    return {kind: {**facts, **words} for kind, words in own.items()}
