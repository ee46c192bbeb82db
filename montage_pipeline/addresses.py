"""Which network addresses are on the public internet, by the registries of IANA.

The standard library has such a table too, but another one with each version of Python. This one is
the union of what the registries say is not globally reachable, as of October 2025:

    https://www.iana.org/assignments/iana-ipv4-special-registry (RFC 6890, RFC 8190)
    https://www.iana.org/assignments/iana-ipv6-special-registry
    https://www.iana.org/assignments/ipv6-address-space (only 2000::/3 is global unicast)
    https://www.iana.org/assignments/multicast-addresses

Belongs here: the table. Does not belong here: who asks (`footage.fetching`, `api`, `logs`).
"""

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private use (RFC 1918)
        "100.64.0.0/10",  # shared address space of carriers (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "169.254.0.0/16",  # link local, where clouds keep their metadata (RFC 3927)
        "172.16.0.0/12",  # private use (RFC 1918)
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890); no clip lies on its two public ones
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112, sinks for DNS (RFC 7535)
        "192.52.193.0/24",  # AMT relays (RFC 7450)
        "192.88.99.0/24",  # 6to4 relays, deprecated (RFC 7526)
        "192.168.0.0/16",  # private use (RFC 1918)
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved, and limited broadcast (RFC 1112, RFC 8190)
    )
)

_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
"""What lies outside is loopback, link local, unique local, multicast, translated, or unassigned."""

_NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments, Teredo among them (RFC 2928, RFC 4380)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3fff::/20",  # documentation (RFC 9637)
    )
)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Its last 32 bits are an IPv4 address (RFC 6052)."""


def is_public(address: Address) -> bool:
    """Whether the address is on the public internet. IPv4 carried inside IPv6 is unwrapped."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    return address in _GLOBAL_UNICAST_V6 and not any(
        address in network for network in _NOT_PUBLIC_V6
    )


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 address: mapped, 6to4 (RFC 3056), or NAT64."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


_URL_HOST = re.compile(r"\b((?!s3:|file:)[a-z][a-z0-9+.-]*://)([^\s/:@\"'\[\]?]+)(:[0-9]+)?", re.I)
_LITERAL = re.compile(
    r"\[?(?<![\w.:])((?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-f]{0,4}(?::[0-9a-f.]{0,15}){2,8})"
    r"(?![\w.]*\w)\]?(?::[0-9]{1,5}\b)?",
    re.I,
)
_INTERNAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".svc")
_HIDDEN = "[internal address]"


def hide_internal(text: str) -> str:
    """The text without addresses of our own network: literal ones, and names of URLs that only it
    can resolve.
    """

    def name(found: re.Match[str]) -> str:
        host = found[2].lower().rstrip(".")
        internal = "." not in host or host.endswith(_INTERNAL_SUFFIXES)
        return f"{found[1]}{_HIDDEN}" if internal else found[0]

    def literal(found: re.Match[str]) -> str:
        try:
            public = is_public(ipaddress.ip_address(found[1]))
        except ValueError:
            return found[0]  # A time of day, a version.
        return found[0] if public else _HIDDEN

    return _LITERAL.sub(literal, _URL_HOST.sub(name, text))
