"""How far the trail was shipped to each destination. The shipping itself is in shipping/."""

from django.db import models


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
