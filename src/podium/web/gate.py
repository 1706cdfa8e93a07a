"""The gate: what a request must be like before anything of it is read.

One pure function stands before every host. What it lets in, and why nothing else, is told in the
documentation under "HTTP".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from podium.settings import Settings

URI_MAX_BYTES = 8_192
HEADERS_MAX = 64
HEADERS_MAX_BYTES = 16_384
METHODS = ("GET", "HEAD", "POST", "OPTIONS")

_Headers: TypeAlias = Mapping[bytes, Sequence[bytes]]

_HOST = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
# No address of ours has a backslash or a control character, plain or encoded, nor an encoded slash.
_ODD_PATH = re.compile(rb"[\x00-\x1f\x7f\\]|%(?:[01][0-9a-f]|7f|2f|5c)", re.IGNORECASE)
_ODD_QUERY = re.compile(rb"[\x00-\x1f\x7f]|%00")
_DOT = re.compile(rb"%2e", re.IGNORECASE)
# A longer number of bytes isn't meant; and `int()` of thousands of digits is slow.
_LENGTH_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request isn't read any further."""

    status: int
    code: str
    detail: str
    hint: str = ""


def check(
    settings: Settings, method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]
) -> Refusal | None:
    """The reason to refuse a request, from its head alone; None when there is none.

    Args:
        target: path and query as they were sent, percent-encoded.
        headers: with names in any case, repeated ones too.
    """
    refusal = _check_size(target, headers) or _check_method(method) or _check_target(target)
    if refusal is not None:
        return refusal
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return (
        _check_host(settings, found)
        or _check_body(settings, method, found)
        or _check_site(method, found)
    )


def too_large(settings: Settings) -> Refusal:
    """The refusal of a body that is longer than allowed."""
    return Refusal(
        413,
        "too_large",
        f"the body is longer than {settings.body_max_bytes} bytes",
        "send the rows in several requests, or use `podium score` for files",
    )


def host_name(host: str) -> str:
    """The name in a Host header or a setting: in lower case, without port, brackets, last dot."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    is_bare_ipv6 = host.count(":") > 1
    return (host if is_bare_ipv6 else host.partition(":")[0]).rstrip(".").lower()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or a name."""
    address = _address(host.strip("[]"))
    return host == "localhost" if address is None else address.is_loopback


def _check_size(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
    if len(target) > URI_MAX_BYTES:
        return Refusal(414, "uri_too_long", f"the address is longer than {URI_MAX_BYTES} bytes")
    # The count first: it bounds the work of everything after it.
    if (
        len(headers) > HEADERS_MAX
        or sum(len(name) + len(value) for name, value in headers) > HEADERS_MAX_BYTES
    ):
        return Refusal(
            431,
            "headers_too_large",
            f"there are more than {HEADERS_MAX} headers, or {HEADERS_MAX_BYTES} bytes of them",
        )
    return None


def _check_method(method: str) -> Refusal | None:
    if method in METHODS:
        return None
    return Refusal(
        405,
        "method_not_allowed",
        f"the method {method[:20]} isn't used here",
        f"use {', '.join(METHODS)}",
    )


def _check_target(target: bytes) -> Refusal | None:
    path, _, query = target.partition(b"?")
    is_odd = not path.startswith(b"/") or _ODD_PATH.search(path) or _ODD_QUERY.search(query)
    if is_odd or b".." in _DOT.sub(b".", path).split(b"/"):
        return Refusal(400, "bad_path", "the address holds something that no address of ours has")
    return None


def _check_host(settings: Settings, found: _Headers) -> Refusal | None:
    hosts = found.get(b"host", ())
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return Refusal(400, "bad_host", "a request needs exactly one valid Host header")
    name = host_name(hosts[0].decode("ascii"))
    if name in map(host_name, ("localhost", settings.host, *settings.allowed_hosts)):
        return None
    # A page elsewhere can point a name of its own at this machine (DNS rebinding), but not a bare
    # address: it names no site that a browser could mix up with another.
    address = _address(name)
    is_reached = settings.open or settings.accounts.enabled
    if address is not None and (address.is_loopback or is_reached):
        return None
    return Refusal(
        421,
        "host_not_allowed",
        f"this server isn't known as {name[:100]}",
        "its operator can allow the name: `allowed_hosts` in podium.toml, or --allowed-host",
    )


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _check_body(settings: Settings, method: str, found: _Headers) -> Refusal | None:
    if b"content-encoding" in found:
        return Refusal(415, "encoded_body", "compressed bodies aren't read here", "send it plain")
    if b"transfer-encoding" in found:
        return Refusal(
            411, "length_required", "the length of the body must be known", "send Content-Length"
        )
    lengths = found.get(b"content-length", ())
    if not lengths:
        if method != "POST":
            return None
        return Refusal(411, "length_required", "a POST needs a Content-Length", "send the header")
    # Two lengths, even equal ones, are how requests are smuggled past a proxy.
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > _LENGTH_DIGITS_MAX:
        return Refusal(400, "bad_length", "the Content-Length is no length")
    return too_large(settings) if int(lengths[0]) > settings.body_max_bytes else None


def _check_site(method: str, found: _Headers) -> Refusal | None:
    """Refuse what another site's page makes a browser send.

    Browsers tell it by Sec-Fetch-Site, which no page can forge; older ones, and all over plain
    HTTP to another machine, by Origin. Programs send neither. As in Go's CrossOriginProtection.
    """
    if method != "POST":
        return None
    sites, origins = found.get(b"sec-fetch-site", ()), found.get(b"origin", ())
    if len(sites) > 1 or len(origins) > 1:
        is_own = False
    elif sites:
        is_own = sites[0] in (b"same-origin", b"none")
    else:
        hosts = [origin.partition(b"://")[2].lower() for origin in origins]
        is_own = hosts in ([], [found[b"host"][0].lower()])
    return None if is_own else Refusal(403, "cross_site", "another site's page can't send this")
