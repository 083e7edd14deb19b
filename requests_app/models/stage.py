"""Stages of approval and the decisions in them. How approvers are found is kept; who they are is asked at the click."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from audit_app.trail import About
from requests_app.models.person import Person
from requests_app.models.request import AccessRequest

# By group, by name (a role, a rota), by person; a manager and an owner need no more.
_BY_NAME, _ALONE = ["role", "on_call"], ["manager", "owner"]


def _found(prefix: str, *, none: bool = False) -> Q:
    """Return what the columns of approvers, or of alternates, may hold together."""
    kind, group, name = f"{prefix}_kind", f"{prefix}_group", f"{prefix}_name"
    known = (
        Q(**{kind: "group", f"{group}__isnull": False, name: ""})
        | (Q(**{f"{kind}__in": _BY_NAME, f"{group}__isnull": True}) & ~Q(**{name: ""}))
        | Q(**{f"{kind}__in": _ALONE, f"{group}__isnull": True, name: ""})
    )
    return known | Q(**{kind: "", f"{group}__isnull": True, name: ""}) if none else known


class Stage(models.Model):
    """One step of approval: how its approvers are found, how many must agree, and by when.

    Stages of one `step` are decided at the same time. `due_at` is when the clock next looks at it: to remind, to
    escalate, to lapse, or to see whether anybody is there.
    """

    class State(models.TextChoices):
        """Where the stage stands."""

        WAITING = "waiting", "Not reached yet"
        ACTIVE = "active", "Waiting for a decision"
        APPROVED = "approved", "Approved"
        DENIED = "denied", "Denied"
        LAPSED = "lapsed", "Lapsed"
        CANCELLED = "cancelled", "Not needed any more"

    access_request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    step = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    title = models.CharField(max_length=120)
    approver_kind = models.CharField(max_length=10)
    approver_group = models.UUIDField(null=True, blank=True)
    approver_name = models.CharField(max_length=80, blank=True, help_text="Of the role or the rota.")
    approver_person = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="stages_of_their_own"
    )
    quorum = models.PositiveSmallIntegerField(default=1)
    everyone = models.BooleanField(default=False, help_text="All who may decide have to.")
    added_by = models.ForeignKey(
        Person,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="stages_added",
        help_text="The approver who asked for this stage; empty where policy did.",
    )
    remind_every = models.DurationField(null=True, blank=True)
    escalate_after = models.DurationField(null=True, blank=True)
    alternate_kind = models.CharField(max_length=10, blank=True)
    alternate_group = models.UUIDField(null=True, blank=True)
    alternate_name = models.CharField(max_length=80, blank=True)
    lapse_after = models.DurationField()
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    activated_at = models.DateTimeField(null=True, blank=True)
    timed_from = models.DateTimeField(
        null=True, blank=True, help_text="Since when its time runs: anew after a question was answered."
    )
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True, help_text="Since when alternates may decide.")
    nobody_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when nobody who may decide is there."
    )
    lapses_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    asked = models.ManyToManyField(
        Person, related_name="asked_stages", help_text="Who was told. Rights are checked anew."
    )

    class Meta:
        ordering = ["access_request_id", "step", "position"]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="active"), name="stage_due")]
        constraints = [
            models.UniqueConstraint(fields=["access_request", "position"], name="stage_position_once"),
            models.CheckConstraint(condition=Q(quorum__gte=1), name="stage_quorum_positive"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "active", "approved", "denied", "lapsed", "cancelled"]),
                name="stage_state_known",
            ),
            models.CheckConstraint(
                condition=(_found("approver") & Q(approver_person__isnull=True))
                | Q(
                    approver_kind="person",
                    approver_person__isnull=False,
                    approver_group__isnull=True,
                    approver_name="",
                ),
                name="stage_approvers_known",
            ),
            models.CheckConstraint(condition=_found("alternate", none=True), name="stage_alternates_known"),
            models.CheckConstraint(
                condition=Q(alternate_kind="", escalate_after__isnull=True)
                | (~Q(alternate_kind="") & Q(escalate_after__isnull=False)),
                name="stage_escalates_to_somebody",
            ),
            # Nothing waits for ever: whatever is being decided has an end, and a time at which somebody looks.
            models.CheckConstraint(
                condition=~Q(state="active")
                | Q(lapses_at__isnull=False, due_at__isnull=False, timed_from__isnull=False),
                name="stage_active_has_clock",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} of request {self.access_request_id}"

    def about(self) -> About:
        """Return how the trail speaks of this stage."""
        whole = self.access_request.about()
        return About(
            kind="stage",
            id=str(self.pk),
            label=f"{self.title}: {whole.label}",
            resource=whole.resource,
            subject=whole.subject,
            story=whole.story,
        )


class Decision(models.Model):
    """One person's vote in one stage: their own, or in place of somebody who lent them the right.

    One vote per person and request, and one per person it was cast for. `saw` is what the voter was shown, `changed`
    what they made of it: a shorter time, a narrower source.
    """

    class Vote(models.TextChoices):
        """What was voted."""

        APPROVE = "approve", "Approved"
        DENY = "deny", "Denied"

    access_request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="decisions")
    stage = models.ForeignKey(Stage, on_delete=models.CASCADE, related_name="decisions")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="decisions")
    in_place_of = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions_for_them"
    )
    vote = models.CharField(max_length=8, choices=Vote)
    reason = models.TextField(blank=True)
    saw = models.JSONField(default=dict, blank=True)
    changed = models.JSONField(default=dict, blank=True)
    decided_at = models.DateTimeField()
    source_address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        ordering = ["decided_at", "id"]
        indexes = [models.Index(fields=["person", "-decided_at"], name="decision_of_person")]
        constraints = [
            models.UniqueConstraint(fields=["access_request", "person"], name="decision_once_per_person"),
            models.UniqueConstraint(
                F("access_request"), Coalesce("in_place_of", "person"), name="decision_once_per_voice"
            ),
            models.CheckConstraint(
                condition=Q(in_place_of__isnull=True) | ~Q(in_place_of=F("person")),
                name="decision_for_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(vote="approve") | (Q(vote="deny") & ~Q(reason="")), name="denial_says_why"
            ),
            models.CheckConstraint(condition=Q(vote__in=["approve", "deny"]), name="decision_vote_known"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.get_vote_display().lower()} request {self.access_request_id}"
