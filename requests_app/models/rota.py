"""Who is on call when, as the rotas of the policy were last read. Reading them is `rotas`."""

from django.db import models
from django.db.models import Q

from requests_app.models.person import Person


class Rota(models.Model):
    """One rota of the policy in force, and when it was last read whole."""

    name = models.CharField(max_length=80, unique=True)
    read_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="Why the last reading failed.")

    def __str__(self) -> str:
        return self.name


class Shift(models.Model):
    """A person is on call; without times, for as long as the rota says so."""

    rota = models.ForeignKey(Rota, on_delete=models.CASCADE, related_name="shifts")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="shifts")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True, ends_at__isnull=True)
                | Q(starts_at__isnull=False, ends_at__isnull=False),
                name="shift_has_both_ends",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} on call for {self.rota}"
