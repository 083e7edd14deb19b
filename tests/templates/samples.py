"""The documented parameters of every component, one honest example each. No assertions here."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from tests.templates import behalf_samples, bundle_samples, samples_glass

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
END = NOW + timedelta(minutes=25)
CODE = "eyJhbGciOiJFUzI1NiJ9.payload.signature"
RULE = {
    "nsg": "nsg-prod-web",
    "name": "latch-harbour-9f3c",
    "priority": 214,
    "source": "81.2.69.142",
    "destination": "10.20.1.4",
    "ports": ("22", "8022"),
    "protocol": "Tcp",
    "read_at": NOW,
}
CHECKS = (
    {"title": "Eligible by group", "outcome": "pass", "reason": "You are in engineering."},
    {"title": "Duration", "outcome": "fail", "reason": "4 h asked.", "way_on": "Ask for 2 hours or less."},
    {"title": "Address", "outcome": "warn", "reason": "It changed."},
    {"title": "Directory is fresh", "outcome": "error", "reason": "It is old.", "way_on": "Wait a minute."},
)
STAGES = (
    {"title": "Manager", "state": "approved", "decided_by": "Mo Petersen", "decided_at": NOW},
    {
        "title": "Security",
        "state": "active",
        "people": ["Sol Okafor", "Sam Duarte"],
        "quorum": 2,
        "votes": 1,
        "clock": ("They are reminded every 15 min.",),
        "joining": "The people on call for night",
        "joins_at": END,
        "away": (("Nia Berg", END),),
    },
    {"title": "Owner", "state": "waiting", "people": []},
)
EVENTS = (
    {"at": NOW, "sentence": "Asked for SSH", "actor": "Ada Lindqvist", "source_address": "81.2.69.142"},
    {"at": NOW, "sentence": "Opening failed", "tone": "bad", "icon": "error", "correlation_id": "0d9b4c3a"},
)


def _ticks() -> forms.BoundField:
    class Form(forms.Form):
        people = forms.MultipleChoiceField(
            label="The people",
            choices=[("1", "Ada"), ("2", "Mo")],
            widget=forms.CheckboxSelectMultiple,
            help_text="None chosen: all.",
        )

    return Form()["people"]


# A door as far as the forms about its time look at it.
ASKED = {
    "pk": 4,
    "reason": "Disk is full",
    "requester": "Ada Lindqvist",
    "duration": timedelta(hours=1),
    "source_address": "10.99.0.0/24",
    "lapses_at": END,
}
DOOR = {
    "grant": {"pk": 7, "entitlement": {"name": "SSH to prod-web-01"}},
    "buttons": ("end", "shorten"),
    "sessions": "Sessions stay up.",
    "time": {
        "more": ({"value": "2700", "length": timedelta(minutes=15)},),
        "less": ({"value": "5m", "length": timedelta(minutes=5)},),
        "until": END,
        "again": timedelta(minutes=20),
        "submission_key": "3b2f7a52-6a0f-4d3c-9a56-0c6f5d0f7a11",
    },
}


class Filters(forms.Form):
    """What a filter bar is handed."""

    q = forms.CharField(label="Search", required=False)
    person = forms.CharField(required=False, widget=forms.HiddenInput)


def person(*, administrator: bool = False) -> dict[str, Any]:
    """Somebody signed in, as far as the frame looks at them."""
    return {
        "is_authenticated": True,
        "display_name": "Ada Lindqvist",
        "user_principal_name": "ada@northwind-harbour.example",
        "is_administrator": administrator,
        "is_auditor": administrator,
    }


def components() -> dict[str, tuple[dict[str, Any], tuple[str, ...]]]:
    """Component -> its parameters, and words that must then stand on the page."""
    return {
        "alert": (
            {"tone": "error", "title": "Azure refused.", "body": "No rights."},
            ("Azure refused.", "#error"),
        ),
        "badge": ({"label": "Demo", "icon": "info", "tone": "wait"}, ("Demo", "tone-wait")),
        "code_panel": (
            {
                "code": CODE,
                "activate_url": "/a",
                "cancel_url": "/c",
                "activate_by": END,
                "csrf_token": "t" * 32,
            },
            (CODE, "only time the code is shown", "Activate now", "Cancel the approval"),
        ),
        "confirm_form": (
            {
                "id": "end",
                "action": "/end",
                "csrf_token": "t" * 32,
                "summary": "End now",
                "reason_required": True,
            },
            ('method="post"', "<details", " required", "End now", 'for="end-reason"'),
        ),
        "copy_button": ({"value": "ssh a@b", "what": "the command"}, ('data-copy="ssh a@b"', "the command")),
        "copy_line": ({"id": "ssh-1", "value": "ssh a@b"}, ('id="ssh-1"', 'data-copy-from="ssh-1"')),
        "countdown": (
            {"end": END, "now": NOW, "total": 1800, "name": "SSH"},
            ('data-end="2026-11-22T14:25:00Z"', "25\xa0minutes left", 'role="timer"'),
        ),
        "decide_form": (
            {
                "stage": {"pk": 5, "title": "Security"},
                "access_request": ASKED,
                "deciding": {
                    "in_place_of": "Sol Okafor",
                    "seen": "abc",
                    "shorter": (("30m", timedelta(minutes=30)),),
                    "wide": True,
                    "addable": ({"name": "owner", "title": "Owner"},),
                    "history": {"asked": 2, "approved": 1, "denied": 1},
                },
                "csrf_token": "t" * 32,
                "error": "Please say why.",
                "typed": "Because",
                "talk_form": "ask",
                "talk_error": "Say what.",
            },
            (
                "You decide in place of",
                "only 30 min",
                "10.99.0.0/24",
                "Please say why.",
                ">Because</textarea>",
                "Say what.",
                '<option value="owner">Owner</option>',
            ),
        ),
        "definition_list": (
            {"rows": [("From", "81.2.69.142"), ("Ticket", "")]},
            ("<dt>From</dt>", "81.2.69.142"),
        ),
        "empty_state": (
            {"title": "Nothing open", "steps": ["Ask"], "action_url": "/c", "action_label": "Catalogue"},
            ("Nothing open", "<li>Ask</li>", "Catalogue"),
        ),
        "export_run": (
            {
                "news": {
                    "runs": True,
                    "run": {
                        "rows": 372_000,
                        "size": 120 * 1024 * 1024,
                        "expected": 1_000_000,
                        "percent": 37,
                        "began_at": NOW,
                        "seen_at": NOW,
                    },
                }
            },
            ("Running", "372,000 of about 1,000,000 rows", 'value="37"', "120.0"),
        ),
        "filter_bar": (
            {"form": Filters({"q": "prod"}), "clear_url": "?"},
            ('value="prod"', "Apply", "Clear"),
        ),
        **samples_glass.COMPONENTS,
        "icon": ({"name": "check"}, ("icons.svg#check", 'aria-hidden="true"')),
        **bundle_samples.COMPONENTS,
        **behalf_samples.COMPONENTS,
        "inbox_count": ({"count": 3, "news": True}, ("3", "waiting", 'hx-swap-oob="true"')),
        "inbox_keys": ({}, ("<kbd>j</kbd>", "data-inbox-keys-toggle")),
        "main_nav": ({"user": person()}, ()),
        "more_time": (
            {
                "access_request": {"state": "pending", "asked_end": END},
                "grant": {"state": "open", "opened_at": NOW, "expires_at": END, "access_request_id": 4},
                "now": NOW,
            },
            ("More time for what is open", "Would end", "/requests/4/"),
        ),
        "open_again": (
            {"door": DOOR, "pk": 4, "back": "home", "csrf_token": "t" * 32},
            ("Open again for the 20 min that are left", "/requests/4/open-again", 'value="home"'),
        ),
        "overdue": ({"count": 2, "status_url": "/status/"}, ("2 openings are overdue", "/status/")),
        "page_header": (
            {"title": "SSH", "lead": "For Ada", "back_url": "/", "state": "open"},
            ("<h1>SSH</h1>", "For Ada", "Open"),
        ),
        "pager": ({"older_url": "?before=1", "summary": "50 events"}, ("Older", "50 events")),
        "person": ({"name": "Ada Lindqvist", "hint": "Engineer"}, ("Ada Lindqvist", "Engineer")),
        "person_menu": ({"user": person(), "csrf_token": "t"}, ("Ada Lindqvist", "data-theme-toggle")),
        "picture": (
            {
                "picture": {
                    "drawn": "<svg>",
                    "heads": ("Check", "Refusals"),
                    "table": ((("Check", "Duration"), ("Refusals", "12")),),
                }
            },
            ("The same as a table", '<th scope="col" class="num">Refusals</th>', ">Duration</th>"),
        ),
        "question": (
            {
                "access_request": ASKED,
                "talk": {"question": {"person": "Mo", "text": "Which journal?"}, "may_answer": True},
                "csrf_token": "t" * 32,
            },
            ("Mo asks you", "Which journal?", "Your answer"),
        ),
        "rule_card": (
            {"rule": RULE},
            (
                "nsg-prod-web",
                "latch-harbour-9f3c",
                "214",
                "81.2.69.142",
                "10.20.1.4",
                "22, 8022",
                "does not cut",
            ),
        ),
        "stat": (
            {"label": "Overdue", "value": 1, "hint": "Retrying", "tone": "bad"},
            ("Overdue", "Retrying"),
        ),
        "state_badge": ({"state": "pending"}, ("Waiting for approval", "#hourglass")),
        "stepper": (
            {"stages": STAGES},
            (
                "Mo Petersen",
                "Deciding now",
                "1 of 2 votes",
                "Nobody is free to decide",
                "reminded every 15 min",
                "The people on call for night join",
                "Nia Berg is away until",
                'aria-current="step"',
            ),
        ),
        "talk": (
            {
                "access_request": ASKED,
                "talk": {
                    "comments": ({"person": "Mo", "kind": "question", "text": "Why now?", "said_at": NOW},),
                    "may_speak": True,
                },
                "csrf_token": "t" * 32,
                "now": END,
                "mine": True,
            },
            ("Mo", "Why now?", "To those who decide"),
        ),
        "tick_list": ({"field": _ticks()}, ("<legend", "The people", "Ada", "Mo", "None chosen: all.")),
        "timeline": ({"events": EVENTS}, ("Asked for SSH", "from", "0d9b4c3a")),
        "time_forms": (
            {
                "door": DOOR,
                "pk": 4,
                "csrf_token": "t" * 32,
                "form": "extend",
                "error": "Too late.",
                "typed": "Why",
            },
            ("15 min more", "Close it sooner", "End SSH to prod-web-01 now", "Too late.", ">Why</textarea>"),
        ),
        "verdict": (
            {"outcome": "refused", "checks": CHECKS},
            ("Not possible as it stands", "failed", "could not run", "Ask for 2 hours or less."),
        ),
        "when": ({"at": NOW}, ('datetime="2026-11-22T14:00:00Z"', 'title="2026-11-22 14:00:00 UTC"')),
    }
