"""Who is away, who stands in for whom and who is on call, in the admin: for reading alone, for administrators alone."""

from django.contrib import admin

from audit_app.admin_base import ReadOnly
from requests_app.models import Absence, Comment, Delegation, Rota, Shift


@admin.register(Absence)
class AbsenceAdmin(ReadOnly):
    """Who is away, from when to when."""

    list_display = ("person", "starts_at", "ends_at", "called_off_at")
    list_select_related = ("person",)
    search_fields = ("person__display_name",)
    ordering = ("-id",)


@admin.register(Delegation)
class DelegationAdmin(ReadOnly):
    """Who decides in whose place."""

    list_display = ("giver", "receiver", "starts_at", "ends_at", "called_off_at", "why")
    list_select_related = ("giver", "receiver")
    search_fields = ("giver__display_name", "receiver__display_name")
    ordering = ("-id",)


@admin.register(Rota)
class RotaAdmin(ReadOnly):
    """The rotas of the policy in force, and when each was last read."""

    list_display = ("name", "read_at", "error")


@admin.register(Shift)
class ShiftAdmin(ReadOnly):
    """Who is on call, and when."""

    list_display = ("rota", "person", "starts_at", "ends_at")
    list_filter = ("rota",)
    list_select_related = ("rota", "person")


@admin.register(Comment)
class CommentAdmin(ReadOnly):
    """What was said about requests."""

    list_display = ("said_at", "person", "kind", "access_request_id", "text")
    list_filter = ("kind",)
    list_select_related = ("person",)
    search_fields = ("access_request__id__exact", "person__display_name")
    ordering = ("-id",)
