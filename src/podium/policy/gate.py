"""The gate: what a request must look like before anything else of it is read.

One pure function, called by every host. The documentation of HTTP lists what it accepts, and why.
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
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
# These methods change nothing, whoever sends them.
_SAFE = ("GET", "HEAD", "OPTIONS")
# Paths that an orchestrator requests by a container's bare address. No response there contains a
# link.
PROBES = (b"/livez", b"/readyz", b"/metrics")

_Headers: TypeAlias = Mapping[bytes, Sequence[bytes]]

_NOTHING = re.compile(rb"(?!)")
_HOST = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
# None of our URLs contains a backslash or a control character, plain or encoded, nor an encoded
# slash. A fragment after `#` stays with the client; servers that receive one handle it in different
# ways.
_ODD_PATH = re.compile(rb"[\x00-\x1f\x7f\\#]|%(?:[01][0-9a-f]|7f|2f|5c)", re.IGNORECASE)
_ODD_QUERY = re.compile(rb"[\x00-\x1f\x7f#]|%00")
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/")
_DOT = re.compile(rb"%2e", re.IGNORECASE)
# A longer number of bytes is never meant; and `int()` of thousands of digits is slow.
_LENGTH_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused."""

    status: int
    code: str
    detail: str
    hint: str = ""


def check(
    settings: Settings,
    method: str,
    target: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    predictions: re.Pattern[bytes],
    uploads: re.Pattern[bytes] = _NOTHING,
) -> Refusal | None:
    """The reason to refuse a request, from its head alone; None if there is none.

    Args:
        target: path and query as they were sent, percent-encoded.
        headers: with names in any case; names may repeat.
        predictions: found in the paths that lead to a prediction, under any prefix. They alone take
            long bodies, and requests from pages of the origins that are allowed.
        uploads: found in the paths whose bodies go to files; its group is `bundle` or `file`.
    """
    refusal = _check_size(target, headers) or _check_method(method) or _check_target(target)
    if refusal is not None:
        return refusal
    found = _by_name(headers)
    path = target.partition(b"?")[0]
    is_prediction = predictions.search(path) is not None
    upload = uploads.search(path) if method == "POST" else None
    return (
        _check_host(settings, target, found)
        or _check_body(settings, method, found, is_prediction, upload and upload.lastgroup)
        or _check_site(settings, method, found, is_prediction)
    )


