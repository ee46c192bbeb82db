"""The table of public addresses: edges of its blocks, and Python's table as a second opinion."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.addresses import is_public

_SINKS = [ipaddress.ip_network(net) for net in ("192.31.196.0/24", "192.175.48.0/24")]
_STRICTER_V4 = [
    *_SINKS,
    *(ipaddress.ip_network(net) for net in ("192.52.193.0/24", "192.88.99.0/24", "224.0.0.0/4")),
    ipaddress.ip_network("192.0.0.0/24"),  # Python's table knows all of it only since 3.11.9
]
"""Reachable by the letter of the registries, but nothing that a clip could lie on."""


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("9.255.255.255", True),
        ("10.0.0.0", False),
        ("10.255.255.255", False),
        ("11.0.0.0", True),
        ("100.63.255.255", True),
        ("100.64.0.0", False),
        ("100.128.0.0", True),
        ("126.255.255.255", True),
        ("127.255.255.255", False),
        ("169.253.255.255", True),
        ("169.254.169.254", False),
        ("172.15.255.255", True),
        ("172.16.0.0", False),
        ("172.32.0.0", True),
        ("192.0.0.9", False),
        ("192.0.1.0", True),
        ("192.88.99.1", False),
        ("198.17.255.255", True),
        ("198.19.255.255", False),
        ("223.255.255.255", True),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::1", False),
        ("::7f00:1", False),
        ("::ffff:8.8.8.8", True),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("64:ff9b:1::808:808", False),
        ("100::1", False),
        ("2001::1", False),
        ("2001:200::1", True),
        ("2001:db8::1", False),
        ("2002:808:808::1", True),
        ("2002:a00:1::1", False),
        ("2606:4700::1111", True),
        ("3fff::1", False),
        ("4000::1", False),
        ("5f00::1", False),
        ("fc00::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_edges(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@given(st.ip_addresses(v=4))
def test_python_agrees_about_ipv4(address: ipaddress.IPv4Address) -> None:
    stricter = any(address in network for network in _STRICTER_V4)
    assert is_public(address) is (address.is_global and not stricter)


@given(st.ip_addresses(v=6))
def test_nothing_is_public_that_python_calls_private(address: ipaddress.IPv6Address) -> None:
    if is_public(address) and not (address.ipv4_mapped or address.sixtofour):
        assert address.is_global or address in ipaddress.ip_network("64:ff9b::/96")
