"""Who could have what and how, from when until when: the past of eligibility, for proofs as of a date. Labels and keys."""

from django.db import models
from django.db.models import F, Q


class EligibilitySpan(models.Model):
    """One person could have one entitlement from `since` on; until `until`, or still. Looked at every few minutes."""

    class Way(models.TextChoices):
        ASK = "ask", "by asking"
        BREAK_GLASS = "break_glass", "by breaking the glass"

    person_id = models.CharField(max_length=80, help_text="tid:oid")
    person_label = models.CharField(max_length=200)
    right_key = models.CharField(max_length=80)
    way = models.CharField(max_length=16, choices=Way.choices, default=Way.ASK)
    right_label = models.CharField(max_length=200)
    resource_label = models.CharField(max_length=200)
    environment = models.CharField(max_length=40, blank=True)
    stages = models.CharField(
        max_length=300, blank=True, help_text="The stages it had to pass, when it began."
    )
    max_minutes = models.PositiveIntegerField()
    policy_hash = models.CharField(max_length=64)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["since", "until"], name="eligible_when")]
        constraints = [
            models.UniqueConstraint(
                fields=["person_id", "right_key", "way"],
                condition=Q(until__isnull=True),
                name="eligible_once",
            ),
            models.CheckConstraint(condition=Q(way__in=["ask", "break_glass"]), name="eligible_way_known"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("since")), name="eligible_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_label}: {self.right_label}"