def check_handshake(settings: Settings, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
    """The reason to refuse a WebSocket, besides those of any request; None if there is none.

    A page of any site can open one, with the cookies of ours, and read what it gets: unlike other
    requests that change nothing, it must come from one of our pages, or from a program.
    """
    found = _by_name(headers)
    return _check_site(settings, "POST", found, is_prediction=False)


def not_a_handshake() -> Refusal:
    """The refusal of a request for a WebSocket's URL that doesn't ask for one."""
    return Refusal(
        426,
        "upgrade_required",
        "this URL is a WebSocket",
        "connect to it with a WebSocket client, version 13",
    )


def too_large(most_bytes: int) -> Refusal:
    """The refusal of a body that is longer than allowed."""
    return Refusal(
        413,
        "too_large",
        f"the body is longer than {most_bytes} bytes",
        "send the rows in several requests, or use `podium score` for files",
    )


def too_large_bundle(most_bytes: int) -> Refusal:
    """The refusal of a bundle that is longer than may be uploaded."""
    return Refusal(
        413,
        "too_large",
        f"the bundle is longer than the {most_bytes} bytes that may be uploaded",
        "copy it to the server, and register it there with podium register; "
        "its operator can raise version_bytes_max",
    )


def too_large_file(most_bytes: int) -> Refusal:
    """The refusal of a file that is longer than may be scored as a job."""
    return Refusal(
        413,
        "too_large",
        f"the file is longer than the {most_bytes} bytes that may be scored as a job",
        "send it in parts, or run podium score on the server; its operator can raise job_bytes_max",
    )


def bad_head(detail: str) -> Refusal:
    """The refusal of a head that isn't valid HTTP/1.1."""
    return Refusal(400, "bad_head", detail, "see RFC 9112 for the format of a request")


def other_version() -> Refusal:
    """The refusal of an unsupported HTTP version."""
    return Refusal(505, "http_version", "this version of HTTP isn't supported", "use HTTP/1.1")


def too_slow() -> Refusal:
    """The refusal of a request that doesn't arrive in time."""
    return Refusal(408, "request_timeout", "the request took too long to arrive", "send it again")


def uri_too_long() -> Refusal:
    """The refusal of an address that is longer than allowed."""
    return Refusal(414, "uri_too_long", f"the URL is longer than {URI_MAX_BYTES} bytes")


def headers_too_large() -> Refusal:
    """The refusal of headers that are too many, or too long."""
    return Refusal(
        431,
        "headers_too_large",
        f"there are more than {HEADERS_MAX} headers, or {HEADERS_MAX_BYTES} bytes of them",
        "in a browser, delete the cookies of this site",
    )


def host_name(host: str) -> str:
    """The name in a Host header or a setting: in lower case, without port, brackets, last dot."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    is_bare_ipv6 = host.count(":") > 1
    return (host if is_bare_ipv6 else host.partition(":")[0]).rstrip(".").lower()


def is_loopback(host: str) -> bool:
    """Whether an address or a name is reachable from this machine only."""
    address = _address(host.strip("[]"))
    return host == "localhost" if address is None else address.is_loopback


def _by_name(headers: Sequence[tuple[bytes, bytes]]) -> _Headers:
    """The values of each header, by its name in lower case."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return found


def _check_size(target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
    if len(target) > URI_MAX_BYTES:
        return uri_too_long()
    # The count comes first: it limits the work of everything after it.
    if (
        len(headers) > HEADERS_MAX
        or sum(len(name) + len(value) for name, value in headers) > HEADERS_MAX_BYTES
    ):
        return headers_too_large()
    return None


def _check_method(method: str) -> Refusal | None:
    if method in METHODS:
        return None
    return Refusal(
        405,
        "method_not_allowed",
        f"the method {method[:20]} isn't supported",
        f"use {', '.join(METHODS)}",
    )


def _check_target(target: bytes) -> Refusal | None:
    path, _, query = target.partition(b"?")
    is_odd = not path.startswith(b"/") or _ODD_PATH.search(path) or _ODD_QUERY.search(query)
    if is_odd or b".." in _DOT.sub(b".", path).split(b"/"):
        return Refusal(
            400,
            "bad_path",
            "the URL contains something that isn't allowed, such as .. or a backslash",
        )
    return None


def _check_host(settings: Settings, target: bytes, found: _Headers) -> Refusal | None:
    hosts = found.get(b"host", ())
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return Refusal(400, "bad_host", "a request needs exactly one valid Host header")
    name = host_name(hosts[0].decode("ascii"))
    if name in map(host_name, ("localhost", settings.host, *settings.allowed_hosts)):
        return None
    # A page elsewhere can point a name of its own at this machine (DNS rebinding), but not a bare
    # address, which a browser can't confuse with another site. With accounts, though, it would
    # appear in the links that we write: there the operator lists the allowed names.
    address = _address(name)
    is_bare = settings.accounts.enabled and target.partition(b"?")[0] in PROBES
    if address is not None and (address.is_loopback or settings.open or is_bare):
        return None
    return Refusal(
        421,
        "host_not_allowed",
        f"this server doesn't accept the host name {name[:100]}",
        "its operator can allow it: `allowed_hosts` in podium.toml, or --allowed-host",
    )


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _check_body(
    settings: Settings, method: str, found: _Headers, is_prediction: bool, upload: str | None
) -> Refusal | None:
    if b"content-encoding" in found:
        return Refusal(
            415, "encoded_body", "compressed bodies aren't supported", "send it uncompressed"
        )
    if b"transfer-encoding" in found:
        return Refusal(
            411, "length_required", "the length of the body must be known", "send Content-Length"
        )
    lengths = found.get(b"content-length", ())
    if not lengths:
        if method != "POST":
            return None
        return Refusal(411, "length_required", "a POST needs a Content-Length", "send the header")
    # Two lengths, even equal ones, are a means of smuggling requests past a proxy.
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > _LENGTH_DIGITS_MAX:
        return Refusal(400, "bad_length", "the Content-Length isn't a valid length")
    length, most = int(lengths[0]), settings.body_max_bytes
    if upload == "file":
        most = settings.job_bytes_max
        return too_large_file(most) if length > most else None
    if upload:
        most = settings.version_bytes_max
        return too_large_bundle(most) if length > most else None
    if length > most and is_prediction and _may_be_bulk(method, found):
        most = settings.bulk_body_max_bytes
    return too_large(most) if length > most else None


def _may_be_bulk(method: str, found: _Headers) -> bool:
    """Whether a request for predictions may have many rows; forms hold a single one."""
    is_form = any(media.lower().startswith(_FORMS) for media in found.get(b"content-type", ()))
    return method == "POST" and not is_form


def _check_site(
    settings: Settings, method: str, found: _Headers, is_prediction: bool
) -> Refusal | None:
    """Refuse requests that another site's page makes a browser send, unless its origin is allowed.

    Browsers send Sec-Fetch-Site, which no page can forge; older browsers, and all of them over
    plain HTTP to another machine, send Origin. Programs send neither. As in Go's
    CrossOriginProtection.
    """
    if method in _SAFE:
        return None
    sites, origins = found.get(b"sec-fetch-site", ()), found.get(b"origin", ())
    if len(sites) > 1 or len(origins) > 1:
        is_own = False
    elif sites:
        is_own = sites[0] in (b"same-origin", b"none")
    else:
        hosts = [origin.partition(b"://")[2].lower() for origin in origins]
        is_own = hosts in ([], [found[b"host"][0].lower()])
    return None if is_own else _check_origin(settings, origins, found, is_prediction)


def _check_origin(
    settings: Settings, origins: Sequence[bytes], found: _Headers, is_prediction: bool
) -> Refusal | None:
    """Allow pages of listed origins to call the API, but not the forms; cookies must be enabled.

    A page can send a cookie even if it may not read the response, so it must have no effect here.
    """
    listed = [origin.encode() for origin in settings.allowed_origins]
    is_listed = len(origins) == 1 and origins[0] in listed
    if not is_listed or not is_prediction:
        return Refusal(
            403,
            "cross_site",
            "a page of another site can't send this",
            "the operator can let its origin use the API: `allowed_origins`",
        )
    if any(found.get(b"cookie", ())) and not settings.allow_credentials:
        return Refusal(
            403,
            "cross_site",
            "a page of another site can't send this with a cookie",
            "send it without credentials, or with a token",
        )
    return None
