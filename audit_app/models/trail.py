"""The trail's table. Its rows are labels and ids, never foreign keys; they never change."""

import uuid

from django.db import models
from django.db.models.functions import Now

from audit_app.fields import TransactionField, fresh_salt, new_salt, this_transaction


class Event(models.Model):
    """One line of the audit trail: who did what to what, when, from where, with which outcome.

    The database refuses UPDATE, DELETE and TRUNCATE (see the migration's trigger), but for the erasing of a person.
    People are a label and "tid:oid", so that a line outlives the row it speaks of.
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
    # Made here: the database takes a tenth of the row's time to make one. It does so for rows written by SQL alone.
    salt = models.BinaryField(
        null=True,
        editable=False,
        default=new_salt,
        db_default=fresh_salt(),
        help_text="Of its commitments; gone when erased.",
    )
    written_by = TransactionField(
        db_default=this_transaction(), editable=False, help_text="The transaction that wrote it."
    )

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
            models.Index(fields=["written_by", "id"], name="event_written_by"),
            # What the overview counts, without a look at the rows themselves (pictures/figures.py).
            models.Index(
                fields=["kind", "at"],
                include=["id", "story", "object_id", "resource_label", "subject_id"],
                condition=models.Q(
                    kind__in=["request.submitted", "request.approved", "grant.opened", "grant.closed"]
                ),
                name="event_counted",
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
