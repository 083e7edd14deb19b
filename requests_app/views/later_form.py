"""The fields of asking for later: when it begins, by whose clock, how often. Whether it may be is policy's business."""

from typing import Any, Final

from django import forms

from requests_app.policy.windows import EVERY, MOST_WINDOWS, NoSuchTime, Plan, plan
from requests_app.views.clock_times import HOW, WIDGET, clock_time

_ONCE: Final = ("", "once")


class LaterForm(forms.Form):
    """When the first window begins and how often it comes back; nothing typed is now. The browser fills in `zone`."""

    begins_at = forms.CharField(
        label="Begins",
        required=False,
        max_length=20,
        initial="",
        widget=forms.TextInput(attrs=WIDGET),
        help_text="Empty: once it is approved.",
    )
    zone = forms.CharField(
        required=False, max_length=60, initial="UTC", widget=forms.HiddenInput(attrs={"data-zone": ""})
    )
    every = forms.ChoiceField(label="Comes back", required=False, initial="", choices=[_ONCE, *EVERY.items()])
    times = forms.IntegerField(
        label="How many times",
        required=False,
        initial="",
        min_value=1,
        max_value=MOST_WINDOWS,
        error_messages={"invalid": "A whole number, please."},
    )

    def clean(self) -> dict[str, Any]:
        """Return the fields, and under `plan` what they say together; None for now."""
        said = super().clean() or self.cleaned_data
        said["plan"] = None if self.errors.keys() & {"begins_at", "every", "times"} else self._plan(said)
        return said

    def _plan(self, said: dict[str, Any]) -> Plan | None:
        every, times = said.get("every", ""), said.get("times") or 1
        written = said.get("begins_at", "")
        if not written:
            if every or times > 1:
                self.add_error("begins_at", "Say when the first one begins.")
            return None
        first = clock_time(written)
        if first is None:
            self.add_error("begins_at", HOW)
        elif every and times == 1:
            self.add_error("times", "Say how many times.")
        elif times > 1 and not every:
            self.add_error("every", "Say how often.")
        else:
            try:
                return plan(first, said.get("zone") or "UTC", every=every, times=times)
            except NoSuchTime as error:
                self.add_error("begins_at", f"{error} Choose another time.")
            except (ValueError, OverflowError, LookupError, OSError):
                self.add_error("begins_at", "That time, or the zone your browser names, is not known here.")
        return None
