"""Which addresses are key vaults of Microsoft's clouds, and how keys are called there. No I/O, no SDK."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from requests_app.targets.azure_cloud import is_loopback

_VAULT_HOST: Final = re.compile(
    r"[a-z][a-z0-9-]{1,22}[a-z0-9]\.(vault\.azure\.net|vault\.usgovcloudapi\.net|vault\.azure\.cn)"
)
_KEY_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,127}")


def vault_fault(url: str, key: str, *, loopback: bool) -> str:
    """Return what is wrong with this vault's address or this key's name, in words; nothing when both are right."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"no address: {url!r}"
    there = parts.scheme == "https" and port in (None, 443) and _VAULT_HOST.fullmatch(parts.hostname or "")
    here = loopback and is_loopback(url) and parts.scheme == "http"
    if not (here or there):
        return f"not a key vault in a Microsoft cloud, over https: {url!r}"
    if parts.username or parts.query or parts.fragment or parts.path.strip("/"):
        return f"nothing may follow the vault's host: {url!r}"
    return "" if _KEY_NAME.fullmatch(key) else f"no key is called {key!r}"
