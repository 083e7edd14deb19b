"""Requests, grants and what became of them in Azure, in the admin: for reading alone, for administrators alone."""

from django.contrib import admin

from audit_app.admin_base import ReadOnly
from requests_app.models import (
    AccessRequest,
    Attempt,
    Container,
    ContainerSnapshot,
    Decision,
    Grant,
    LatchCode,
    Message,
    Opening,
    PolicyVersion,
    Stage,
)


@admin.register(AccessRequest)
class AccessRequestAdmin(ReadOnly):
    """Who asked for what."""

    list_display = (
        "id",
        "requester",
        "asked_by",
        "state",
        "submitted_at",
        "decided_at",
        "source_address",
        "ticket",
    )
    list_filter = ("state",)
    list_select_related = ("requester", "asked_by")
    search_fields = ("id__exact", "requester__display_name", "ticket")
    search_help_text = "The request's number, the requester's name, or the ticket."
    exclude = ("submission_key", "sign_in")


@admin.register(Stage)
class StageAdmin(ReadOnly):
    """The steps of approval."""

    list_display = ("access_request_id", "position", "title", "state", "quorum", "activated_at", "decided_at")
    list_filter = ("state", "approver_kind")
    search_fields = ("access_request__id__exact", "title")
    ordering = ("-access_request_id", "position")


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    """Who voted what."""

    list_display = ("decided_at", "person", "vote", "access_request_id", "stage_title")
    list_filter = ("vote",)
    list_select_related = ("person", "stage")
    search_fields = ("person__display_name", "access_request__id__exact")
    ordering = ("-id",)

    @admin.display(description="Stage")
    def stage_title(self, decision: Decision) -> str:
        """Return the stage's title alone; the whole name would ask for the request."""
        return decision.stage.title


@admin.register(Grant)
class GrantAdmin(ReadOnly):
    """Rights that came out of requests."""

    list_display = (
        "id",
        "person",
        "entitlement",
        "state",
        "opened_at",
        "expires_at",
        "closed_at",
        "ended_why",
    )
    list_filter = ("state", "ended_why")
    list_select_related = ("person", "entitlement")
    search_fields = ("uid__exact", "person__display_name", "entitlement__name", "access_request__id__exact")
    search_help_text = "The grant's whole id, the request's number, or part of a name."


@admin.register(LatchCode)
class LatchCodeAdmin(ReadOnly):
    """Codes by their number; their text is kept nowhere."""

    list_display = ("jti", "access_request_id", "kid", "issued_at", "expires_at", "spent_at", "revoked_at")
    search_fields = ("jti__exact", "access_request__id__exact")
    exclude = ("digest",)


@admin.register(Opening)
class OpeningAdmin(ReadOnly):
    """Rules as they should be and as they were read."""

    list_display = ("name", "container", "desired", "observed", "priority", "due_at", "failures", "read_at")
    list_filter = ("desired", "observed")
    list_select_related = ("container",)
    search_fields = ("name", "container__azure_id")
    ordering = ("-id",)


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    """Every write that was sent to Azure."""

    list_display = ("started_at", "kind", "rule", "outcome", "error_code", "seconds", "correlation_id")
    list_filter = ("kind", "outcome", "error_kind")
    list_select_related = ("opening",)
    search_fields = ("opening__name", "correlation_id", "azure_request_id")
    ordering = ("-id",)

    @admin.display(description="Rule")
    def rule(self, attempt: Attempt) -> str:
        """Return the rule's name."""
        return attempt.opening.name


@admin.register(Container)
class ContainerAdmin(ReadOnly):
    """Azure things whose writes stand in one line."""

    list_display = ("name", "kind", "lease_owner", "lease_until", "azure_id")
    search_fields = ("azure_id",)
    ordering = ("azure_id",)


@admin.register(ContainerSnapshot)
class ContainerSnapshotAdmin(ReadOnly):
    """What was last read of each."""

    list_display = ("container", "read_at", "tried_at", "error")
    list_select_related = ("container",)
    search_fields = ("container__azure_id",)
    ordering = ("-read_at",)


@admin.register(Message)
class MessageAdmin(ReadOnly):
    """Notices and alerts: sent, waiting or given up."""

    list_display = (
        "created_at",
        "kind",
        "recipient",
        "address",
        "channel",
        "story",
        "due_at",
        "sent_at",
        "tries",
        "last_error",
    )
    list_filter = ("kind", "channel", "digest")
    list_select_related = ("recipient",)
    search_fields = ("recipient__display_name", "story__exact")
    ordering = ("-id",)


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly):
    """Policies that were in force; files alone change them."""

    list_display = ("__str__", "active", "loaded_at")
    list_filter = ("active",)
    search_fields = ("hash",)
