"""The trail's table, its exports and how far it was shipped. Labels and ids, never foreign keys; events never change."""

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

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dataset = models.CharField(max_length=40)
    filters = models.JSONField(default=dict, blank=True, help_text="The filter's own texts.")
    last_event = models.BigIntegerField(
        help_text="The trail up to here, so that a second fetch holds the same."
    )
    made_by_id = models.CharField(max_length=80, help_text="tid:oid of a person.")
    made_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    rows = models.PositiveBigIntegerField(null=True, blank=True, help_text="Known once it was fetched whole.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rows__isnull=True, finished_at__isnull=True)
                | models.Q(rows__isnull=False, finished_at__isnull=False),
                name="export_finished_has_rows",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} by {self.made_by_label}"


class ShippingCursor(models.Model):
    """How far the trail was shipped to one destination, who is at it, and how the last tries went."""

    destination = models.CharField(max_length=40, primary_key=True)
    shipped_to = models.BigIntegerField(
        default=0, help_text="The number of the last event that was taken or set aside."
    )
    taken = models.PositiveBigIntegerField(default=0, help_text="How many events it took, in all.")
    set_aside = models.PositiveBigIntegerField(default=0, help_text="How many it refused, one by one.")
    held_by = models.CharField(max_length=60, blank=True, help_text="The worker that is shipping.")
    held_until = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="Not before; empty is at once.")
    failures = models.PositiveIntegerField(default=0, help_text="How many tries failed in a row.")
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["destination"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(held_by="", held_until__isnull=True)
                | (~models.Q(held_by="") & models.Q(held_until__isnull=False)),
                name="shipping_held_by_somebody_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.destination} up to {self.shipped_to}"
