"""An administrator's word that this very database may act on its beliefs. What unarmed means is not decided here."""

from django.db import models


class Arming(models.Model):
    """The portal may open, from then on, in the database with this fingerprint; or may only close, where not `armed`."""

    fingerprint = models.CharField(max_length=120)
    armed = models.BooleanField()
    at = models.DateTimeField()
    by_label = models.CharField(max_length=200)
    why = models.TextField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{'Armed' if self.armed else 'Close-only'} since {self.at:%Y-%m-%d %H:%M:%S}"
