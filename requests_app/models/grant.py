"""The right that came out of an approved request, and the signed codes that carry it."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q

from audit_app.trail import About
from requests_app.models.catalogue import Entitlement
from requests_app.models.person import Person
from requests_app.models.request import AccessRequest, RequestItem


class Grant(models.Model):
    """The right of one person to one entitlement, from one address, for so long."""

    class State(models.TextChoices):
        """Where the grant stands."""

        ISSUED = "issued", "Ready to activate"
        OPENING = "opening", "Opening"
        OPEN = "open", "Open"
        EXTENDING = "extending", "Extending"
        CLOSING = "closing", "Closing"
        CLOSED = "closed", "Closed"

    class Why(models.TextChoices):
        """Why a grant ended."""

        EXPIRED = "expired", "Time was up"
        ENDED = "ended", "Ended early by its holder"
        REVOKED = "revoked", "Revoked"
        FAILED = "failed", "Could not be opened"
        CANCELLED = "cancelled", "Cancelled before use"
        UNUSED = "unused", "Never activated"
        REMOVED_IN_AZURE = "removed_in_azure", "Removed in Azure"
        RISK = "risk", "Risk"
        REVIEWED = "reviewed", "Removed by a review"

    id: int
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    item = models.ForeignKey(RequestItem, on_delete=models.PROTECT, related_name="grants")
    access_request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="grants")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="grants")
    state = models.CharField(max_length=12, choices=State, default=State.ISSUED)
    source_address = models.CharField(max_length=50)
    duration = models.DurationField()
    policy_hash = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    activate_by = models.DateTimeField()
    activate_from = models.DateTimeField(
        null=True, blank=True, help_text="When its window begins; empty: it could be activated once issued."
    )
    closes_by = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When its window ends, and it with it, however late it was activated.",
    )
    told_start_at = models.DateTimeField(
        null=True, blank=True, help_text="When its holder was told that the window has begun."
    )
    activated_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(
        null=True, blank=True, help_text="When the rule was read back from Azure."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    hard_end = models.DateTimeField(
        null=True, blank=True, help_text="The end written into Azure. Never passed."
    )
    extend_to = models.DateTimeField(
        null=True, blank=True, help_text="While extending: the end that is being written into Azure."
    )
    again_of = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="again",
        help_text="The grant removed by hand in Azure whose time that was left this one uses.",
    )
    break_glass = models.BooleanField(default=False, help_text="Opened in an emergency, with nobody asked.")
    overdue_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was said that this closing is late."
    )
    told_end = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The end its holder was told of shortly before; a later one is told anew.",
    )
    ending_at = models.DateTimeField(null=True, blank=True, help_text="When closing became due.")
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the rule's absence was read back."
    )
    ended_why = models.CharField(max_length=20, choices=Why, blank=True)
    ended_note = models.TextField(blank=True)
    flush_connection = models.BooleanField(
        null=True, help_text="Whether the NSG re-evaluates live connections."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["person", "-id"], name="grant_of_person"),
            models.Index(fields=["access_request"], name="grant_of_request"),
            models.Index(fields=["state"], condition=~Q(state="closed"), name="grant_live"),
            models.Index(fields=["-closed_at"], condition=Q(closed_at__isnull=False), name="grant_closed_at"),
            models.Index(
                fields=["activate_from"],
                condition=Q(state="issued", activate_from__isnull=False, told_start_at__isnull=True),
                name="grant_beginning",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["item"],
                condition=Q(again_of__isnull=True, activate_from__isnull=True),
                name="grant_one_per_item",
            ),
            models.UniqueConstraint(
                fields=["item", "activate_from"],
                condition=Q(again_of__isnull=True, activate_from__isnull=False),
                name="grant_one_per_window",
            ),
            models.CheckConstraint(
                condition=Q(activate_from__isnull=True, closes_by__isnull=True)
                | Q(activate_from__lt=F("activate_by"), activate_by__lte=F("closes_by")),
                name="grant_window_has_end",
            ),
            models.CheckConstraint(
                condition=Q(closes_by__isnull=True)
                | Q(hard_end__isnull=True)
                | Q(hard_end__lte=F("closes_by")),
                name="grant_never_past_window",
            ),
            models.CheckConstraint(
                condition=Q(activate_from__isnull=True)
                | Q(activated_at__isnull=True)
                | Q(activated_at__gte=F("activate_from")),
                name="grant_never_before_window",
            ),
            models.UniqueConstraint(
                fields=["person", "entitlement"],
                condition=Q(
                    break_glass=True,
                    again_of__isnull=True,
                    state__in=["issued", "opening", "open", "extending"],
                ),
                name="grant_one_broken_glass",
            ),
            models.CheckConstraint(
                condition=Q(state="extending", extend_to__isnull=False)
                | (~Q(state="extending") & Q(extend_to__isnull=True)),
                name="grant_extending_says_to",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["issued", "opening", "open", "extending", "closing", "closed"]),
                name="grant_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["open", "extending"])
                | Q(opened_at__isnull=False, expires_at__isnull=False, hard_end__isnull=False),
                name="grant_open_has_times",
            ),
            models.CheckConstraint(
                condition=~Q(state="opening") | Q(activated_at__isnull=False, hard_end__isnull=False),
                name="grant_opening_has_end",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["closing", "closed"], ending_at__isnull=False) & ~Q(ended_why="")
                | Q(state__in=["issued", "opening", "open", "extending"], ended_why=""),
                name="grant_end_says_why",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True)),
                name="grant_closed_has_time",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__lte=F("hard_end")),
                name="grant_never_past_hard_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entitlement} for {self.person}"

    def begun(self, moment: datetime) -> bool:
        """Return whether it may be activated by now, as far as its window is concerned."""
        return self.activate_from is None or self.activate_from <= moment

    @property
    def live(self) -> bool:
        """Return whether something of this grant is, or may be, open in Azure."""
        return self.state in {self.State.OPENING, self.State.OPEN, self.State.EXTENDING, self.State.CLOSING}

    def about(self) -> About:
        """Return how the trail speaks of this grant."""
        return About(
            kind="grant",
            id=str(self.uid),
            label=self.entitlement.name,
            resource=self.entitlement.resource.name,
            subject=self.person.party,
            story=f"request-{self.access_request_id}",
        )


class LatchCode(models.Model):
    """A signed code: kept as jti and digest, never as text. Live until spent or revoked."""

    access_request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="codes")
    jti = models.UUIDField(unique=True)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the code.")
    kid = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    activate_from = models.DateTimeField(
        null=True, blank=True, help_text="When the window begins that it is for; empty: there are none."
    )
    spent_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_why = models.CharField(max_length=200, blank=True)
    status_list = models.PositiveIntegerField(null=True, blank=True, editable=False)
    status_index = models.PositiveIntegerField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status_list", "expires_at"], name="code_status_lately")]
        constraints = [
            models.UniqueConstraint(fields=["status_list", "status_index"], name="code_status_place_once"),
            models.CheckConstraint(
                condition=Q(status_list__isnull=True, status_index__isnull=True)
                | Q(status_list__isnull=False, status_index__isnull=False),
                name="code_status_place_whole",
            ),
            models.UniqueConstraint(
                fields=["access_request"],
                condition=Q(spent_at__isnull=True, revoked_at__isnull=True),
                name="code_one_live_per_request",
            ),
            models.CheckConstraint(
                condition=Q(spent_at__isnull=True) | Q(revoked_at__isnull=True), name="code_spent_or_revoked"
            ),
        ]

    def __str__(self) -> str:
        return f"Latch code {self.jti}"
