"""Which Azure we talk to: the configuration handed in, and the hosts that are Microsoft's. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

# (ARM endpoint host, ARM token scope, Graph host, sign-in authority host, Azure Monitor's host, Log Analytics' audience,
# host of the storage accounts' blobs) of each cloud.
_PUBLIC: Final = (
    "management.azure.com",
    "https://management.azure.com/.default",
    "graph.microsoft.com",
    "login.microsoftonline.com",
    "monitor.azure.com",
    "https://api.loganalytics.io",
    "blob.core.windows.net",
)
_US_GOV: Final = (
    "management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net/.default",
    "graph.microsoft.us",
    "login.microsoftonline.us",
    "monitor.azure.us",
    "https://api.loganalytics.us",
    "blob.core.usgovcloudapi.net",
)
_CHINA: Final = (
    "management.chinacloudapi.cn",
    "https://management.chinacloudapi.cn/.default",
    "microsoftgraph.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
    "monitor.azure.cn",
    "https://api.loganalytics.azure.cn",
    "blob.core.chinacloudapi.cn",
)
_CLOUDS: Final = (_PUBLIC, _US_GOV, _CHINA)
# The public cloud's newer host; tokens for it are for the older one, as in its documentation.
PUBLIC_ANALYTICS: Final = "https://api.loganalytics.azure.com"
# All clouds know the storage accounts by one name.
STORAGE_SCOPE: Final = "https://storage.azure.com/.default"
_ACCOUNT: Final = r"[a-z0-9]{3,24}"
# The last is how accounts of a DNS zone of their own are called.
_BLOB_HOST: Final = re.compile(
    rf"{_ACCOUNT}\.({'|'.join(re.escape(cloud[6]) for cloud in _CLOUDS)}|z\d\d\.blob\.storage\.azure\.net)"
)
_CONTAINER: Final = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_BLOB_NAME: Final = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._/-]*[A-Za-z0-9_-])?")
_DOD_GRAPH: Final = "dod-graph.microsoft.us"
_HOSTS: Final = frozenset({cloud[i] for cloud in _CLOUDS for i in (0, 2, 3)} | {_DOD_GRAPH})


@dataclass(frozen=True, slots=True)
class AzureConfig:
    """How to reach Azure. All times are seconds; endpoints are base URLs without a path."""

    arm_endpoint: str = "https://management.azure.com"
    graph_endpoint: str = "https://graph.microsoft.com"
    logs_endpoint: str = ""
    analytics_endpoint: str = ""
    credential: Literal["managed", "workload"] = "managed"
    client_id: str = ""
    allow_cleartext_loopback: bool = False
    poll_seconds: float = 0.5
    connect_timeout: float = 5.0
    read_timeout: float = 15.0
    write_deadline_seconds: float = 40.0

    def __post_init__(self) -> None:
        """Refuse what could never be right: ValueError names the field."""
        for field in ("arm_endpoint", "graph_endpoint"):
            self._check(field, getattr(self, field))
        for field in ("logs_endpoint", "analytics_endpoint"):
            if getattr(self, field):
                self._check(field, getattr(self, field))
        if self.credential not in ("managed", "workload"):
            raise ValueError(f"credential must be 'managed' or 'workload', not {self.credential!r}")
        for field in ("poll_seconds", "connect_timeout", "read_timeout", "write_deadline_seconds"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{field} must be more than 0 seconds")

    def _check(self, field: str, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{field} must be an https URL, not {url!r}")
        if parts.username or parts.query or parts.fragment or parts.path.strip("/"):
            raise ValueError(f"{field} must be a bare https://host, not {url!r}")
        if parts.scheme == "http" and not (self.allow_cleartext_loopback and is_loopback(url)):
            raise ValueError(
                f"{field} must be https; cleartext is for loopback in the demo alone, not {url!r}"
            )

    @property
    def arm_scope(self) -> str:
        """The token scope for ARM in the cloud that `arm_endpoint` belongs to."""
        return next((cloud[1] for cloud in _CLOUDS if cloud[0] == _host(self.arm_endpoint)), _PUBLIC[1])

    @property
    def graph_scope(self) -> str:
        """The token scope for Graph in the cloud that `graph_endpoint` belongs to."""
        host = _host(self.graph_endpoint)
        return f"https://{host if host in _HOSTS else _PUBLIC[2]}/.default"

    @property
    def logs_scope(self) -> str:
        """The token scope for Azure Monitor in the cloud that `logs_endpoint` belongs to."""
        host = _host(self.logs_endpoint)
        monitor = next((cloud[4] for cloud in _CLOUDS if host.endswith(f".{cloud[4]}")), _PUBLIC[4])
        return f"https://{monitor}/.default"

    @property
    def analytics_scope(self) -> str:
        """The token scope for Log Analytics in the cloud that `analytics_endpoint` belongs to."""
        audiences = (cloud[5] for cloud in _CLOUDS if _host(cloud[5]) == _host(self.analytics_endpoint))
        return f"{next(audiences, _PUBLIC[5])}/.default"


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """Where a blob is, or a folder of blobs: the account's base URL, the container, the name ("" for the container)."""

    account: str
    container: str
    name: str


