"""Whose address it is: proxies tell, and networks stand for their clients."""

from __future__ import annotations

import pytest

from podium.policy.addresses import client_address, network_of


@pytest.mark.parametrize(
    ("forwarded", "n_proxies", "address"),
    [
        ("", 0, "10.0.0.9"),
        ("1.1.1.1", 0, "10.0.0.9"),
        ("6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.8", 2, "1.1.1.1"),
        ("6.6.6.6\n1.1.1.1", 1, "1.1.1.1"),
        ("6.6.6.6\n1.1.1.1, 10.0.0.8", 2, "1.1.1.1"),
        ("", 1, "10.0.0.9"),
    ],
)
def test_the_address_is_what_trusted_proxies_tell(forwarded, n_proxies, address):
    lines = [(b"x-forwarded-for", one.encode()) for one in forwarded.split("\n")]

    assert client_address("10.0.0.9", [(b"host", b"x"), *lines], n_proxies) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("10.0.0.9:4711", "10.0.0.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_client_is_known_by_what_it_cannot_leave(address, network):
    assert network_of(address) == network
