"""Exports that were asked for, and how far the making of each file has come. The files are made when they are fetched."""

import uuid
from datetime import datetime, timedelta
from typing import Final

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


# Who makes a file tells of it every two seconds, however slow its reader is.
_SILENT: Final = timedelta(seconds=30)


class ExportRun(models.Model):
    """One making of a file that takes longer than a moment: how far it has come, or how it ended.

    Ids, no keys: a regular export's own row is committed only with its file.
    """

    class Outcome(models.TextChoices):
        """How it stands."""

        RUNNING = "running", "Running"
        DONE = "done", "Done"
        BROKEN_OFF = "broken_off", "Broken off"

    export = models.UUIDField(help_text="The export's uid.")
    schedule = models.BigIntegerField(null=True, blank=True, help_text="The regular export it is made for.")
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When it was last heard of.")
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.RUNNING)
    rows = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    expected = models.PositiveBigIntegerField(null=True, blank=True, help_text="Rows to come, estimated.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["export", "-id"], name="export_run_of_export"),
            models.Index(
                fields=["schedule", "-id"],
                condition=models.Q(schedule__isnull=False),
                name="export_run_of_schedule",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome="running", ended_at__isnull=True)
                | models.Q(outcome__in=["done", "broken_off"], ended_at__isnull=False),
                name="export_run_ended_somehow",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} at {self.rows} rows"

    @property
    def percent(self) -> int | None:
        """Return how much of it is made; None where the estimate is none, or was passed."""
        return 100 * self.rows // self.expected if self.expected and self.rows <= self.expected else None

    def is_running(self, moment: datetime) -> bool:
        """Return whether somebody makes it now; one whose process died is heard of no more."""
        return self.outcome == self.Outcome.RUNNING and moment - self.seen_at < _SILENT

    def is_news(self, moment: datetime, since: datetime | None) -> bool:
        """Return whether this is worth saying now: it runs, or it came to nothing since then."""
        if self.is_running(moment):
            return True
        return self.outcome != self.Outcome.DONE and (since is None or self.began_at >= since)


class ExportSchedule(models.Model):
    """An export that is made again and again into one place, each file for the time since the one before."""

    class Every(models.TextChoices):
        """How often."""

        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every week"
        MONTHLY = "monthly", "Every month"

    id: int
    dataset = models.CharField(max_length=40)
    filters = models.JSONField(default=dict, blank=True)
    form = models.CharField(max_length=5, choices=Export.Form, default=Export.Form.CSV)
    packed = models.BooleanField(default=False)
    every = models.CharField(max_length=8, choices=Every)
    since = models.DateTimeField(help_text="Where the next file begins.")
    next_at = models.DateTimeField(help_text="Where the next file ends; it is written a minute later.")
    made_by_id = models.CharField(max_length=80)
    made_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)
    last_file = models.CharField(max_length=200, blank=True)
    last_error = models.TextField(blank=True, help_text="Why the next file could not be written yet.")
    retry_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(stopped_at__isnull=True), name="export_schedule_due"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(next_at__gt=models.F("since")), name="export_schedule_ends_after_start"
            ),
            models.CheckConstraint(
                condition=models.Q(every__in=["daily", "weekly", "monthly"]),
                name="export_schedule_every_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}, {self.get_every_display().lower()}"
