"""What should be open and what was seen open, for each Azure container, and every attempt to make them agree."""

from django.db import models
from django.db.models import Q

from requests_app.models.grant import Grant


class Container(models.Model):
    """One Azure thing whose writes are serialised: one NSG. Its lease says which worker is at it."""

    azure_id = models.CharField(
        max_length=500, unique=True, help_text="Lower case, as Azure ids are case-insensitive."
    )
    kind = models.CharField(max_length=20, default="nsg")
    lease_owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    woken_until = models.DateTimeField(
        null=True, blank=True, help_text="The tick does not wake it again before."
    )
    region = models.CharField(max_length=60, blank=True, help_text="Azure counts writes by region.")
    compare_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When all of it is compared with the database next; empty: not in use.",
    )
    compared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["compare_at"], condition=Q(compare_at__isnull=False), name="container_to_compare"
            ),
        ]

    def __str__(self) -> str:
        return self.azure_id.rsplit("/", 1)[-1]

    @property
    def name(self) -> str:
        """Return the container's own name, the last part of its Azure id."""
        return self.azure_id.rsplit("/", 1)[-1]

    @staticmethod
    def one_spelling(azure_id: str) -> str:
        """Return the one spelling of an Azure id that names a container's row."""
        return azure_id.strip().rstrip("/").lower()


class ContainerSnapshot(models.Model):
    """What a worker last read from Azure, for the pages; a web process never reads Azure itself."""

    container = models.OneToOneField(Container, on_delete=models.CASCADE, related_name="snapshot")
    read_at = models.DateTimeField()
    body = models.JSONField()
    error = models.TextField(
        blank=True, help_text="Why the last reading failed; the body is then the one before."
    )
    tried_at = models.DateTimeField()
    foreign = models.JSONField(
        default=list, blank=True, help_text="Foreign rules that open a latched port, or beat one of ours."
    )
    around = models.JSONField(null=True, blank=True, help_text="Locks and admin rules, as last read.")
    around_read_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.container} at {self.read_at:%Y-%m-%d %H:%M:%S}"


class Opening(models.Model):
    """One rule made for a grant in one container: what is desired, what was observed. There is work when they differ."""

    class Desired(models.TextChoices):
        """What should be."""

        PRESENT = "present", "Open"
        ABSENT = "absent", "Closed"

    class Observed(models.TextChoices):
        """What was last read from Azure."""

        PRESENT = "present", "Open"
        ABSENT = "absent", "Closed"
        UNKNOWN = "unknown", "Not known"

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="openings")
    container = models.ForeignKey(Container, on_delete=models.PROTECT, related_name="openings")
    name = models.CharField(max_length=80, help_text="The rule's name in Azure.")
    desired = models.CharField(max_length=8, choices=Desired)
    desired_spec = models.JSONField(default=dict)
    observed = models.CharField(max_length=8, choices=Observed, default=Observed.ABSENT)
    observed_spec = models.JSONField(default=dict, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    priority = models.PositiveIntegerField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When convergence must look at it next.")
    failures = models.PositiveIntegerField(default=0)
    rereads_left = models.PositiveSmallIntegerField(
        default=0, help_text="Hot readings still to come after closing."
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["due_at"],
                include=["container"],
                condition=Q(due_at__isnull=False),
                name="opening_due",
            ),
            models.Index(fields=["container", "desired"], name="opening_in_container"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["grant", "container"], name="opening_once"),
            models.UniqueConstraint(fields=["container", "name"], name="opening_name_once"),
            models.CheckConstraint(
                condition=Q(desired__in=["present", "absent"]), name="opening_desired_known"
            ),
            models.CheckConstraint(
                condition=Q(observed__in=["present", "absent", "unknown"]), name="opening_observed_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.container}"


class Attempt(models.Model):
    """One write sent to Azure, committed before it is sent. Without an outcome it may still land, until its deadline."""

    class Kind(models.TextChoices):
        """What was tried."""

        WRITE = "write", "Write the rule"
        REMOVE = "remove", "Remove the rule"

    class Outcome(models.TextChoices):
        """How it ended, as far as the answer told. Only a reading says what is."""

        DONE = "done", "Done"
        FAILED = "failed", "Refused by Azure"
        UNCERTAIN = "uncertain", "Not known"

    opening = models.ForeignKey(Opening, on_delete=models.CASCADE, related_name="attempts")
    kind = models.CharField(max_length=8, choices=Kind)
    started_at = models.DateTimeField()
    deadline = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    error_kind = models.CharField(max_length=20, blank=True)
    error_code = models.CharField(max_length=120, blank=True)
    error_message = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64, help_text="Sent to Azure; its Activity Log carries it.")
    azure_request_id = models.CharField(max_length=64, blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="What Azure took for it.")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["deadline"], condition=Q(outcome=""), name="attempt_unfinished"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.started_at:%H:%M:%S}"
