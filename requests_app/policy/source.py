"""Which source address may be let in, and in which words others are refused.

Where it was seen is told from outside.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from requests_app.errors import Invalid
from requests_app.policy.address_ranges import PRIVATE, refused_range, standing_of

Network = IPv4Network | IPv6Network

OWN_ADDRESS = (
    "Use the address you are connecting from; your network's administrator can tell you the public one."
)
_WITH_PORT = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}:\d{1,5}")
_BRACKETED = re.compile(r"\[([^\[\]]*)\](?::\d{1,5})?")
_SEVERAL = re.compile(r"[,;\s]|(?<=[0-9a-fA-F])-(?=[0-9a-fA-F])")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class SourceRule:
    """What policy lets in beyond single public addresses, and whether it must be the client's own."""

    private_networks: tuple[str, ...] = ()
    min_prefix_v4: int = 32
    min_prefix_v6: int = 128
    own_address_only: bool = True


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A source fit for a rule: `prefix` is a bare address when it is a single one, else CIDR."""

    prefix: str
    version: int
    network: Network

    def __str__(self) -> str:
        return self.prefix


class SourceRefused(Invalid):
    """This address may not be let in; `check` names why, `reason` and `way_on` are for the person."""

    title = "That source address cannot be used"

    def __init__(self, check: str, reason: str, way_on: str = OWN_ADDRESS) -> None:
        super().__init__(reason, fields={"source": reason}, check=check, way_on=way_on)


def check_source(
    text: str, *, observed: str | None, destination: str | None, rule: SourceRule
) -> SourceAddress:
    """The address as a rule may carry it; a port is cut off and an IPv4-mapped IPv6 address becomes IPv4.

    `observed` is where the client was seen, None where no client is on the line. Raises SourceRefused.
    """
    network = parse_source(text)
    _refuse_range(network, rule)
    _refuse_width(network, rule)
    if observed != text:
        _refuse_other(network, observed, rule)
    _refuse_version(network, destination)
    single = network.prefixlen == network.max_prefixlen
    prefix = str(network.network_address) if single else str(network)
    return SourceAddress(prefix=prefix, version=network.version, network=network)


def parse_source(text: str) -> Network:
    """The one address or prefix that was written, in any form a client or proxy may hand it.

    Raises SourceRefused.
    """
    bare = _strip_port(text.strip())
    if not bare:
        raise SourceRefused("source_missing", "No source address was given.")
    if bare in ("*", "0", "0/0") or bare.lower() == "any":
        raise SourceRefused("source_everywhere", f"“{bare}” would let in the whole internet.")
    if _SEVERAL.search(bare):
        raise SourceRefused("source_one_address", "Only one address can be let in, not a list or a range.")
    if _WORD.fullmatch(bare) and not re.fullmatch(r"[0-9A-Fa-f]+", bare):
        raise SourceRefused(
            "source_service_tag",
            f"“{bare}” is a name or an Azure service tag, which stands for many addresses.",
        )
    return _unmapped(_network(bare))


def _strip_port(text: str) -> str:
    if bracketed := _BRACKETED.fullmatch(text):
        return bracketed[1].strip()
    if _WITH_PORT.fullmatch(text):
        return text.rpartition(":")[0]
    return text


def _network(text: str) -> Network:
    written, slash, prefix = text.partition("/")
    if "%" in written:
        raise SourceRefused(
            "source_link_local", f"“{text[:60]}” names an interface, so it means nothing elsewhere."
        )
    if slash and not (prefix.isascii() and prefix.isdigit()):
        raise SourceRefused(
            "source_format", f"“{text[:60]}” is not an address; a range ends in a prefix length, like /29."
        )
    try:
        address = ip_address(written)
        length = int(prefix) if slash else address.max_prefixlen
        loose = ip_network((address.packed, length), strict=False)
    except ValueError:
        raise SourceRefused("source_format", f"“{text[:60]}” is not an IP address.") from None
    if loose.network_address != address:
        raise SourceRefused(
            "source_host_bits",
            f"{text} has bits set beyond its prefix.",
            f"If you mean the range, write {loose}.",
        )
    return loose


def _unmapped(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _refuse_range(network: Network, rule: SourceRule) -> None:
    if network.prefixlen == 0:
        raise SourceRefused("source_everywhere", f"{network} would let in the whole internet.")
    hit = refused_range(network)
    if hit is None:
        return
    check, words = hit
    if check == PRIVATE:
        if any(_inside(network, ip_network(listed)) for listed in rule.private_networks):
            return
        raise SourceRefused(
            check,
            f"{network} is a private address, and policy lists no network that holds it.",
            "Connect from the internet, or ask a policy owner to list your network as private.",
        )
    raise SourceRefused(check, f"{network} {words}.")


def _refuse_width(network: Network, rule: SourceRule) -> None:
    least = rule.min_prefix_v4 if network.version == 4 else rule.min_prefix_v6
    if network.prefixlen < least:
        allowed = "a single address" if least == network.max_prefixlen else f"a range no wider than /{least}"
        raise SourceRefused("source_too_wide", f"{network} is wider than policy allows; it allows {allowed}.")


def _refuse_other(network: Network, observed: str | None, rule: SourceRule) -> None:
    if observed is None or not rule.own_address_only:
        return
    try:
        seen = parse_source(observed)
    except SourceRefused:
        raise SourceRefused(
            "source_own_address",
            "The address you are connecting from could not be read, so it cannot be compared.",
            "Reload the page; if it stays, tell an administrator (the proxy may hand on a wrong address).",
        ) from None
    if not _inside(seen, network):
        raise SourceRefused(
            "source_own_address",
            f"You are connecting from {seen.network_address}, and policy lets in only that.",
            f"Ask with {seen.network_address}, or come back from {network.network_address}.",
        )


def _refuse_version(network: Network, destination: str | None) -> None:
    if not destination:
        return
    version = _version(destination)
    if version == network.version:
        return
    raise SourceRefused(
        "source_ip_version",
        f"You come by IPv{network.version}, but {destination} is reached by IPv{version}, "
        "and one rule cannot hold both.",
        f"Connect over IPv{version} (a phone's hotspot or a VPN often offers it).",
    )


@lru_cache(maxsize=4096)
def _version(destination: str) -> int:
    return ip_address(destination).version


def _inside(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def inside(text: str, networks: tuple[str, ...]) -> bool:
    """Whether the written address lies wholly in one of the networks.

    Raises SourceRefused when it is none.
    """
    network = parse_source(text)
    return any(_inside(network, ip_network(listed)) for listed in networks)


def is_private_network(text: str) -> bool:
    """Whether policy may list this network.

    It must lie wholly in a private range. Raises ValueError when malformed.
    """
    return standing_of(ip_network(text)) == PRIVATE
