"""The client's own address, as seen through so many trusted proxies. Whether it may be used is policy's business."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any


def client_address(meta: Mapping[str, Any], trusted_proxies: int) -> str | None:
    """Return the address the outermost trusted proxy saw, or None where that can not be told.

    Each proxy appends what it saw to X-Forwarded-For, so only the last `trusted_proxies` entries were written by
    someone we trust; everything before them the client may have made up. A port is stripped; an IPv4 address
    inside an IPv6 one is unwrapped.
    """
    if trusted_proxies <= 0:
        return _clean(str(meta.get("REMOTE_ADDR", "")))
    hops = [hop.strip() for hop in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    if len(hops) < trusted_proxies:
        return None
    return _clean(hops[-trusted_proxies])


def _clean(text: str) -> str | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if getattr(address, "scope_id", None):
        # A zone names an interface of one machine; no database and no NSG takes it.
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