def blob_place(url: str, *, loopback: bool) -> BlobPlace:
    """Return what this address names: https in a Microsoft cloud or, where `loopback` says so, on this machine.

    On this machine the account is the path's first part, as with Azure's own emulator. Raises ValueError, saying why.
    """
    parts = urlsplit(url)
    here = loopback and is_loopback(url) and parts.scheme in ("http", "https")
    known = _BLOB_HOST.fullmatch(parts.hostname or "")
    there = parts.scheme == "https" and parts.port in (None, 443) and known
    if not (here or there):
        raise ValueError(f"not the blobs of a storage account in a Microsoft cloud, over https: {url!r}")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("an address of a blob holds neither a person nor a signature")
    path = parts.path.strip("/")
    account, _, rest = path.partition("/") if here else ("", "", path)
    container, _, name = rest.partition("/")
    # A part of nothing but dots would lead out of the container.
    astray = bool(name) and any(set(part) <= {"."} for part in name.split("/"))
    if not _CONTAINER.fullmatch(container) or (name and not _BLOB_NAME.fullmatch(name)) or astray:
        raise ValueError(f"no container, or no blob, is called {rest!r}")
    return BlobPlace(f"{parts.scheme}://{parts.netloc}" + (f"/{account}" if here else ""), container, name)


def logs_host(url: str) -> bool:
    """True for an https URL, default port, of a Logs Ingestion endpoint in a Microsoft cloud."""
    try:
        parts = urlsplit(url)
        known = any((parts.hostname or "").endswith(f".ingest.{cloud[4]}") for cloud in _CLOUDS)
        bare = not (parts.username or parts.query or parts.fragment or parts.path.strip("/"))
        return parts.scheme == "https" and parts.port in (None, 443) and known and bare
    except ValueError:
        return False


def analytics_host(url: str) -> bool:
    """True for an https URL, default port, of Log Analytics' query API in a Microsoft cloud."""
    try:
        parts = urlsplit(url)
        known = {_host(cloud[5]) for cloud in _CLOUDS} | {_host(PUBLIC_ANALYTICS)}
        bare = not (parts.username or parts.query or parts.fragment or parts.path.strip("/"))
        return parts.scheme == "https" and parts.port in (None, 443) and parts.hostname in known and bare
    except ValueError:
        return False


def microsoft_host(url: str) -> bool:
    """True for an https URL, default port, whose host is ARM, Graph or the sign-in of a Microsoft cloud."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and parts.port in (None, 443)
            and parts.hostname in _HOSTS
            and not parts.username
        )
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """True when the URL's host is this machine by address or by the name `localhost`."""
    host = _host(url)
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def cleartext(url: str) -> bool:
    """True when the URL is plain http; a configuration allows that for loopback alone."""
    return urlsplit(url).scheme == "http"


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
