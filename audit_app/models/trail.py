"""The trail's table and the exports made of it. Rows are labels and ids, never foreign keys; events never change."""

import uuid

from django.db import models
from django.db.models.functions import Now


class Event(models.Model):
    """One line of the audit trail: who did what to what, when, from where, with which outcome.

    The database refuses UPDATE, DELETE and TRUNCATE (see the migration's trigger). People are a label and
    "tid:oid", so that a line outlives the row it speaks of.
    """

    class Outcome(models.TextChoices):
        """Whether what the line speaks of came to pass."""

        SUCCESS = "success", "Success"
        REFUSED = "refused", "Refused"
        FAILURE = "failure", "Failure"

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField(help_text="When it happened, by the portal's clock.")
    written_at = models.DateTimeField(
        db_default=Now(), help_text="When the row was written, by the database's clock."
    )
    kind = models.CharField(
        max_length=64, help_text="noun.verb in the past tense, such as request.submitted."
    )
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.SUCCESS)
    actor_id = models.CharField(max_length=80, help_text="tid:oid of a person, or system:part.")
    actor_label = models.CharField(max_length=200)
    subject_id = models.CharField(max_length=80, blank=True, help_text="The person it happened to.")
    subject_label = models.CharField(max_length=200, blank=True)
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=80, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    resource_label = models.CharField(max_length=200, blank=True)
    story = models.CharField(max_length=40, blank=True, help_text="The access request all its steps share.")
    source_address = models.GenericIPAddressField(null=True, blank=True)
    correlation_id = models.CharField(max_length=40)
    why = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="event_at"),
            models.Index(fields=["story", "id"], name="event_story"),
            models.Index(fields=["kind", "-id"], name="event_kind"),
            models.Index(fields=["actor_id", "-id"], name="event_actor"),
            models.Index(fields=["subject_id", "-id"], name="event_subject"),
            models.Index(fields=["resource_label", "-id"], name="event_resource"),
            models.Index(fields=["correlation_id"], name="event_correlation"),
            models.Index(fields=["source_address", "-id"], name="event_address"),
            models.Index(
                fields=["outcome", "-id"], condition=~models.Q(outcome="success"), name="event_not_success"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=["success", "refused", "failure"]), name="event_outcome_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="") & ~models.Q(actor_id=""), name="event_says_who_and_what"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor_label}"


class Export(models.Model):
    """One file somebody asked for: which dataset, filtered how. The file is made each time it is fetched."""

    class Form(models.TextChoices):
        """How the file is written."""

        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSON Lines"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset = models.CharField(max_length=40)
    filters = models.JSONField(default=dict, blank=True, help_text="The filter's own texts.")
    form = models.CharField(max_length=5, choices=Form, default=Form.CSV)
    packed = models.BooleanField(default=False, help_text="gzip")
    last_event = models.BigIntegerField(
        help_text="The trail up to here, so that a second fetch holds the same."
    )
    made_by_id = models.CharField(max_length=80, help_text="tid:oid of a person.")
    made_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    rows = models.PositiveBigIntegerField(null=True, blank=True, help_text="Known once it was fetched whole.")
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes, as last fetched whole.")
    digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the file, as last fetched whole."
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(form__in=["csv", "jsonl"]), name="export_form_known"),
            models.CheckConstraint(
                condition=models.Q(rows__isnull=True, finished_at__isnull=True)
                | models.Q(rows__isnull=False, finished_at__isnull=False),
                name="export_finished_has_rows",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} by {self.made_by_label}"

    @property
    def file_name(self) -> str:
        """Return what the file is called when it is saved."""
        return f"{self.dataset}-{self.created_at:%Y%m%dT%H%M%SZ}.{self.form}{'.gz' if self.packed else ''}"
