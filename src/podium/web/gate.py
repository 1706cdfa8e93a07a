"""The gate: what a request must be like before anything of it is read.

One pure function stands before every host. See "It lets no one in" in the documentation.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from podium.settings import Settings

URI_MAX_BYTES = 8_192
HEADERS_MAX = 64
HEADERS_MAX_BYTES = 16_384
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
# Percent-encoded NUL, slash, backslash and dots: no address of ours has one.
_ODD_PATH = re.compile(rb"%00|%2f|%5c|\\|\x00", re.IGNORECASE)


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
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return (
        _check_size(target, headers)
        or _check_method(method)
        or _check_path(target)
        or _check_host(settings, found.get(b"host", []))
        or _check_body(settings, method, found)
        or _check_origin(method, found)
    )


def too_large(settings: Settings) -> Refusal:
    """The refusal of a body that is longer than allowed."""
    return Refusal(
        413,
        "too_large",
        f"the body is longer than {settings.body_max_bytes} bytes",
        "send the rows in several requests, or use `podium score` for files",
    )


def _check_size(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
    if len(target) > URI_MAX_BYTES:
        return Refusal(414, "uri_too_long", f"the address is longer than {URI_MAX_BYTES} bytes")
    n_bytes = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > HEADERS_MAX or n_bytes > HEADERS_MAX_BYTES:
        return Refusal(
            431,
            "headers_too_large",
            f"there are more than {HEADERS_MAX} headers, or {HEADERS_MAX_BYTES} bytes of them",
        )
    return None


def _check_method(method: str) -> Refusal | None:
    if method in METHODS:
        return None
    return Refusal(405, "method_not_allowed", f"the method {method[:20]} isn't used here")


def _check_path(target: bytes) -> Refusal | None:
    path = target.partition(b"?")[0]
    segments = path.replace(b"%2e", b".").replace(b"%2E", b".").split(b"/")
    if not path.startswith(b"/") or _ODD_PATH.search(path) or b".." in segments:
        return Refusal(400, "bad_path", "the path holds something that no path of ours has")
    return None


def _check_host(settings: Settings, hosts: Sequence[bytes]) -> Refusal | None:
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return Refusal(400, "bad_host", "a request needs exactly one valid Host header")
    name = host_name(hosts[0].decode("ascii"))
    allowed = {one.lower() for one in settings.allowed_hosts}
    if name in allowed or name in _LOOPBACK or name == settings.host.strip("[]").lower():
        return None
    # A page elsewhere can point a name of its own at this machine (DNS rebinding), but no one else
    # can use a bare address: it names no site that a browser would mix up with another.
    if settings.open and _is_address(name):
        return None
    return Refusal(
        421,
        "host_not_allowed",
        f"this server isn't known as {name}",
        f"the operator can allow it: --allowed-host {name}",
    )


def host_name(host: str) -> str:
    """A Host header's name in lower case, without port and brackets."""
    if host.startswith("["):
        return host[1 : host.index("]")].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _check_body(settings: Settings, method: str, found: dict[bytes, list[bytes]]) -> Refusal | None:
    if b"content-encoding" in found:
        return Refusal(415, "encoded_body", "compressed bodies aren't read here", "send it plain")
    if b"transfer-encoding" in found:
        return Refusal(
            411, "length_required", "the length of the body must be known", "send Content-Length"
        )
    lengths = found.get(b"content-length", [])
    if not lengths:
        if method == "POST":
            return Refusal(
                411, "length_required", "a POST needs a Content-Length", "send the header"
            )
        return None
    if len(set(lengths)) > 1 or not lengths[0].isdigit() or len(lengths[0]) > 18:
        return Refusal(400, "bad_length", "the Content-Length is no length")
    return too_large(settings) if int(lengths[0]) > settings.body_max_bytes else None


def _check_origin(method: str, found: dict[bytes, list[bytes]]) -> Refusal | None:
    """Refuse what another site's page makes a browser send."""
    if method != "POST":
        return None
    site = found.get(b"sec-fetch-site", [b"none"])[-1]
    origin = found.get(b"origin", [b""])[-1].decode("latin-1")
    same = not origin or urlsplit(origin).netloc.encode() == found[b"host"][0]
    if site in (b"same-origin", b"none") and same:
        return None
    return Refusal(403, "cross_site", "another site's page can't send this")
