"""People and groups as the directory knows them, and how each person last signed in. No decisions here."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Concat

from audit_app.trail import Party

# App roles of Entra become Django groups of the same name at sign-in.
ADMIN_ROLE = "Latch.Admin"
AUDITOR_ROLE = "Latch.Auditor"


class PersonManager(BaseUserManager["Person"]):
    """People are made by sign-in or by directory sync, never by a form."""

    def get_by_natural_key(self, username: str | None) -> "Person":
        """Return the person with this "tid:oid"; raises Person.DoesNotExist."""
        return self.get(key=username)


class Person(AbstractBaseUser, PermissionsMixin):
    """One person of one Entra tenant. (tid, oid) is who they are; name and mail are for display alone."""

    id: int
    tid = models.UUIDField("tenant id")
    oid = models.UUIDField("object id")
    key = models.GeneratedField(
        expression=Concat("tid", models.Value(":"), "oid", output_field=models.TextField()),
        output_field=models.CharField(max_length=80),
        db_persist=True,
        unique=True,
    )
    display_name = models.CharField(max_length=200, blank=True)
    mail = models.EmailField(blank=True)
    user_principal_name = models.CharField(max_length=200, blank=True)
    job_title = models.CharField(max_length=200, blank=True)
    guest = models.BooleanField(default=False)
    enabled = models.BooleanField(null=True, help_text="As the directory last said. Unknown means no.")
    manager = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reports"
    )
    directory_read_at = models.DateTimeField(null=True, blank=True)
    groups_read: "models.ManyToManyField[DirectoryGroup, DirectoryMembership]" = models.ManyToManyField(
        "DirectoryGroup", through="DirectoryMembership", related_name="members", blank=True
    )

    objects: ClassVar[PersonManager] = PersonManager()
    USERNAME_FIELD = "key"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(fields=["tid", "oid"], name="person_once_per_tenant")]
        indexes = [models.Index(fields=["oid"], name="person_oid")]

    def __str__(self) -> str:
        return self.display_name or self.user_principal_name or str(self.oid)

    @property
    def identity(self) -> str:
        """Return "tid:oid", also on a row that was not read back yet."""
        return f"{self.tid}:{self.oid}"

    def get_full_name(self) -> str:
        """Return the name the admin greets this person by."""
        return str(self)

    @property
    def party(self) -> Party:
        """Return this person as the trail knows them."""
        return Party(id=self.identity, label=str(self))

    @property
    def email(self) -> str:
        """Return the address for notices; allauth asks for it by this name. Never used to match people."""
        return self.mail

    @property
    def role_names(self) -> frozenset[str]:
        """Return the app roles the last sign-in brought, read once per instance."""
        cached: frozenset[str] | None = self.__dict__.get("_role_names")
        if cached is None:
            cached = frozenset(self.groups.values_list("name", flat=True))
            self.__dict__["_role_names"] = cached
        return cached

    @property
    def is_administrator(self) -> bool:
        """Return whether the last sign-in brought the administrator's app role."""
        return self.is_authenticated and ADMIN_ROLE in self.role_names

    @property
    def is_auditor(self) -> bool:
        """Return whether the last sign-in brought the auditor's app role."""
        return self.is_authenticated and AUDITOR_ROLE in self.role_names

    @property
    def is_staff(self) -> bool:
        """Return whether the admin site lets this person in."""
        return self.is_administrator

    def directory_age(self, now: datetime) -> timedelta | None:
        """Return how old our copy of this person is; None where the directory never told us of them."""
        return now - self.directory_read_at if self.directory_read_at else None


class DirectoryGroup(models.Model):
    """A group that policy names, as the directory last described it."""

    oid = models.UUIDField("object id", unique=True)
    name = models.CharField(max_length=200)
    read_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class DirectoryMembership(models.Model):
    """A person in a group, directly or through groups within it."""

    group = models.ForeignKey(DirectoryGroup, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "person"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.person} in {self.group}"


class SignIn(models.Model):
    """One sign-in, with the claims that came back from Entra and from where."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_ins")
    at = models.DateTimeField()
    auth_time = models.DateTimeField(null=True, blank=True)
    acrs = models.JSONField(default=list, blank=True)
    session_id = models.CharField(max_length=80, blank=True, help_text="Entra's sid claim.")
    source_address = models.GenericIPAddressField(null=True, blank=True)
    roles: Any = models.JSONField(default=list, blank=True)

    class Meta:
        indexes = [models.Index(fields=["person", "-at"], name="sign_in_latest")]

    def __str__(self) -> str:
        return f"{self.person} at {self.at:%Y-%m-%d %H:%M}"
