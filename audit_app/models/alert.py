"""Alerts: something in the trail that somebody should look at, once for each cause. Labels and ids, like the trail."""

from django.db import models
from django.db.models import Q

from audit_app.parties import About


class Alert(models.Model):
    """One thing worth a look: which rule saw it, in which event, and who has looked at it since."""

    id: int
    rule = models.CharField(max_length=40)
    cause = models.CharField(max_length=200, help_text="What it is about; the same cause is told once.")
    sentence = models.TextField()
    event_uid = models.UUIDField(null=True, blank=True, help_text="The event that made it so.")
    story = models.CharField(max_length=40, blank=True)
    raised_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by_id = models.CharField(max_length=80, blank=True)
    acknowledged_by_label = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["-id"], condition=Q(acknowledged_at__isnull=True), name="alert_open"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["rule", "cause"], name="alert_once_for_a_cause"),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by_id="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by_id="")),
                name="alert_acknowledged_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.sentence

    def about(self) -> About:
        """Return how the trail speaks of this alert."""
        return About(kind="alert", id=str(self.pk), label=self.rule.replace("_", " "), story=self.story)


class AlertCursor(models.Model):
    """How far in the chain of sealed events the rules have looked. One row."""

    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"looked at up to position {self.position}"
