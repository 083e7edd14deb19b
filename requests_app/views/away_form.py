"""The form of an absence or a delegation: times as typed in the reader's own zone. Whether it may be is the action's."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from audit_app.clock import now
from requests_app.views.clock_times import HOW, WIDGET, clock_time


class AwayForm(forms.Form):
    """From when to when, whether one is away, and who decides meanwhile. `zone` is filled in by the browser."""

    starts_at = forms.CharField(
        label="From",
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs=WIDGET),
        help_text="Empty: from now.",
    )
    ends_at = forms.CharField(label="Until", max_length=20, widget=forms.TextInput(attrs=WIDGET))
    zone = forms.CharField(
        required=False, max_length=60, initial="UTC", widget=forms.HiddenInput(attrs={"data-zone": ""})
    )
    away = forms.BooleanField(label="I am away: do not wait for me", required=False, initial=True)
    to = forms.CharField(
        label="Who decides in my place",
        required=False,
        max_length=200,
        help_text="The name they sign in with, like mo@example.com. Empty: nobody; alternates join where policy has some.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    why = forms.CharField(
        label="A word to them",
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """Return the times as instants; a form that says neither away nor who is none."""
        said = super().clean() or {}
        zone = _zone(said.get("zone", ""))
        for name in ("starts_at", "ends_at"):
            if name in self.errors:
                continue
            said[name] = self._instant(name, said.get(name, ""), zone)
        if not said.get("away") and not said.get("to", "").strip() and "to" not in self.errors:
            self.add_error("to", "Say that you are away, or who decides in your place.")
        return said

    def _instant(self, name: str, written: str, zone: ZoneInfo) -> datetime | None:
        if not written:
            return now()
        typed = clock_time(written)
        try:
            if typed is not None:
                return typed.replace(tzinfo=zone).astimezone(UTC)
        except OverflowError:
            pass
        self.add_error(name, HOW)
        return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, LookupError):
        return ZoneInfo("UTC")
