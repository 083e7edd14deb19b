"""Machines that may ask about latch codes, or revoke them: who they are, what they may, what of it they see."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from audit_app.parties import About, Party
from requests_app.models.catalogue import Entitlement


class Verifier(models.Model):
    """One client of introspection and revocation, such as a jump host. Its secret is kept as a digest, never as text.

    Without resources and tags it sees every code; with some, only what is about one of them.
    """

    class Scope(models.TextChoices):
        """What a verifier may do."""

        INTROSPECT = "introspect", "Ask whether a code is good"
        REVOKE = "revoke", "Revoke a code"

    key = models.SlugField(
        "client id", max_length=80, unique=True, help_text="What it signs in as, such as jump-host-1."
    )
    name = models.CharField(max_length=120, help_text="What people call it; it stands in the audit trail.")
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of its secret.")
    may_introspect = models.BooleanField("may ask", default=True, help_text="Whether a latch code is good.")
    may_revoke = models.BooleanField(
        "may revoke", default=False, help_text="A latch code, and with it what it opened."
    )
    resources = models.JSONField(default=list, blank=True, help_text="Keys of resources.")
    tags = models.JSONField(default=list, blank=True, help_text="Tags of entitlements.")
    made_at = models.DateTimeField(editable=False)
    made_by_label = models.CharField("made by", max_length=200, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="To the minute; never, where it is empty."
    )
    refused_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When it was last told in the trail that it was refused.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(may_introspect=True) | Q(may_revoke=True), name="verifier_may_something"
            ),
            models.CheckConstraint(condition=~Q(digest=""), name="verifier_has_secret"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def party(self) -> Party:
        """Return this machine as the trail knows it."""
        return Party(id=f"verifier:{self.key}", label=self.name)

    @property
    def scopes(self) -> frozenset[str]:
        """Return what it may do."""
        may = {self.Scope.INTROSPECT: self.may_introspect, self.Scope.REVOKE: self.may_revoke}
        return frozenset(scope.value for scope, allowed in may.items() if allowed)

    def sees(self, entitlement: Entitlement) -> bool:
        """Return whether this entitlement is among what it may know of."""
        if not self.resources and not self.tags:
            return True
        return entitlement.resource.key in self.resources or bool(set(self.tags) & set(entitlement.tags))

    def about(self) -> About:
        """Return how the trail speaks of this verifier."""
        return About(kind="verifier", id=self.key, label=self.name)

    def said(self) -> dict[str, Any]:
        """Return what may change about it, as the trail keeps it."""
        return {
            "name": self.name,
            "scopes": sorted(self.scopes),
            "resources": list(self.resources),
            "tags": list(self.tags),
            "enabled": self.disabled_at is None,
        }

    def used_lately(self, moment: datetime, within: Any) -> bool:
        """Return whether its use within this time was noted already."""
        return self.last_used_at is not None and moment - self.last_used_at < within
