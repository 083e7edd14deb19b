"""The address ranges no client can honestly come from, each with its words.

What is done about them stands in `source`.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

PRIVATE = "source_private"
_RESERVED = "source_reserved"
_DOCUMENTATION = "source_documentation"
_OWN_USE = "is private address space"

# From IANA's special-purpose registries; the first row that a network touches gives the words.
_ROWS: tuple[tuple[str, str, str], ...] = (
    ("0.0.0.0/8", _RESERVED, "means “this network” and is nobody's address"),
    ("10.0.0.0/8", PRIVATE, _OWN_USE),
    ("172.16.0.0/12", PRIVATE, _OWN_USE),
    ("192.168.0.0/16", PRIVATE, _OWN_USE),
    (
        "100.64.0.0/10",
        "source_cgnat",
        "is shared by a provider's customers (CGNAT) and is never seen by Azure",
    ),
    ("127.0.0.0/8", "source_loopback", "is the machine itself (loopback)"),
    ("169.254.0.0/16", "source_link_local", "is a link-local address, which no router passes on"),
    ("168.63.129.16/32", _RESERVED, "is Azure's own platform address"),
    ("192.0.0.0/24", _RESERVED, "is reserved for protocols"),
    ("192.0.2.0/24", _DOCUMENTATION, "is reserved for documentation"),
    ("198.51.100.0/24", _DOCUMENTATION, "is reserved for documentation"),
    ("203.0.113.0/24", _DOCUMENTATION, "is reserved for documentation"),
    ("192.88.99.0/24", _RESERVED, "is a retired relay range (6to4)"),
    ("198.18.0.0/15", _RESERVED, "is reserved for benchmarks"),
    ("224.0.0.0/4", "source_multicast", "is a multicast address, which nobody connects from"),
    ("240.0.0.0/4", _RESERVED, "is reserved"),
    ("::/128", _RESERVED, "means “no address”"),
    ("::1/128", "source_loopback", "is the machine itself (loopback)"),
    ("fc00::/7", PRIVATE, _OWN_USE),
    ("fe80::/10", "source_link_local", "is a link-local address, which no router passes on"),
    ("ff00::/8", "source_multicast", "is a multicast address, which nobody connects from"),
    ("2001:db8::/32", _DOCUMENTATION, "is reserved for documentation"),
    ("3fff::/20", _DOCUMENTATION, "is reserved for documentation"),
    ("2001::/23", _RESERVED, "is reserved for protocols and tunnels"),
    ("2002::/16", _RESERVED, "is a retired tunnel range (6to4)"),
    # Only 2000::/3 is given out to networks; all else is unassigned or special.
    ("::/3", _RESERVED, "is not an address given out on the internet"),
    ("4000::/2", _RESERVED, "is not an address given out on the internet"),
    ("8000::/1", _RESERVED, "is not an address given out on the internet"),
)


def _span(network: Network) -> tuple[int, int, int]:
    first = int(network.network_address)
    return network.version, first, first + (1 << (network.max_prefixlen - network.prefixlen)) - 1


# As numbers, because comparing network objects costs more than the whole rest of a decision.
_SPANS: tuple[tuple[int, int, int, str, str], ...] = tuple(
    (*_span(ip_network(text)), check, words) for text, check, words in _ROWS
)


def refused_range(network: Network) -> tuple[str, str] | None:
    """Check and words of the first special range this network touches, None when it touches none."""
    version, first, last = _span(network)
    for row_version, low, high, check, words in _SPANS:
        if version == row_version and first <= high and low <= last:
            return check, words
    return None


def standing_of(network: Network) -> str | None:
    """The check name of the one special range that wholly holds this network, None when there is none."""
    version, first, last = _span(network)
    for row_version, low, high, check, _words in _SPANS:
        if version == row_version and low <= first and last <= high:
            return check
    return None
