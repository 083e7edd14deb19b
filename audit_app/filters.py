"""What the explorer can be asked: the filter form and the rows it lets through. No page and no paging here."""

from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit_app import words
from audit_app.models import Event

# A filter by one of these reads few rows whatever the size of the trail.
SELECTIVE: Final = ("actor", "subject", "resource", "kind", "correlation", "story", "address")
_WORDS_IN: Final = ("object_label", "resource_label", "actor_label", "subject_label", "why")
_MOST_NAMES: Final = 200
NOBODY: Final = "nobody"
# What is found by any part of a name: the column that has an index, and the one that has the name.
_NAMED: Final = {
    "actor": ("actor_id", "actor_label"),
    "subject": ("subject_id", "subject_label"),
    "resource": ("resource_label", "resource_label"),
}
# The distinct keys of a column, by skipping along its index instead of reading every row.
_SKIPPING: Final = """
    (WITH RECURSIVE known(key, label) AS (
        (SELECT {key}, {label} FROM audit_app_event ORDER BY {key}, id DESC LIMIT 1)
        UNION ALL
        SELECT after.* FROM known, LATERAL (
            SELECT {key}, {label} FROM audit_app_event
            WHERE {key} > known.key ORDER BY {key}, id DESC LIMIT 1
        ) AS after
    )
    SELECT '{key}', key FROM known WHERE position(lower(%s) IN lower(label)) > 0 AND key <> '' LIMIT %s)
"""


class UtcField(forms.DateTimeField):
    """A moment as datetime-local writes it, read and shown as UTC whatever the site's zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment, aware; a text without offset is UTC."""
        with timezone.override(UTC):
            return super().to_python(value)

    def prepare_value(self, value: Any) -> Any:
        """Return what the field shows: UTC."""
        with timezone.override(UTC):
            return super().prepare_value(value)


class Period(forms.Form):
    """From when to when; the end not before the beginning."""

    since = UtcField(
        label="From (UTC)",
        required=False,
        error_messages={"invalid": "Write a date and a time, such as 2026-11-22 14:00."},
    )
    until = UtcField(
        label="To (UTC)",
        required=False,
        error_messages={"invalid": "Write a date and a time, such as 2026-11-22 15:00."},
    )

    def clean(self) -> dict[str, Any]:
        """Return the filter; the end before the beginning is said on the end."""
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "This is before the beginning of the period.")
        return cleaned


class EventFilter(Period):
    """Every way of narrowing the trail. Empty fields let everything through."""

    q = forms.CharField(
        label="Words", required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"})
    )
    actor = forms.CharField(label="Who", required=False, max_length=200)
    kind = forms.ChoiceField(label="What", required=False)
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=[("", "Any"), *Event.Outcome.choices]
    )
    resource = forms.CharField(label="Resource", required=False, max_length=200)
    subject = forms.CharField(label="Whom it concerns", required=False, max_length=200)
    address = forms.GenericIPAddressField(
        label="From address",
        required=False,
        error_messages={"invalid": "Write one whole address, such as 203.0.113.7 or 2001:db8::7."},
    )
    story = forms.CharField(label="Request", required=False, max_length=40)
    correlation = forms.CharField(label="Correlation id", required=False, max_length=40)

    field_order = ("q", "actor", "kind", "outcome", "since", "until")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)  # noqa: S101  (for the type checker: declared above)
        kind.choices = [("", "Any"), *((name, words.kind_label(name)) for name in words.known_kinds())]
        kind.error_messages["invalid_choice"] = "“%(value)s” is no kind of event this portal records."

    def clean_story(self) -> str:
        """Return the story's name; a bare number is a request's."""
        story: str = self.cleaned_data["story"].strip()
        return f"request-{story}" if story.isdigit() else story


def matching(asked: dict[str, Any]) -> QuerySet[Event]:
    """Return the events a valid EventFilter's cleaned_data lets through, in no order yet."""
    found = Event.objects.filter(**_exact(asked))
    for column, keys in _named({name: asked[name] for name in _NAMED if asked.get(name)}).items():
        found = found.filter(**{f"{column}__in": keys})
    for word in (asked.get("q") or "").split():
        found = found.filter(_anywhere(word))
    return found


def _exact(asked: dict[str, Any]) -> dict[str, Any]:
    """The lookups that compare one column with one value."""
    lookups = {
        "kind": "kind",
        "outcome": "outcome",
        "address": "source_address",
        "story": "story",
        "correlation": "correlation_id",
        "since": "at__gte",
        "until": "at__lte",
        "last_event": "id__lte",
    }
    return {lookup: asked[name] for name, lookup in lookups.items() if asked.get(name)}


def _anywhere(word: str) -> Q:
    """This word in any label or in the reason."""
    found = Q()
    for column in _WORDS_IN:
        found |= Q(**{f"{column}__icontains": word})
    return found


def _named(texts: dict[str, str]) -> dict[str, list[str]]:
    """By column, the keys whose newest label holds the text; a person's id stands for itself. One query for all."""
    keys: dict[str, list[str]] = {}
    parts: list[str] = []
    params: list[str | int] = []
    for name, text in texts.items():
        key, label = _NAMED[name]
        keys[key] = [text.strip()] if ":" in text and key != label else []
        if not keys[key]:
            parts.append(_SKIPPING.format(key=key, label=label))
            params += [text.strip(), _MOST_NAMES]
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), params)
            for key, value in cursor.fetchall():
                keys[key].append(value)
    return {key: found or [NOBODY] for key, found in keys.items()}
