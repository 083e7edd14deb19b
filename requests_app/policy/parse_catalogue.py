"""Reads resources and entitlements of a policy file into rows.

What a row must satisfy stands in `catalogue`.
"""

from collections.abc import Iterable

from requests_app.policy.catalogue import (
    RowFault,
    canonical_ports,
    canonical_protocol,
    check_entitlement,
    check_resource,
)
from requests_app.policy.model import Connect, EntitlementRow, ResourceRow
from requests_app.policy.reading import Section

_RESOURCE = ("key", "name", "kind", "azure_id", "environment", "owner", "tags", "entitlements")
_ENTITLEMENT = ("key", "name", "kind", "nsgs", "destination", "protocol", "ports", "connect", "tags")


def read_resource(section: Section) -> tuple[ResourceRow, list[EntitlementRow]]:
    """A resource and the ways in to it."""
    section.only(*_RESOURCE)
    row = ResourceRow(
        key=section.text("key"),
        name=section.text("name"),
        kind=section.text("kind"),
        azure_id=section.text("azure_id"),
        environment=section.text("environment"),
        owner=section.text("owner", default="").lower(),
        tags=section.texts("tags"),
        file=section.file,
        line=section.line,
    )
    _note(section, check_resource(row))
    entitlements = [
        _read_entitlement(inner, row.key) for inner in section.sections("entitlements", "entitlement")
    ]
    return row, entitlements


def _read_entitlement(section: Section, resource_key: str) -> EntitlementRow:
    section.only(*_ENTITLEMENT)
    row = EntitlementRow(
        key=section.text("key"),
        name=section.text("name"),
        kind=section.text("kind", default="nsg"),
        resource_key=resource_key,
        nsgs=section.texts("nsgs"),
        destination=section.text("destination"),
        protocol=canonical_protocol(section.text("protocol")),
        ports=canonical_ports(section.texts("ports")),
        connect=_read_connect(section.section("connect")),
        tags=section.texts("tags"),
        file=section.file,
        line=section.line,
    )
    _note(section, check_entitlement(row))
    return row


def _read_connect(section: Section | None) -> Connect | None:
    if section is None:
        return None
    section.only("host", "user", "command")
    return Connect(
        host=section.text("host"),
        user=section.text("user", default=""),
        command=section.text("command", default=""),
    )


def _note(section: Section, found: Iterable[RowFault]) -> None:
    # A field that could not be read has its fault already.
    for row_fault in [one for one in found if not section.faulted(one.field)]:
        section.fault(row_fault.field, row_fault.message)
