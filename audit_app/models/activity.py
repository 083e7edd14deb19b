"""What was last read of Azure's Activity Log for one story. The reading itself is in activity/."""

from django.db import models


class ActivityReading(models.Model):
    """One story's rows of Azure's Activity Log as a worker last read them; a web process never asks Azure itself."""

    story = models.CharField(max_length=40, unique=True)
    asked_at = models.DateTimeField(help_text="When somebody last asked for it to be read.")
    tried_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker last had an answer, or none."
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="Not before, as Azure asked; empty is at once."
    )
    read_at = models.DateTimeField(null=True, blank=True, help_text="Of which moment the rows are.")
    records = models.JSONField(default=list, blank=True)
    partial = models.TextField(blank=True, help_text="Why these are not all rows.")
    error = models.TextField(blank=True, help_text="Why the last try failed; the rows are then those before.")

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(read_at__isnull=False, tried_at__isnull=False)
                | models.Q(read_at__isnull=True, partial=""),
                name="activity_rows_have_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Activity Log of {self.story}"
