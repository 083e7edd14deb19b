"""Rights that were taken away from one person although policy gives them. Policy honours each until it is given back."""

from django.db import models
from django.db.models import Q

from audit_app.parties import About
from requests_app.models.catalogue import Entitlement
from requests_app.models.person import Person


class TakenAway(models.Model):
    """One entitlement one person may not ask for, whatever the rules say: an exception to policy, with its reason."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="taken_away")
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="taken_away")
    taken_at = models.DateTimeField()
    taken_by_label = models.CharField(max_length=200)
    why = models.TextField()
    origin = models.CharField(max_length=40, help_text="The story it came of, such as review-4.")
    given_back_at = models.DateTimeField(null=True, blank=True)
    given_back_by_label = models.CharField(max_length=200, blank=True)
    given_back_why = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "right taken away"
        verbose_name_plural = "rights taken away"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "entitlement"], condition=Q(given_back_at__isnull=True), name="taken_once"
            ),
            models.CheckConstraint(condition=~Q(why=""), name="taken_says_why"),
            models.CheckConstraint(
                condition=Q(given_back_at__isnull=True, given_back_why="")
                | (Q(given_back_at__isnull=False) & ~Q(given_back_why="")),
                name="given_back_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entitlement}, taken away from {self.person}"

    def about(self) -> About:
        """Return how the trail speaks of this."""
        return About(
            kind="entitlement",
            id=self.entitlement.key,
            label=self.entitlement.name,
            resource=self.entitlement.resource.name,
            subject=self.person.party,
            story=self.origin,
        )
