"""The form of what a person wants to hear: a choice a topic, quiet hours, the digest's hour, the zone, a channel."""

from datetime import time
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings

from requests_app.models import NoticeChoices, Person
from requests_app.notices import channels, topics


@cache
def _zones() -> list[tuple[str, str]]:
    named = sorted(
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/"))
    )
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in named)]


def _clock(label: str, *, required: bool, help_text: str = "") -> forms.TimeField:
    widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
    return forms.TimeField(label=label, required=required, help_text=help_text, widget=widget)


class NoticesForm(forms.Form):
    """One radio group a topic that leaves a choice, and the times. Unbound, it holds what was chosen last."""

    quiet_from = _clock("Quiet from", required=False)
    quiet_to = _clock("Quiet to", required=False)
    digest_at = _clock(
        "Digest at", required=True, help_text="One mail with all that waited for it; none without."
    )

    def __init__(self, data: Any = None, *, chosen: NoticeChoices | None) -> None:
        super().__init__(data, initial=_initial(chosen))
        zones, zone = _zones(), self.initial["time_zone"]
        known = zones if zone in dict(zones) else [(zone, zone), *zones]
        self.fields["time_zone"] = forms.ChoiceField(label="Time zone", choices=known)
        if names := channels.personal():
            choices = [("", "Nothing"), *((name, name) for name in names)]
            self.fields["channel"] = forms.ChoiceField(label="Beside mail", choices=choices, required=False)
        for topic in topics.TOPICS:
            levels = topics.allowed(topic, settings.NOTICES_ALWAYS)
            if len(levels) > 1:
                self.fields[topic.name] = forms.ChoiceField(
                    label=topic.title,
                    choices=[(level, topics.LEVELS[level]) for level in levels],
                    widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
                )

    def clean(self) -> dict[str, Any]:
        """Quiet hours begin and end, or there are none."""
        found = super().clean() or {}
        missing = [
            name for name in ("quiet_from", "quiet_to") if name not in self.errors and not found.get(name)
        ]
        if len(missing) == 1:
            self.add_error(missing[0], "Quiet hours need a beginning and an end; leave both empty for none.")
        return found

    @property
    def levels(self) -> dict[str, str]:
        """Return what was chosen, by topic."""
        return {name: self.cleaned_data[name] for name in topics.NAMES if name in self.cleaned_data}

    @property
    def quiet(self) -> tuple[time, time] | None:
        """Return the quiet hours; None for none."""
        begin, end = self.cleaned_data["quiet_from"], self.cleaned_data["quiet_to"]
        return (begin, end) if begin and end else None


def rows(form: NoticesForm, person: Person) -> list[dict[str, Any]]:
    """Return every topic that concerns this person, with its field if there is a choice."""
    return [
        {"topic": topic, "field": form[topic.name] if topic.name in form.fields else None}
        for topic in topics.TOPICS
        if topic.kinds != (topics.OVERDUE,) or person.is_administrator
    ]


def _initial(chosen: NoticeChoices | None) -> dict[str, Any]:
    first = dict.fromkeys(topics.NAMES, topics.NOW)
    if chosen is None:
        return {**first, "digest_at": time(8), "time_zone": settings.TIME_ZONE}
    return {
        **first,
        **chosen.levels,
        "quiet_from": chosen.quiet_from,
        "quiet_to": chosen.quiet_to,
        "digest_at": chosen.digest_at,
        "time_zone": chosen.time_zone,
        "channel": chosen.channel,
    }
