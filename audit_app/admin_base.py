"""What every table of the admin shares: administrators alone, reading by default, pages that never count a big table."""

from typing import Any, Final

from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

# Further back than this a filter is the way, not the next page.
FURTHEST: Final = 10_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic for the type checker alone
    """Counts up to a limit only, so that a table of millions costs what a small one does."""

    @cached_property
    def count(self) -> int:
        """Return how many rows can be paged through: all of them, or the limit."""
        rows: Any = self.object_list
        counted: int = rows.order_by()[:FURTHEST].count()
        return counted


class AdministratorsOnly(ModelAdmin):  # type: ignore[misc]
    """Tables that administrators alone may see, whatever other right somebody was given."""

    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    paginator = CappedPaginator

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the table stands in the list of tables."""
        return _administrator(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return whether rows may be read."""
        return _administrator(request)


class ReadOnly(AdministratorsOnly):
    """Tables that are for reading: their rows move by actions alone, or not at all."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False


def _administrator(request: HttpRequest) -> bool:
    person: Any = request.user
    return bool(getattr(person, "is_administrator", False))
