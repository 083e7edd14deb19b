"""Access requests and their items. Who may see what is a queryset; what may happen is not here."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from audit_app.trail import About
from requests_app.models.catalogue import Entitlement
from requests_app.models.person import Person
from requests_app.policy.windows import EVERY, Plan, Window


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    """Ways of finding requests that already encode who may see them."""

    def visible_to(self, person: Person) -> Self:
        """Return what this person may see: their own, what they asked, decided, were asked or alerted about, or all."""
        if person.is_administrator or person.is_auditor:
            return self
        return self.filter(
            Q(requester=person)
            | Q(asked_by=person)
            | Q(decisions__person=person)
            | Q(stages__asked=person)
            | Q(break_glass=True, alerted=person)
        ).distinct()


class AccessRequest(models.Model):
    """Who asks for which entitlements, for how long, from where and why."""

    class State(models.TextChoices):
        """Where the request stands."""

        PENDING = "pending", "Waiting for approval"
        RETURNED = "returned", "Question to the requester"
        APPROVED = "approved", "Approved"
        DENIED = "denied", "Denied"
        WITHDRAWN = "withdrawn", "Withdrawn"
        LAPSED = "lapsed", "Lapsed"

    id: int
    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="access_requests")
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    reason = models.TextField()
    ticket = models.CharField(max_length=80, blank=True)
    duration = models.DurationField()
    source_address = models.CharField(max_length=50, help_text="One address or prefix, as policy allowed it.")
    observed_address = models.GenericIPAddressField(null=True, blank=True)
    submitted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    lapses_at = models.DateTimeField(null=True, blank=True)
    activate_within = models.DurationField()
    policy_hash = models.CharField(max_length=64)
    correlation_id = models.CharField(max_length=40)
    sign_in = models.JSONField(
        default=dict, blank=True, help_text="auth_time and acrs of the asking session."
    )
    extends = models.ForeignKey(
        "requests_app.Grant",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="extensions",
        help_text="The open grant this asks more time for; `duration` is then the whole time.",
    )
    starts: Any = ArrayField(
        models.DateTimeField(),
        default=list,
        blank=True,
        help_text="When each window begins that was asked for; empty: now. Each lasts as long as `duration`.",
    )
    time_zone = models.CharField(
        max_length=60, blank=True, help_text="By whose clocks `starts` were chosen; empty: now was asked for."
    )
    every = models.CharField(
        max_length=12, blank=True, choices=list(EVERY.items()), help_text="How often the windows come back."
    )
    break_glass = models.BooleanField(
        default=False,
        help_text="Opened in an emergency, with nobody asked: those who were skipped were alerted.",
    )
    alerted = models.ManyToManyField(
        Person,
        blank=True,
        related_name="alerted_of",
        help_text="Who was told at once that the glass was broken.",
    )
    asked_by = models.ForeignKey(
        Person,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="asked_for_others",
        help_text="Who asked, where that is not the requester, who gets the access.",
    )
    submission_key = models.UUIDField(help_text="Made by the form: the same form sent twice is one request.")

    objects: ClassVar[models.Manager["AccessRequest"]] = models.Manager.from_queryset(AccessRequestQuerySet)()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["requester", "-id"], name="request_of_person"),
            models.Index(
                fields=["lapses_at"], condition=Q(state__in=["pending", "returned"]), name="request_lapsing"
            ),
            models.Index(fields=["state", "id"], name="request_state"),
            models.Index(
                fields=["requester", "-decided_at"],
                condition=Q(state__in=["denied", "lapsed"]),
                name="request_refused",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["requester", "submission_key"], name="request_form_once"),
            models.UniqueConstraint(
                fields=["extends"],
                condition=Q(state__in=["pending", "returned"]),
                name="request_one_extension_at_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "returned", "approved", "denied", "withdrawn", "lapsed"]),
                name="request_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "returned"], decided_at__isnull=True)
                | Q(state__in=["approved", "denied", "withdrawn", "lapsed"], decided_at__isnull=False),
                name="request_decided_has_time",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="request_has_reason"),
            models.CheckConstraint(
                condition=Q(break_glass=False)
                | Q(state="approved", extends__isnull=True)
                | Q(state="pending", extends__isnull=True),
                name="request_glass_waits_for_nobody",
            ),
            models.CheckConstraint(
                condition=Q(starts__len=0, time_zone="", every="")
                | Q(starts__len=1, extends__isnull=True, break_glass=False, every="") & ~Q(time_zone="")
                | Q(starts__len__gt=1, extends__isnull=True, break_glass=False)
                & ~Q(time_zone="")
                & ~Q(every=""),
                name="request_later_is_new",
            ),
            models.CheckConstraint(
                condition=Q(asked_by__isnull=True)
                | (Q(break_glass=False, extends__isnull=True) & ~Q(asked_by=models.F("requester"))),
                name="request_asked_for_another",
            ),
        ]

    def __str__(self) -> str:
        return f"Request {self.id}"

    @property
    def story(self) -> str:
        """Return what ties every event of this request together."""
        return f"request-{self.id}"

    @property
    def asked_end(self) -> datetime | None:
        """Return when the open grant would end if this is agreed to; None unless it asks more time for one."""
        opened = self.extends.opened_at if self.extends else None
        return opened + self.duration if opened else None

    @property
    def plan(self) -> Plan | None:
        """Return when it was asked for; None for now."""
        return Plan(tuple(self.starts), self.time_zone, self.every) if self.starts else None

    @property
    def windows(self) -> tuple[Window, ...]:
        """Return from when to when it may be had, in order; none where it is to be activated once approved."""
        return self.plan.windows(self.duration) if self.plan else ()

    def windows_left(self, moment: datetime) -> tuple[Window, ...]:
        """Return those of its windows in which something could still be activated."""
        return tuple(window for window in self.windows if moment < window.last_chance)

    @property
    def own_to(self) -> tuple[int, ...]:
        """Return whose request it is: who gets the access and who asked for them. Neither decides it."""
        return (self.requester_id, self.asked_by_id) if self.asked_by_id else (self.requester_id,)

    def is_of(self, person: Person) -> bool:
        """Return whether this person gets the access, or asked for it."""
        return person.pk in self.own_to

    def about(self) -> About:
        """Return how the trail speaks of this request."""
        label, resource = self._what
        return About(
            kind="access_request",
            id=str(self.id),
            label=label or str(self),
            resource=resource,
            subject=self.requester.party,
            story=self.story,
        )

    @cached_property
    def wanted(self) -> "list[RequestItem]":
        """Return the items with entitlement and resource; read once, for what was asked for never changes."""
        return list(self.items.select_related("entitlement__resource", "left_out_by"))

    @property
    def kept(self) -> "list[RequestItem]":
        """Return the items that no approver left out."""
        return [item for item in self.wanted if item.left_out_at is None]

    @cached_property
    def _what(self) -> tuple[str, str]:
        """What is asked for, as the trail names it."""
        wanted = [item.entitlement for item in self.wanted]
        return (
            ", ".join(entitlement.name for entitlement in wanted),
            ", ".join(sorted({entitlement.resource.name for entitlement in wanted})),
        )


class RequestItem(models.Model):
    """One entitlement of a request, with the verdict policy gave when it was asked for.

    An approver may leave it out; then no grant comes of it."""

    access_request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="items")
    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="items")
    verdict = models.JSONField()
    rules = models.JSONField(default=list, help_text="The rules as the preview showed them.")
    left_out_at = models.DateTimeField(null=True, blank=True, help_text="Since when it gets no grant.")
    left_out_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="items_left_out"
    )
    left_out_why = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["access_request", "entitlement"], name="item_once"),
            models.CheckConstraint(
                condition=Q(left_out_at__isnull=True, left_out_by__isnull=True, left_out_why="")
                | (Q(left_out_at__isnull=False, left_out_by__isnull=False) & ~Q(left_out_why="")),
                name="item_left_out_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entitlement} in request {self.access_request_id}"
