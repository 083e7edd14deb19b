"""What each person chose of the notices they get. What may be chosen stands in notices/topics.py; no sending here."""

from datetime import time

from django.db import models
from django.db.models import Q

from requests_app.models.person import Person


class NoticeChoices(models.Model):
    """One person's choices; without a row everything comes at once."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="notice_choices")
    levels = models.JSONField(
        default=dict, help_text="Topic -> now, digest or off; what is missing comes at once."
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    digest_at = models.TimeField(default=time(8))
    time_zone = models.CharField(max_length=64, help_text="In which the three times are meant.")
    channel = models.CharField(
        max_length=40, blank=True, help_text="A channel of NOTICE_CHANNELS beside mail."
    )

    class Meta:
        verbose_name_plural = "notice choices"
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | (Q(quiet_from__isnull=False, quiet_to__isnull=False) & ~Q(quiet_from=models.F("quiet_to"))),
                name="quiet_hours_begin_and_end",
            ),
        ]

    def __str__(self) -> str:
        return f"What {self.person} wants to hear"
