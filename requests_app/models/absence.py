"""Who is away, and who decides for whom meanwhile. Whether that lets somebody decide is `deciders`."""

from datetime import datetime
from typing import TypeVar

from django.db import models
from django.db.models import F, Q

from requests_app.models.person import Person

_Row = TypeVar("_Row", bound=models.Model)


class SpanManager(models.Manager[_Row]):
    """Finds spans of time by where a moment lies in them."""

    def at(self, moment: datetime) -> models.QuerySet[_Row]:
        """Return those in force at that moment."""
        return self.not_over(moment).filter(starts_at__lte=moment)

    def not_over(self, moment: datetime) -> models.QuerySet[_Row]:
        """Return those in force at that moment or later."""
        return self.filter(called_off_at=None, ends_at__gt=moment)


class Absence(models.Model):
    """A person is out of office from one instant to another: still able to decide, but not waited for."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    made_at = models.DateTimeField()
    called_off_at = models.DateTimeField(null=True, blank=True)

    objects = SpanManager["Absence"]()

    class Meta:
        ordering = ["starts_at", "id"]
        indexes = [models.Index(fields=["person", "ends_at"], name="absence_of_person")]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_ends_after_start")
        ]

    def __str__(self) -> str:
        return f"{self.person} away until {self.ends_at:%Y-%m-%d %H:%M}"


class Delegation(models.Model):
    """What the giver may decide, the receiver may decide in their place, for that time. It is not passed on."""

    giver = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="delegations_given")
    receiver = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="delegations_received")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    why = models.TextField(blank=True)
    made_at = models.DateTimeField()
    called_off_at = models.DateTimeField(null=True, blank=True)

    objects = SpanManager["Delegation"]()

    class Meta:
        ordering = ["starts_at", "id"]
        indexes = [
            models.Index(fields=["giver", "ends_at"], name="delegation_of_giver"),
            models.Index(fields=["receiver", "ends_at"], name="delegation_of_receiver"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="delegation_ends_after_start"
            ),
            models.CheckConstraint(condition=~Q(giver=F("receiver")), name="delegation_to_somebody_else"),
        ]

    def __str__(self) -> str:
        return f"{self.receiver} for {self.giver} until {self.ends_at:%Y-%m-%d %H:%M}"
