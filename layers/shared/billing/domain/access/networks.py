"""From where a caller is let in: addresses and CIDRs, IPv4 and IPv6.

An IPv4 address may come mapped into IPv6 (``::ffff:10.0.0.1``), and a list may have been written so: both are the
IPv4 address.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
_MAPPED = IPv6Network("::ffff:0:0/96")


def canonical(text: str) -> str:
    """A network as it is stored: ``10.0.0.0/8``, ``203.0.113.7/32``, ``2001:db8::/32``.

    Raises:
        ValueError: it is no address and no CIDR, has a zone, or has bits behind its prefix (``10.0.0.1/8``).
    """
    if "%" in text:
        raise ValueError("a zone means something on one machine only")
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        low = int(network.network_address) - int(_MAPPED.network_address)
        return str(IPv4Network((low, network.prefixlen - 96)))
    return str(network)


def lets_in(networks: Iterable[str], address: str | None) -> bool:
    """Whether an address is in one of the networks; one that nobody knows is in none."""
    try:
        seen = _plain(ip_address(address or ""))
    except ValueError:
        return False
    return any(seen in network for network in map(ip_network, networks) if network.version == seen.version)


def within(networks: Iterable[str], fence: Iterable[str]) -> bool:
    """Whether networks let in nobody whom a fence keeps out; no fence keeps nobody out, and no networks let all in."""
    around = [ip_network(each) for each in fence]
    inside = [ip_network(each) for each in networks]
    if not around:
        return True
    return bool(inside) and all(any(_is_part(each, one) for one in around) for each in inside)


def _is_part(network: Network, of: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(of, IPv4Network) and network.subnet_of(of)
    return isinstance(of, IPv6Network) and network.subnet_of(of)


def counted_as(address: str | None) -> str:
    """What calls of an address are counted as: a stranger has a whole IPv6 /64, and with it 2^64 addresses.

    ``2001:db8::1`` and ``2001:db8::ffff:1`` are both ``2001:db8::/64``; ``::ffff:10.0.0.1`` is ``10.0.0.1``.
    """
    try:
        seen = _plain(ip_address(address or ""))
    except ValueError:
        return address or ""
    return str(IPv6Network((int(seen) >> 64 << 64, 64)) if isinstance(seen, IPv6Address) else seen)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
