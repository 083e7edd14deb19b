"""Exports that were asked for. The files themselves are made when they are fetched."""

import uuid

from django.db import models


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
