"""What a row of the catalogue has to satisfy, whoever wrote it.

Policy files and the admin's form use these checks.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from string import Formatter
from typing import NamedTuple

from requests_app.policy.faults import did_you_mean
from requests_app.policy.model import Connect, EntitlementRow, ResourceRow
from requests_app.policy.reading import is_guid

# Azure's own spelling by the word a file may use.
# "*" would open every protocol at once, which the writer of rules refuses as well.
PROTOCOLS: Mapping[str, str] = {"tcp": "Tcp", "udp": "Udp"}
ENTITLEMENT_KINDS: tuple[str, ...] = ("nsg",)

_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NAME = r"[\w().-]{1,90}"


def _arm(provider: str) -> re.Pattern[str]:
    # ARM ids mean the same in any case.
    parts = f"/subscriptions/{_GUID}/resourceGroups/{_NAME}/providers/{re.escape(provider)}/{_NAME}"
    return re.compile(parts, re.IGNORECASE | re.ASCII)


_NSG_ID = _arm("Microsoft.Network/networkSecurityGroups")
_AZURE_IDS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "vm": (_arm("Microsoft.Compute/virtualMachines"), "the full ARM id of a virtual machine"),
    "sql_server": (_arm("Microsoft.Sql/servers"), "the full ARM id of a SQL server"),
    "storage_account": (_arm("Microsoft.Storage/storageAccounts"), "the full ARM id of a storage account"),
    "subscription": (
        re.compile(f"/subscriptions/{_GUID}", re.IGNORECASE),
        "/subscriptions/ and the subscription's id",
    ),
    "group": (re.compile(_GUID, re.IGNORECASE), "the object id of the group"),
}
RESOURCE_KINDS: tuple[str, ...] = tuple(_AZURE_IDS)

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@\\-]{0,103}")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


class RowFault(NamedTuple):
    """One thing wrong with a row, by the name of its field."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def check_resource(row: ResourceRow) -> list[RowFault]:
    """All that is wrong with a resource, nothing when it can be used."""
    return [
        *_key("key", row.key),
        *_name(row.name),
        *_known("kind", row.kind, RESOURCE_KINDS),
        *_azure_id(row),
        *_key("environment", row.environment),
        *_owner(row.owner),
        *_tags(row.tags),
    ]


def check_entitlement(row: EntitlementRow) -> list[RowFault]:
    """All that is wrong with an entitlement, nothing when it can be used."""
    return [
        *_key("key", row.key),
        *_name(row.name),
        *_known("kind", row.kind, ENTITLEMENT_KINDS),
        *_nsgs(row.nsgs),
        *_destination(row.destination),
        *_known("protocol", row.protocol, PROTOCOLS, str.lower),
        *_ports(row.ports),
        *_connect(row.connect),
        *_tags(row.tags),
    ]


def canonical_protocol(text: str) -> str:
    """Azure's spelling of a known protocol, the text itself otherwise."""
    return PROTOCOLS.get(text.lower(), text)


def canonical_ports(texts: Iterable[str]) -> tuple[str, ...]:
    """Ports without leading zeros, “22-22” as “22”.

    What is malformed stays as it is for the check to name.
    """
    written = []
    for text in texts:
        if found := _PORTS.fullmatch(text.replace(" ", "")):
            first, last = int(found[1]), int(found[2] or found[1])
            written.append(str(first) if first == last else f"{first}-{last}")
        else:
            written.append(text)
    return tuple(written)


def _key(field: str, text: str) -> Iterator[RowFault]:
    if not _KEY.fullmatch(text):
        yield RowFault(field, f"“{text}” has to be of small letters, digits and -._ (at most 100)")


def _name(text: str) -> Iterator[RowFault]:
    if not text.strip() or len(text) > 120:
        yield RowFault("name", "has to be 1 to 120 characters")
    elif not text.isprintable():
        yield RowFault("name", "has to be one line without control characters")


def _known(
    field: str, word: str, known: Iterable[str], fold: Callable[[str], str] = lambda text: text
) -> Iterator[RowFault]:
    if fold(word) not in known:
        yield RowFault(field, f"“{word}” is not known{did_you_mean(word, known)}")


def _azure_id(row: ResourceRow) -> Iterator[RowFault]:
    if row.kind not in _AZURE_IDS:
        return
    pattern, words = _AZURE_IDS[row.kind]
    if not pattern.fullmatch(row.azure_id):
        yield RowFault("azure_id", f"“{row.azure_id}” is not {words}")


def _owner(oid: str) -> Iterator[RowFault]:
    if oid and not is_guid(oid):
        yield RowFault("owner", f"“{oid}” is not an object id (a GUID)")


def _tags(tags: tuple[str, ...]) -> Iterator[RowFault]:
    for tag in tags:
        yield from _key("tags", tag)


def _nsgs(ids: tuple[str, ...]) -> Iterator[RowFault]:
    if not ids:
        yield RowFault("nsgs", "names no network security group")
    for nsg in ids:
        if not _NSG_ID.fullmatch(nsg):
            yield RowFault("nsgs", f"“{nsg}” is not the full ARM id of a network security group")
    if len({nsg.lower() for nsg in ids}) < len(ids):
        yield RowFault("nsgs", "names the same network security group twice")


def _destination(text: str) -> Iterator[RowFault]:
    try:
        address = ip_address(text)
    except ValueError:
        yield RowFault("destination", f"“{text}” is not one IP address")
        return
    if address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local:
        yield RowFault("destination", f"{text} is no address a machine in Azure is reached at")
    elif getattr(address, "scope_id", None):
        yield RowFault("destination", f"“{text}” names an interface")


def _ports(ports: tuple[str, ...]) -> Iterator[RowFault]:
    if not ports:
        yield RowFault("ports", "names no port")
    for text in ports:
        found = _PORTS.fullmatch(text)
        if not found:
            yield RowFault("ports", f"“{text}” is neither a port nor a range like 8000-8010")
            continue
        first, last = int(found[1]), int(found[2] or found[1])
        if not (1 <= first <= 65535 and 1 <= last <= 65535):
            yield RowFault("ports", f"{text} is outside 1-65535")
        elif first > last:
            yield RowFault("ports", f"{text} runs backwards; write {last}-{first}")


def _connect(connect: Connect | None) -> Iterator[RowFault]:
    # People paste what is made of these into a shell: nothing in them may be an option or a command.
    if connect is None:
        return
    if not _HOST.fullmatch(connect.host):
        yield RowFault("connect", f"host “{connect.host}” is not a host name or address")
    if connect.user and not _USER.fullmatch(connect.user):
        yield RowFault("connect", f"user “{connect.user}” is not a user name")
    if len(connect.command) > 300 or not connect.command.isprintable():
        yield RowFault("connect", "command has to be one line of at most 300 characters")
        return
    try:
        names = {part[1] for part in Formatter().parse(connect.command) if part[1] is not None}
    except ValueError as error:
        yield RowFault("connect", f"command cannot be read: {error}")
        return
    for name in sorted(names - {"host", "user", "port"}):
        yield RowFault("connect", f"command: {{{name}}} is not known; use {{host}}, {{user}}, {{port}}")
