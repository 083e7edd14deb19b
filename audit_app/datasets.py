"""The trail, and what reviews decided, as datasets for export. Others are handed down by the floors above."""

from typing import Any

from django import forms
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from audit_app.exports import Column, Dataset, register
from audit_app.filters import EventFilter, Period, matching
from audit_app.models import ReviewItem

_COLUMNS = (
    Column("number", "Grows with every event; gaps mean nothing.", "plain"),
    Column("event", "The event's own id.", "plain"),
    Column("at", "When it happened, UTC.", "time"),
    Column("kind", "What happened, noun.verb."),
    Column("outcome", "success, refused or failure."),
    Column("actor", "Who did it, by name."),
    Column("actor_id", "Who did it: tenant and object id, or a part of the portal."),
    Column("subject", "Whom it concerns, by name."),
    Column("subject_id", "Whom it concerns: tenant and object id."),
    Column("object_kind", "What kind of thing it was done to."),
    Column("object_id", "That thing's id."),
    Column("object", "That thing's name."),
    Column("resource", "The resource's name."),
    Column("request", "The request all its steps share."),
    Column("source_address", "The address it was done from.", "plain"),
    Column("correlation_id", "Ties trail, log and Azure's Activity Log together."),
    Column("why", "The reason that was given."),
    Column("data", "Everything else, as JSON.", "json"),
)


def _rows(asked: dict[str, Any]) -> "QuerySet[Any, Any]":
    return (
        matching(asked)
        .annotate(data_text=Cast("data", TextField()))
        .order_by("id")
        .values_list(
            "id",
            "uid",
            "at",
            "kind",
            "outcome",
            "actor_label",
            "actor_id",
            "subject_label",
            "subject_id",
            "object_kind",
            "object_id",
            "object_label",
            "resource_label",
            "story",
            "source_address",
            "correlation_id",
            "why",
            "data_text",
        )
    )


class Reviewed(Period):
    """Which rows of access reviews: of campaigns that began when, about whom, called what."""

    title = forms.CharField(label="Campaign", required=False, max_length=120)
    person = forms.CharField(label="Person", required=False, max_length=200)

    field_order = ("title", "person", "since", "until")


_REVIEW_COLUMNS = (
    Column("campaign", "The campaign's title."),
    Column("campaign_id", "The campaign's own id.", "plain"),
    Column("campaign_state", "Where the campaign stands."),
    Column("began_at", "When it began.", "time"),
    Column("due_at", "When it ends, or ended.", "time"),
    Column("closed_at", "When it was closed.", "time"),
    Column("closed_by", "Who signed it off."),
    Column("policy", "The policy it began under, by hash."),
    Column("person", "Whom the row is about, by name."),
    Column("person_id", "Whom: tenant and object id."),
    Column("entitlement", "The right that was looked at."),
    Column("resource", "What it leads to."),
    Column("recommendation", "keep or remove, as the portal recommended."),
    Column("recommended_because", "Why."),
    Column("reviewers", "Who was asked."),
    Column("decision", "keep, remove, or nothing yet."),
    Column("decided_by", "Who decided, by name."),
    Column("decided_by_id", "Who: tenant and object id, or a part of the portal."),
    Column("decided_at", "When.", "time"),
    Column("reason", "The reason that was given."),
    Column("applied_at", "When it was carried out.", "time"),
    Column("applied_note", "What that came to."),
    Column("facts", "What the reviewer saw, as JSON.", "json"),
)


def _reviewed(asked: dict[str, Any]) -> "QuerySet[Any, Any]":
    found = ReviewItem.objects.all()
    wanted = {
        "review__title__icontains": asked.get("title"),
        "person_label__icontains": asked.get("person"),
        "review__opened_at__gte": asked.get("since"),
        "review__opened_at__lte": asked.get("until"),
    }
    rows: QuerySet[Any, Any] = (
        found.filter(**{name: value for name, value in wanted.items() if value})
        .annotate(facts_text=Cast("facts", TextField()))
        .order_by("review", "id")
        .values_list(
            "review__title",
            "review__uid",
            "review__state",
            "review__opened_at",
            "review__due_at",
            "review__closed_at",
            "review__closed_by_label",
            "review__policy_hash",
            "person_label",
            "person_id",
            "right_label",
            "resource_label",
            "recommendation",
            "recommendation_why",
            "reviewer_labels",
            "decision",
            "decided_by_label",
            "decided_by_id",
            "decided_at",
            "reason",
            "applied_at",
            "applied_note",
            "facts_text",
        )
    )
    return rows


def register_all() -> None:
    """The trail can be exported, by the same filter its explorer has; and what access reviews decided."""
    register(
        Dataset(
            "reviews",
            "Access reviews",
            "One row for each person and right that was reviewed, with its decision and when it was carried out.",
            _REVIEW_COLUMNS,
            Reviewed,
            _reviewed,
        )
    )
    register(
        Dataset(
            "events",
            "Audit events",
            "One row for each event of the trail, oldest first.",
            _COLUMNS,
            EventFilter,
            _rows,
        )
    )
