"""The outbox: mails and alerts written in the transaction of their event, and sent after it. No sending here."""

from django.db import models
from django.db.models import Q

from requests_app.models.person import Person


class Message(models.Model):
    """One notice to one person, address or channel, or one alert to the hook; its key makes it exactly one."""

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=40)
    recipient = models.ForeignKey(
        Person,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="messages",
        help_text="Nobody: it goes to the address, or else to the hook for alerts.",
    )
    address = models.EmailField(blank=True, help_text="Of somebody whom the portal does not know.")
    channel = models.CharField(
        max_length=40, blank=True, help_text="The name of a channel of NOTICE_CHANNELS; empty for mail."
    )
    digest = models.BooleanField(default=False, help_text="When due, it is joined with others into one mail.")
    context = models.JSONField(default=dict)
    story = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When to try (again). Empty once sent or given up."
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="message_due"),
            models.Index(fields=["story", "recipient"], condition=~Q(story=""), name="message_of_story"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(recipient__isnull=True) | Q(address=""), name="message_to_one_alone"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.whom}"

    @property
    def whom(self) -> str:
        """Return who gets it, in words."""
        someone = str(self.recipient or self.address)
        return " by ".join(filter(None, (someone, self.channel))) or "the hook"
