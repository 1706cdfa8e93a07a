"""Addresses of clients, which identify anonymous callers."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

# The least that a provider gives one customer; within it, a customer can use any address.
IPV6_PREFIX = 64


def client_address(peer: str, headers: Iterable[tuple[bytes, bytes]], n_proxies: int) -> str:
    """The address of a client behind this many trusted proxies.

    Args:
        headers: all header lines of the request, as ASGI has them: proxies may add a line of
            their own.
    """
    if n_proxies == 0:
        return peer
    lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    known = [part for one in ",".join(lines).split(",") if (part := one.strip())]
    # Each proxy appends the address of its client. Anything further left can be forged.
    return known[-n_proxies] if n_proxies <= len(known) else peer


def network_of(address: str) -> str:
    """The part that a client can't change: an IPv4 address, or an IPv6 address's /64 network."""
    try:
        found = ip_address(_without_port(address))
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), IPV6_PREFIX), strict=False))


def _without_port(address: str) -> str:
    """Some proxies append the port; a link-local address may name an interface."""
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    return address.partition("%")[0]
