"""What can be asked for, and the policy it is asked under. Loading and checking live elsewhere."""

from typing import Any

from django.db import models


class FromFile(models.Model):
    """A row that came from a policy file (read-only in the admin) or from the admin itself."""

    class Origin(models.TextChoices):
        """Who keeps this row."""

        FILE = "file", "Policy file"
        ADMIN = "admin", "Admin"

    origin = models.CharField(max_length=8, choices=Origin, default=Origin.ADMIN, editable=False)
    place = models.CharField(
        max_length=300, blank=True, editable=False, help_text="File and line it came from."
    )
    active = models.BooleanField(default=True)

    class Meta:
        abstract = True


class Resource(FromFile):
    """A thing in Azure that access can be asked for."""

    class Kind(models.TextChoices):
        """What the thing is."""

        VM = "vm", "Virtual machine"
        SQL_SERVER = "sql_server", "SQL server"
        STORAGE_ACCOUNT = "storage_account", "Storage account"
        SUBSCRIPTION = "subscription", "Subscription"
        GROUP = "group", "Group"

    key = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.VM)
    azure_id = models.CharField(max_length=500, blank=True)
    environment = models.CharField(max_length=40, blank=True)
    owner_oid = models.UUIDField("owner's object id", null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Entitlement(FromFile):
    """One way of reaching a resource that can be opened, such as "SSH to prod-web-01"."""

    class Kind(models.TextChoices):
        """Which kind of target opens it."""

        NSG = "nsg", "Network security group rule"

    key = models.SlugField(max_length=80, unique=True)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="entitlements")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.NSG)
    nsgs = models.JSONField(
        default=list, help_text="Azure ids of the network security groups; both or neither open."
    )
    destination = models.GenericIPAddressField(help_text="The private address the rule names.")
    protocol = models.CharField(max_length=4, default="tcp")
    ports = models.JSONField(default=list, help_text='Port numbers and ranges, such as ["22", "8000-8010"].')
    connect_host = models.CharField(max_length=253, blank=True)
    connect_user = models.CharField(max_length=64, blank=True)
    connect_command = models.CharField(
        max_length=300, blank=True, help_text="{user}, {host} and {port} are filled in."
    )
    tags = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def connect(self) -> str:
        """Return the line to paste into a terminal once the port is open; empty where none is configured."""
        if not self.connect_host or not self.ports:
            return ""
        port = str(self.ports[0]).split("-")[0]
        template = self.connect_command or ("ssh {user}@{host}" if port == "22" else "{host}:{port}")
        return template.format(user=self.connect_user, host=self.connect_host, port=port).replace(
            "ssh @", "ssh "
        )


class PolicyVersion(models.Model):
    """One whole, sound set of policy files, as loaded. Exactly one is active."""

    hash = models.CharField(max_length=64, unique=True)
    documents: Any = models.JSONField(help_text="File name to text.")
    loaded_at = models.DateTimeField()
    active = models.BooleanField(default=False)

    class Meta:
        ordering = ["-loaded_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["active"], condition=models.Q(active=True), name="policy_one_active"
            )
        ]

    def __str__(self) -> str:
        return self.hash[:12]
