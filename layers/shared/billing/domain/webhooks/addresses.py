"""Where a webhook may be sent: which URLs, and which addresses behind their names.

A tenant chooses the URL, and whoever sends to it sits inside a network. So what is allowed is listed, not what is
forbidden: an address that nobody thought of is none. A name says nothing by itself: what counts is every address that
it resolves to, looked at when the endpoint is made (for the tenant's sake) and again before each dial (for ours), and
the address that was judged is the one that is dialled.

Sources: IANA's registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890); RFC 4291, 2.4: global unicast is
2000::/3; WHATWG's URL standard, 4.2: a host whose last label is a number is an IPv4 address, however it is written.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

LONGEST_URL = 2_048
_HTTPS_PORT, _FIRST_FREE_PORT, _LAST_PORT = 443, 1_024, 65_535
_NOT_PUBLIC = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's own, inside each of its networks
        "169.254.0.0/16",  # link-local; 169.254.169.254 gives a machine its credentials
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays, once
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast
    )
)
_GLOBAL = IPv6Network("2000::/3")
"""All that is global unicast; what carries an IPv4 address outside it (``64:ff9b::/96``, ``::/96``) is no exception."""
_NOT_GLOBAL = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, which carries an IPv4 address, is one
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[/?][^#]*)?(?P<fragment>#.*)?", re.IGNORECASE | re.DOTALL
)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_VISIBLE = re.compile(r"[!-~]+")
_LONGEST_NAME = 253


class BadTarget(ValueError):
    """A URL that nothing is sent to; ``reason`` is for the tenant."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL that something may be sent to.

    Args:
        host: in lower case, without brackets: a name, or an address.
        path: with the query, from ``/`` on.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> str | None:
        """The address that the URL names itself; None where it names a name."""
        return self.host if _address(self.host) is not None else None


def is_public(address: str) -> bool:
    """Whether anybody's machine may have an address.

    Args:
        address: as a resolver gives it, without brackets. One with a zone (``fe80::1%eth0``) is not public.
    """
    found = _address(address)
    if isinstance(found, IPv4Address):
        return not any(found in each for each in _NOT_PUBLIC)
    return found is not None and found in _GLOBAL and not any(found in each for each in _NOT_GLOBAL)


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    found = _address(address)
    return found is not None and found.is_loopback


def may_dial(addresses: Collection[str], allow_loopback: bool = False) -> bool:
    """Whether something may be sent to a name with these addresses: to all of them, or not at all.

    A name that is public and private at once is somebody's try: which of the two is dialled would be chance.

    Args:
        allow_loopback: for a tenant in test mode, on a stack of one's own machine.
    """
    return bool(addresses) and all(is_public(each) or (allow_loopback and is_loopback(each)) for each in addresses)


def parse_target(url: str, allow_loopback: bool = False) -> Target:
    """The parts of a URL, if it is one that something may be sent to, as far as the text says.

    Args:
        allow_loopback: see ``may_dial``; http is allowed to such an address, too.

    Raises:
        BadTarget: the reason is ``invalid_format``, ``must_be_https``, ``userinfo_not_allowed``,
            ``fragment_not_allowed``, ``invalid_host``, ``port_not_allowed`` or ``address_not_public``.
    """
    if len(url) > LONGEST_URL or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise BadTarget("invalid_format")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise BadTarget("must_be_https")
    if "@" in parts["authority"]:
        raise BadTarget("userinfo_not_allowed")
    if parts["fragment"]:
        raise BadTarget("fragment_not_allowed")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise BadTarget("invalid_host")
    host = _host(authority["host"].lower())
    here = allow_loopback and (host == "localhost" or is_loopback(host))
    if host == "localhost" and not here:
        raise BadTarget("address_not_public")
    scheme = parts["scheme"].lower()
    if scheme != "https" and not here:
        raise BadTarget("must_be_https")
    if _address(host) is not None and not may_dial([host], allow_loopback):
        raise BadTarget("address_not_public")
    path = parts["path"] or "/"
    port = _port(authority["port"], scheme, here)
    return Target(scheme, host, port, path if path.startswith("/") else f"/{path}")


def _host(text: str) -> str:
    if text.startswith("["):
        if not isinstance(_address(text[1:-1]), IPv6Address | IPv4Address):
            raise BadTarget("invalid_host")
        return text[1:-1]
    labels = text.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # 0x7f000001, 0177.0.0.1, 127.1 and 2130706433 are 127.0.0.1 to a resolver, and to us nothing.
        try:
            return str(IPv4Address(text))
        except ValueError:
            raise BadTarget("invalid_host") from None
    dotted = len(labels) > 1 or text == "localhost"
    if len(text) > _LONGEST_NAME or not dotted or not all(_LABEL.fullmatch(each) for each in labels):
        raise BadTarget("invalid_host")
    return text


def _port(text: str | None, scheme: str, here: bool) -> int:
    """443, or one that needs no rights to listen on: 22 and 25 are other protocols'."""
    port = int(text) if text is not None else (_HTTPS_PORT if scheme == "https" else 80)
    allowed = 1 <= port <= _LAST_PORT if here else port == _HTTPS_PORT or _FIRST_FREE_PORT <= port <= _LAST_PORT
    if not allowed:
        raise BadTarget("port_not_allowed")
    return port


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 address that comes mapped into IPv6 is the IPv4 address."""
    if "%" in text:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
