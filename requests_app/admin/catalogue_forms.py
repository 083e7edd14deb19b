"""The catalogue's forms: lists as lines, and the very checks a policy file has to pass. Nothing is saved here."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from requests_app.models import Entitlement, Resource
from requests_app.policy import catalogue
from requests_app.policy.catalogue import RowFault
from requests_app.policy.model import Connect, EntitlementRow, ResourceRow

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm


class LinesField(forms.CharField):
    """A list of texts, one a line; empty lines say nothing."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        """Return what the field shows: a line for each text."""
        return "\n".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        """Return the list of texts."""
        lines = value if isinstance(value, list) else (super().to_python(value) or "").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether the list differs, whatever its spacing."""
        return bool(self.to_python(self.prepare_value(initial) or "") != self.to_python(data or ""))


class _Checked(_ModelForm):
    """A form whose row passes the policy's own checks, or says on which field it does not."""

    # Where a fault of the row is shown, when its field has another name here.
    PLACES: Final[dict[str, str]] = {
        "owner": "owner_oid",
        "connect": "connect_host",
        "resource_key": "resource",
    }

    def _say(self, faults: Iterable[RowFault]) -> None:
        for fault in faults:
            place = self.PLACES.get(fault.field, fault.field)
            if fault.field == "connect":
                word = fault.message.split(" ", 1)[0].rstrip(":")
                place = f"connect_{word}" if f"connect_{word}" in self.fields else place
            if place not in self.errors:
                self.add_error(place if place in self.fields else None, fault.message)


class ResourceForm(_Checked):
    """A thing in Azure."""

    tags = LinesField(required=False, help_text="One a line, of small letters, digits and -._")

    class Meta:
        model = Resource
        fields = ("key", "name", "kind", "azure_id", "environment", "owner_oid", "tags", "active")

    def clean(self) -> dict[str, Any]:
        """Return the row; what the policy files' checks find is said on its field."""
        asked = super().clean() or self.cleaned_data
        row = ResourceRow(
            key=asked.get("key") or self.instance.key,
            name=asked.get("name") or "",
            kind=asked.get("kind") or "",
            azure_id=asked.get("azure_id") or "",
            environment=asked.get("environment") or "",
            owner=str(asked.get("owner_oid") or ""),
            tags=tuple(asked.get("tags") or ()),
        )
        self._say(catalogue.check_resource(row))
        return asked


class EntitlementForm(_Checked):
    """One way in."""

    nsgs = LinesField(label="NSGs", help_text="The full Azure id of each network security group, one a line.")
    ports = LinesField(help_text="A port or a range (8000-8010), one a line.")
    protocol = forms.ChoiceField(
        choices=[(name, name.upper()) for name in catalogue.PROTOCOLS.values()],
        widget=UnfoldAdminSelectWidget,
    )
    tags = LinesField(required=False, help_text="One a line, of small letters, digits and -._")

    class Meta:
        model = Entitlement
        fields = (
            "key",
            "resource",
            "name",
            "kind",
            "nsgs",
            "destination",
            "protocol",
            "ports",
            "connect_host",
            "connect_user",
            "connect_command",
            "tags",
            "active",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["protocol"] = catalogue.canonical_protocol(self.instance.protocol)

    def clean_ports(self) -> list[str]:
        """Return the ports as the policy writes them."""
        return list(catalogue.canonical_ports(self.cleaned_data["ports"]))

    def clean(self) -> dict[str, Any]:
        """Return the row; what the policy files' checks find is said on its field."""
        asked = super().clean() or self.cleaned_data
        resource = asked.get("resource")
        row = EntitlementRow(
            key=asked.get("key") or self.instance.key,
            name=asked.get("name") or "",
            kind=asked.get("kind") or "",
            resource_key=resource.key if resource else "",
            nsgs=tuple(asked.get("nsgs") or ()),
            destination=asked.get("destination") or "",
            protocol=asked.get("protocol") or "",
            ports=tuple(asked.get("ports") or ()),
            connect=self._connect(asked),
            tags=tuple(asked.get("tags") or ()),
        )
        self._say(catalogue.check_entitlement(row))
        return asked

    def _connect(self, asked: dict[str, Any]) -> Connect | None:
        said = {name: asked.get(f"connect_{name}") or "" for name in ("host", "user", "command")}
        return Connect(**said) if any(said.values()) else None
