"""The trail itself as a dataset for export. Other datasets are handed down by the floors above."""

from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from audit_app.exports import Column, Dataset, register
from audit_app.filters import EventFilter, matching

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
    Column("data", "Everything else, as JSON."),
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


def register_all() -> None:
    """The trail can be exported, by the same filter its explorer has."""
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
