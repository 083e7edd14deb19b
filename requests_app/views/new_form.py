"""The form of asking: what is typed becomes an Ask. Whether it may be had is policy's business."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from django import forms
from django.conf import settings

from requests_app.context import Ask
from requests_app.models import Entitlement
from requests_app.policy.durations import parse_duration, write_duration
from requests_app.policy.windows import Window
from requests_app.views.later_form import LaterForm
from requests_app.views.new_for import ME, OTHER, ForFields

PRESETS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480))
USUAL = timedelta(minutes=30)


class AskForm(forms.Form):
    """Duration, reason, ticket and source, alike for all that is asked for; the key makes a form sent twice one request."""

    # What is chosen is looked up, and refused, by the view.
    entitlement = forms.Field(widget=forms.MultipleHiddenInput)
    submission_key = forms.UUIDField(widget=forms.HiddenInput)
    duration = forms.CharField(
        label="How long",
        max_length=20,
        help_text="Minutes, or 45m, 1h30m. The time starts when it is open.",
        error_messages={"required": "Say how long you need it."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text"}),
    )
    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        help_text="What you are going to do, and why now. Approvers and auditors read it.",
        error_messages={"required": "Say in a sentence what you need the access for."},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    ticket = forms.CharField(
        label="Ticket",
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Where there is one"}),
    )
    source = forms.CharField(
        label="Your address",
        required=False,
        max_length=50,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )

    def clean_duration(self) -> timedelta:
        """Return the time typed; a bare number is minutes. Seconds are for the demo's short windows alone."""
        text = self.cleaned_data["duration"].strip()
        try:
            asked = parse_duration(f"{text}m" if text.isdigit() else text)
        except ValueError:
            raise forms.ValidationError(
                "Write how long as minutes, or like 45m, 2h or 1h30m.", code="format"
            ) from None
        if asked % timedelta(minutes=1) and not settings.LATCH_DEMO:
            raise forms.ValidationError("Whole minutes, please.", code="seconds")
        return asked

    def ask(self, entitlement: Entitlement) -> Ask:
        """Return what is typed so far as an Ask; what is missing or malformed is empty in it."""
        said = self.cleaned_data
        return Ask(
            entitlement=entitlement,
            duration=said.get("duration") or timedelta(0),
            reason=said.get("reason", ""),
            ticket=said.get("ticket", ""),
            source=said.get("source", ""),
            plan=said.get("plan"),
        )


class NewForm(LaterForm, ForFields, AskForm):
    """The same, for now or for later, for oneself or for somebody else."""

    def ask(self, entitlement: Entitlement) -> Ask:
        """Return what is typed so far; for somebody else it is from where they are."""
        asked = super().ask(entitlement)
        return replace(asked, source=self.cleaned_data.get("their_source", "")) if self.for_other else asked

    @property
    def windows(self) -> tuple[Window, ...]:
        """Return what is typed so far as windows; none for now, or while it is not to be understood."""
        wanted, length = self.cleaned_data.get("plan"), self.cleaned_data.get("duration")
        return wanted.windows(length) if wanted and length else ()

    @property
    def speaks_of_later(self) -> bool:
        """Return whether any of its fields for later holds something."""
        return any(str(self.data.get(name) or "").strip() for name in ("begins_at", "every", "times"))


def beginning(
    entitlements: Sequence[str], *, most: timedelta, source: str, said: dict[str, str]
) -> dict[str, object]:
    """Return what an untouched form holds; `said` is what the link brought along."""
    return {
        "entitlement": list(entitlements),
        "submission_key": uuid4(),
        "duration": said.get("duration") or write_duration(min(USUAL, most)),
        "reason": said.get("reason", ""),
        "ticket": said.get("ticket", ""),
        "source": source,
        "whom": OTHER if said.get("person") else ME,
        "person": said.get("person", ""),
        "their_source": said.get("their_source", ""),
    }


def presets(most: timedelta) -> list[tuple[str, timedelta]]:
    """Return the times offered at a press, as typed and as a duration, up to the most that can be had."""
    fitting = [preset for preset in PRESETS if preset < most]
    return [(write_duration(preset), preset) for preset in (*fitting[-4:], most)]
