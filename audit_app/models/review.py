"""Access reviews and their rows: should they still have it? Labels and ids, never rows of the floors above."""

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from audit_app.parties import About, Party


class AccessReview(models.Model):
    """One campaign: what is looked at, by whom, until when, and what silence means."""

    class State(models.TextChoices):
        """Where the campaign stands."""

        PLANNED = "planned", "Planned"
        OPEN = "open", "Running"
        CLOSED = "closed", "Closed"

    class Reviewers(models.TextChoices):
        """Who is asked about a row."""

        MANAGER = "manager", "Each person's manager"
        OWNER = "owner", "Each resource's owner"
        NAMED = "named", "People I name"

    class Silence(models.TextChoices):
        """What happens to rows that nobody decided until the end."""

        REMOVE = "remove", "Remove"
        KEEP = "keep", "Keep"
        ASK_AGAIN = "ask_again", "Ask again in a new campaign"

    class Recurrence(models.TextChoices):
        """When the next campaign of the same kind begins, counted from this one's start."""

        NEVER = "never", "Once"
        WEEKLY = "weekly", "Every week"
        MONTHLY = "monthly", "Every month"
        QUARTERLY = "quarterly", "Every three months"
        HALF_YEARLY = "half_yearly", "Every six months"
        YEARLY = "yearly", "Every year"

    id: int
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(max_length=120)
    source = models.CharField(max_length=40, help_text="Which dataset of rights is reviewed.")
    scope: Any = models.JSONField(
        default=dict, help_text="What of it: keys by dimension, as the source knows them."
    )
    reviewers = models.CharField(max_length=8, choices=Reviewers, default=Reviewers.MANAGER)
    named: Any = models.JSONField(default=list, blank=True, help_text="[id, label] of each named reviewer.")
    escalate_to: Any = models.JSONField(
        default=list, blank=True, help_text="[id, label] of those who are asked as well near the end."
    )
    starts_at = models.DateTimeField()
    due_at = models.DateTimeField()
    recurrence = models.CharField(max_length=12, choices=Recurrence, default=Recurrence.NEVER)
    remind_days = models.PositiveSmallIntegerField(
        default=3, help_text="So many days before the end; 0: never."
    )
    silence = models.CharField(max_length=10, choices=Silence, default=Silence.REMOVE)
    state = models.CharField(max_length=8, choices=State, default=State.PLANNED)
    made_by_id = models.CharField(max_length=80)
    made_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by_id = models.CharField(max_length=80, blank=True)
    closed_by_label = models.CharField(max_length=200, blank=True)
    closing_note = models.TextField(blank=True)
    policy_hash = models.CharField(max_length=64, blank=True, help_text="The policy in force when it began.")
    follows = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="followed_by"
    )
    asked_again_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="asked_again_in"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["starts_at"], condition=Q(state="planned"), name="review_planned"),
            models.Index(fields=["due_at"], condition=Q(state="open"), name="review_running"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(due_at__gt=F("starts_at")), name="review_ends_after_start"),
            models.CheckConstraint(
                condition=Q(state="planned", opened_at__isnull=True, closed_at__isnull=True)
                | Q(state="open", opened_at__isnull=False, closed_at__isnull=True)
                | Q(state="closed", closed_at__isnull=False),
                name="review_state_has_times",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def story(self) -> str:
        """Return what ties every event of this campaign together."""
        return f"review-{self.id}"

    def about(self) -> About:
        """Return how the trail speaks of this campaign."""
        return About(kind="review", id=str(self.uid), label=self.title, story=self.story)


class ReviewItemQuerySet(models.QuerySet["ReviewItem"]):
    """Ways of finding rows that already encode who may see them."""

    def asked_of(self, person_id: str) -> Self:
        """Return the rows this person is asked about; never a row about themself."""
        return self.filter(reviewer_ids__contains=[person_id]).exclude(person_id=person_id)

    def waiting(self) -> Self:
        """Return the rows of running campaigns that nobody decided yet."""
        return self.filter(state=ReviewItem.State.UNDECIDED, review__state=AccessReview.State.OPEN)


class ReviewItem(models.Model):
    """One person and one right, and what was decided about them. A decision may be undone until it is applied."""

    class State(models.TextChoices):
        """Where the row stands."""

        UNDECIDED = "undecided", "Undecided"
        KEEP = "keep", "Keep"
        REMOVE = "remove", "Remove"
        APPLIED = "applied", "Applied"

    class Choice(models.TextChoices):
        """What can be decided."""

        KEEP = "keep", "Keep"
        REMOVE = "remove", "Remove"

    id: int
    review = models.ForeignKey(AccessReview, on_delete=models.PROTECT, related_name="items")
    key = models.CharField(max_length=120, help_text="The source's own name of person and right.")
    person_id = models.CharField(max_length=80)
    person_label = models.CharField(max_length=200)
    right_key = models.CharField(max_length=80)
    right_label = models.CharField(max_length=200)
    resource_label = models.CharField(max_length=200)
    facts: Any = models.JSONField(
        default=dict, help_text="What a reviewer needs, as it was when the campaign began."
    )
    never_used = models.BooleanField(default=False)
    recommendation = models.CharField(max_length=8, choices=Choice)
    recommendation_why = models.CharField(max_length=300)
    reviewer_ids: Any = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    apart_ids: Any = ArrayField(
        models.CharField(max_length=80),
        default=list,
        blank=True,
        help_text="Who has a part in it beside the person, and is never asked.",
    )
    reviewer_labels = models.CharField(max_length=600, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.UNDECIDED)
    decision = models.CharField(max_length=8, choices=Choice, blank=True)
    decided_by_id = models.CharField(max_length=80, blank=True)
    decided_by_label = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    applied_note = models.CharField(max_length=300, blank=True)

    objects: ClassVar[Any] = models.Manager.from_queryset(ReviewItemQuerySet)()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["review", "state", "id"], name="review_item_state"),
            models.Index(fields=["decided_at"], condition=Q(state="remove"), name="review_item_to_apply"),
            GinIndex(fields=["reviewer_ids"], name="review_item_reviewers"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["review", "key"], name="review_item_once"),
            models.CheckConstraint(
                condition=Q(state="undecided", decision="", decided_at__isnull=True, applied_at__isnull=True)
                | Q(state="keep", decision="keep", decided_at__isnull=False, applied_at__isnull=True)
                | Q(state="remove", decision="remove", decided_at__isnull=False, applied_at__isnull=True)
                | Q(state="applied", decision__in=["keep", "remove"], applied_at__isnull=False),
                name="review_item_state_has_parts",
            ),
            models.CheckConstraint(
                condition=~Q(decision="remove") | ~Q(reason=""), name="review_item_removal_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_label}: {self.right_label}"

    def about(self) -> About:
        """Return how the trail speaks of this row."""
        return About(
            kind="review_item",
            id=str(self.pk),
            label=self.right_label,
            resource=self.resource_label,
            subject=Party(self.person_id, self.person_label),
            story=f"review-{self.review_id}",
        )

    def decided(self, choice: str, by: Party, moment: datetime, reason: str) -> dict[str, Any]:
        """Return the columns that hold this decision."""
        return {
            "decision": choice,
            "decided_by_id": by.id,
            "decided_by_label": by.label[:200],
            "decided_at": moment,
            "reason": reason,
        }
