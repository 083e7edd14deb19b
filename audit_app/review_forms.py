"""The forms of access reviews: making a campaign, narrowing its rows. What may be chosen comes from the source."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms

from audit_app.clock import now
from audit_app.filters import UtcField
from audit_app.models import AccessReview, ReviewItem
from audit_app.reviews.source import Scope, Source

_LASTS = timedelta(days=14)
_LONGEST = timedelta(days=366)


def _several(**more: Any) -> forms.MultipleChoiceField:
    """Return a field to choose several by boxes to tick: a list to choose from with keys held down is hard on a phone."""
    boxes = forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
    return forms.MultipleChoiceField(required=False, widget=boxes, **more)


class CampaignForm(forms.Form):
    """What a campaign is about, who is asked, until when, and what silence means. All but the title is filled in."""

    title = forms.CharField(label="Title", max_length=120, help_text="Such as “Production, autumn”.")
    reviewers = forms.ChoiceField(
        label="Who is asked", choices=AccessReview.Reviewers.choices, initial=AccessReview.Reviewers.MANAGER
    )
    named = _several(label="The people I name")
    starts_at = UtcField(label="Begins (UTC)", required=False, help_text="Empty: within a minute.")
    due_at = UtcField(label="Ends (UTC)")
    remind_days = forms.IntegerField(
        label="Remind so many days before the end", min_value=0, max_value=90, initial=3
    )
    escalate_to = _several(
        label="Ask these as well near the end",
        help_text="In the last quarter of the campaign, at most its last day.",
    )
    silence = forms.ChoiceField(
        label="What nobody decides",
        choices=AccessReview.Silence.choices,
        initial=AccessReview.Silence.REMOVE,
    )
    recurrence = forms.ChoiceField(
        label="Again", choices=AccessReview.Recurrence.choices, initial=AccessReview.Recurrence.NEVER
    )

    def __init__(self, data: Any, of: Source) -> None:
        moment = now().replace(second=0, microsecond=0)
        super().__init__(data, initial={"due_at": moment + _LASTS})
        self.fields["reviewers"].choices = list(of.reviewers.items())  # type: ignore[attr-defined]
        self.people = {party.id: party.label for party in of.people()}
        pairs = list(self.people.items())
        for name in ("named", "escalate_to"):
            self.fields[name].choices = pairs  # type: ignore[attr-defined]
        self.dimensions = [f"scope_{dimension.name}" for dimension in of.dimensions()]
        for dimension in of.dimensions():
            self.fields[f"scope_{dimension.name}"] = _several(
                label=dimension.label, choices=list(dimension.choices), help_text="None chosen: all."
            )

    def clean(self) -> dict[str, Any]:
        """Return the campaign's fields; an end before its start, and nobody named, are said on their fields."""
        said = super().clean() or self.cleaned_data
        moment = now()
        start, due = said.get("starts_at") or moment, said.get("due_at")
        if due and due <= max(start, moment):
            self.add_error("due_at", "The end has to be later than now, and later than the beginning.")
        elif due and due - start > _LONGEST:
            self.add_error("due_at", "A campaign lasts a year at most.")
        if said.get("starts_at") and said["starts_at"] < moment - timedelta(days=1):
            self.add_error("starts_at", "This is past. Leave it empty to begin within a minute.")
        if said.get("reviewers") == AccessReview.Reviewers.NAMED and not said.get("named"):
            self.add_error("named", "Name at least one person who is asked.")
        return said

    def holds_any_of(self, names: Iterable[str]) -> bool:
        """Return whether somebody filled in one of these fields otherwise than the form began, or it is at fault."""
        return self.is_bound and bool({*self.changed_data, *self.errors} & {*names})

    def fields_of_campaign(self) -> dict[str, Any]:
        """Return what a valid form says, as a campaign's columns."""
        said = self.cleaned_data
        kept = ("title", "reviewers", "due_at", "remind_days", "silence", "recurrence")
        return {
            **{name: said[name] for name in kept},
            "starts_at": said["starts_at"] or now(),
            "named": self._pairs("named"),
            "escalate_to": self._pairs("escalate_to"),
            "scope": self._scope(),
        }

    def _pairs(self, name: str) -> list[list[str]]:
        return [[key, self.people[key]] for key in self.cleaned_data[name]]

    def _scope(self) -> Scope:
        chosen = {name.removeprefix("scope_"): self.cleaned_data[name] for name in self.dimensions}
        return {name: values for name, values in chosen.items() if values}


class RowFilter(forms.Form):
    """Which rows of a campaign are shown. What nobody offers filters everything away."""

    q = forms.CharField(
        label="Search", required=False, max_length=100, widget=forms.TextInput(attrs={"type": "search"})
    )
    state = forms.ChoiceField(
        label="Decision", required=False, choices=[("", "All"), *ReviewItem.State.choices]
    )
    recommended = forms.ChoiceField(
        label="Recommended", required=False, choices=[("", "Either"), *ReviewItem.Choice.choices]
    )
    never_used = forms.BooleanField(label="Never used", required=False)
