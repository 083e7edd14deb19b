"""The catalogue in the admin: rows of the admin's own can be kept, rows of policy files are for reading."""

from typing import Any, TypeVar

from django.contrib import admin
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms.models import model_to_dict
from django.http import HttpRequest

from audit_app.admin_base import AdministratorsOnly
from audit_app.trail import About, record
from requests_app.admin.catalogue_forms import EntitlementForm, ResourceForm
from requests_app.models import Entitlement, Resource
from requests_app.models.catalogue import FromFile

Row = TypeVar("Row", Resource, Entitlement)


class CatalogueAdmin(AdministratorsOnly):
    """A table whose every change stands in the trail, before and after, in the change's own transaction."""

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        """Return where a row came from; its key too once it has one, because grants and rules name it."""
        return ("origin", "place", "key") if obj else ("origin", "place")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether rows may be added: by administrators."""
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether this row may be changed: not where a policy file keeps it."""
        return self.has_view_permission(request) and not _kept_by_file(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether this row may be removed: not where a policy file keeps it."""
        return self.has_view_permission(request) and not _kept_by_file(obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The row is saved, and the trail says what it was and what it is."""
        with transaction.atomic():
            old = type(obj)._default_manager.select_for_update().filter(pk=obj.pk).first()
            before = _said(old) if old else None
            super().save_model(request, obj, form, change)
            _record(request, obj, "changed" if old else "added", before, _said(obj))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """The row is gone, and the trail says what it was."""
        with transaction.atomic():
            _record(request, obj, "removed", _said(obj), None)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """These rows are gone, one event each."""
        with transaction.atomic():
            for obj in queryset:
                self.delete_model(request, obj)


@admin.register(Resource)
class ResourceAdmin(CatalogueAdmin):
    """Things in Azure that access can be asked for."""

    form = ResourceForm
    list_display = ("name", "key", "kind", "environment", "origin", "active")
    list_filter = ("kind", "environment", "origin", "active")
    search_fields = ("name", "key", "azure_id")
    search_help_text = "Part of the name, the key or the Azure id."


@admin.register(Entitlement)
class EntitlementAdmin(CatalogueAdmin):
    """Ways in that can be asked for."""

    form = EntitlementForm
    list_display = ("name", "key", "resource", "destination", "protocol", "said_ports", "origin", "active")
    list_filter = ("resource__environment", "origin", "active")
    list_select_related = ("resource",)
    search_fields = ("name", "key", "resource__name", "destination")
    search_help_text = "Part of the name, the key, the resource or the address."
    autocomplete_fields = ("resource",)

    @admin.display(description="Ports")
    def said_ports(self, entitlement: Entitlement) -> str:
        """Return the ports in one line."""
        return ", ".join(map(str, entitlement.ports))


def _kept_by_file(obj: Any) -> bool:
    return obj is not None and obj.origin == FromFile.Origin.FILE


def _said(obj: Row) -> dict[str, Any]:
    """Every value of the row as JSON can hold it."""
    values = {**model_to_dict(obj), "origin": obj.origin}
    plain = (str, int, bool, list, type(None))
    return {name: value if isinstance(value, plain) else str(value) for name, value in values.items()}


def _record(
    request: HttpRequest, obj: Row, verb: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    person: Any = request.user
    resource = obj if isinstance(obj, Resource) else obj.resource
    kind = type(obj)._meta.model_name or ""
    about = About(kind=kind, id=obj.key, label=obj.name, resource=resource.name)
    record(
        "catalogue.changed",
        by=person.party,
        about=about,
        data={"change": verb, "before": before, "after": after},
    )
