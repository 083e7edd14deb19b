"""Verifiers in the admin: made here, their secret shown once on the answer itself and stored nowhere."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from unfold.widgets import UnfoldBooleanSwitchWidget

from audit_app.admin_base import AdministratorsOnly
from requests_app.actions import verifiers
from requests_app.admin.catalogue_forms import LinesField
from requests_app.models import Resource, Verifier

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm


class VerifierForm(_ModelForm):
    """A machine that asks about codes; whether it is enabled is asked once it is there."""

    resources = LinesField(
        required=False, help_text="Keys of resources it may know of, one a line. Neither these nor tags: all."
    )
    tags = LinesField(required=False, help_text="Tags of entitlements it may know of, one a line.")
    enabled = forms.BooleanField(
        required=False, widget=UnfoldBooleanSwitchWidget, help_text="Switched off, it is refused at once."
    )

    class Meta:
        model = Verifier
        fields = ("key", "name", "may_introspect", "may_revoke", "resources", "tags")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["enabled"].initial = self.instance.disabled_at is None

    def clean_resources(self) -> list[str]:
        """Return the keys; every one names a resource of the catalogue."""
        keys: list[str] = self.cleaned_data["resources"]
        known = set(Resource.objects.filter(key__in=keys).values_list("key", flat=True))
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise forms.ValidationError(f"The catalogue has no resource with the key “{unknown[0]}”.")
        return keys

    def clean(self) -> dict[str, Any]:
        """Return what was asked for; a verifier that may do nothing is none."""
        asked = super().clean() or self.cleaned_data
        if not (asked.get("may_introspect") or asked.get("may_revoke")):
            self.add_error("may_introspect", "It has to be allowed one of the two.")
        return asked


@admin.register(Verifier)
class VerifierAdmin(AdministratorsOnly):
    """Machines that ask whether a latch code is good, or revoke one."""

    form = VerifierForm
    list_display = ("name", "key", "may_introspect", "may_revoke", "enabled", "last_used_at", "made_at")
    search_fields = ("name", "key")
    search_help_text = "Part of the name or of the client id."

    @admin.display(boolean=True)
    def enabled(self, verifier: Verifier) -> bool:
        """Return whether it is let in."""
        return verifier.disabled_at is None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what the form shows: whether it is enabled, and when it was used, once it is there."""
        asked = ("key", "name", "may_introspect", "may_revoke", "resources", "tags")
        return (*asked, "enabled", "last_used_at", "made_at", "made_by_label") if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what nobody changes: the id the trail knows it by, and what is noted about it."""
        return ("key", "last_used_at", "made_at", "made_by_label") if obj else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether verifiers may be made: by administrators."""
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether a verifier may be changed: by administrators."""
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: the trail speaks of it, so its id is never given to another. Disable it."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The verifier is made or changed, and the trail says so."""
        person: Any = request.user
        if change:
            verifiers.change(obj, by=person, enabled=bool(form.cleaned_data.get("enabled")))
        else:
            obj.secret_to_show = verifiers.make(obj, by=person)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Show the secret on this very answer: a redirect would have to keep it somewhere on the way."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"{obj.name} is there",
            "opts": self.opts,
            "verifier": obj,
            "secret": obj.secret_to_show,
        }
        answer = TemplateResponse(request, "admin/requests_app/verifier/made.html", context)
        add_never_cache_headers(answer)
        return answer
