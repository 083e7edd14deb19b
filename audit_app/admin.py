"""The trail and its exports in the admin, for reading. Nothing here writes."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from audit_app import words
from audit_app.admin_base import ReadOnly
from audit_app.models import Event, Export


class KindFilter(admin.SimpleListFilter):
    """The kinds this project records, known without asking the trail."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every kind with its words."""
        return [(kind, words.kind_label(kind)) for kind in words.known_kinds()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Event]") -> "QuerySet[Event]":
        """Return the events of the chosen kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ReadOnly):
    """The trail's rows as they are stored; the audit pages are where one reads them."""

    list_display = ("at", "said", "actor_label", "resource_label", "outcome", "told_in")
    list_filter = (KindFilter, "outcome")
    # Whole values alone: each is found by an index.
    search_fields = ("story__exact", "correlation_id__exact", "actor_id__exact", "resource_label__exact")
    search_help_text = "A whole request (request-7), correlation id, person id or resource name."
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description="What happened")
    def said(self, event: Event) -> str:
        """Return the event in a sentence."""
        return words.sentence(event)

    @admin.display(description="Story")
    def told_in(self, event: Event) -> str:
        """Return a link to the whole story, where there is one."""
        if not event.story:
            return ""
        return format_html('<a href="{}">{}</a>', reverse("audit:story", args=[event.story]), event.story)


@admin.register(Export)
class ExportAdmin(ReadOnly):
    """Who took what out of the portal."""

    list_display = ("created_at", "dataset", "made_by_label", "rows", "finished_at")
    list_filter = ("dataset",)
    search_fields = ("made_by_label", "made_by_id")
