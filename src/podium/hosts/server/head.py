"""The head of a request: one strict grammar, so that no other parser can read it differently.

Requests are smuggled where two parsers disagree about where a request ends. Here no head is parsed
twice, and everything that parsers are known to disagree about (lines that end in LF alone, folded
lines, spaces before the colon, two lengths, chunked bodies) is refused, and the connection closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from podium.deployments.deployment import Deployment
from podium.flow.format import RowCodec
from podium.flow.version import LoadedVersion
from podium.policy import gate
from podium.policy.gate import Refusal

# The method, the version, and the scheme and host of an absolute URL.
LINE_MAX_BYTES = gate.URI_MAX_BYTES + 512
# Including a colon, a space and a line end for each header.
FIELDS_MAX_BYTES = gate.HEADERS_MAX_BYTES + 4 * gate.HEADERS_MAX + 4
SMALL_BYTES = 2_048

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = _TOKEN + rb" [!-~]+ HTTP/1\.[01]"
_FIELD = _TOKEN + rb":[\t -~\x80-\xff]*"
_HEAD = re.compile(rb"%b\r\n(?:%b\r\n)*\r\n" % (_LINE, _FIELD))
_ONE_LINE, _ONE_FIELD = re.compile(_LINE), re.compile(_FIELD)
_OTHER_VERSION = re.compile(rb".* HTTP/(?!1\.[01]\Z)[0-9.]+")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A head that passed the gate.

    Attributes:
        target: path and query, percent-encoded.
        headers: with names in lower case, and without those whose name contains an underscore.
        length: of the body, in bytes.
        is_last: whether the connection ends after the response.
        is_http_10: whether the client lacks chunks and `100 Continue`.
    """

    method: str
    target: bytes
    headers: Headers
    length: int = 0
    is_last: bool = False
    is_http_10: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictHead(Head):
    """The head of a plain prediction request, for the fast lane.

    Attributes:
        deployment: the model.
        codec: of the protocol, for single rows; None: Podium's own form.
        authorization: the Authorization header, or nothing.
        traceparent: that header, or nothing.
    """

    deployment: Deployment
    authorization: bytes
    codec: Callable[[LoadedVersion], RowCodec] | None = None
    traceparent: str = ""

    def beside(self, headers: Headers) -> Self:
        """The same with more headers: those that each request has of its own."""
        traceparent = dict(headers).get(b"traceparent", b"").decode("latin-1")
        return replace(self, headers=(*self.headers, *headers), traceparent=traceparent)


class Rejected(Exception):
    """A refused head, with as much of it as could be parsed."""

    def __init__(self, refusal: Refusal, head: Head) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.head = head


def parse(raw: bytes) -> tuple[str, bytes, Headers, bool]:
    """The method, target and headers, and whether it is HTTP/1.0; `raw` ends with the empty line.

    Raises:
        Rejected: it is too large, or isn't valid HTTP/1.1.
    """
    raw = raw.removeprefix(b"\r\n")  # some clients send an empty line after a body
    if len(raw) > SMALL_BYTES:  # a smaller head can't contain enough to take long
        check_size(raw)
    if _HEAD.fullmatch(raw) is None:
        raise Rejected(_fault(raw), readable(raw))
    line, *fields = raw[:-4].split(b"\r\n")
    method, target, version = line.split(b" ")
    headers = tuple([_field(one) for one in fields])
    if not target.startswith(b"/"):
        target = _origin_form(target, headers, raw)
    return method.decode("ascii"), target, headers, version == b"HTTP/1.0"


def check_size(raw: bytes) -> None:
    """Refuse a head as soon as it is too large, or can't become valid.

    Raises:
        Rejected: it is, or it can't.
    """
    n_ends = raw.count(b"\r\n")
    if raw.count(b"\n") != n_ends:
        raise Rejected(gate.bad_head("a line doesn't end with CR LF"), readable(raw))
    end = raw.find(b"\r\n")
    n_line = len(raw) if end < 0 else end
    if n_line > LINE_MAX_BYTES:
        raise Rejected(gate.uri_too_long(), readable(raw))
    # With the ends of the first line and of the empty line.
    if len(raw) - n_line > FIELDS_MAX_BYTES or n_ends > gate.HEADERS_MAX + 2:
        raise Rejected(gate.headers_too_large(), readable(raw))


def readable(raw: bytes) -> Head:
    """What can be parsed of a refused head: enough to respond in the preferred format."""
    line, *fields = raw[: LINE_MAX_BYTES + FIELDS_MAX_BYTES].split(b"\r\n")[: gate.HEADERS_MAX]
    method, _, rest = line.partition(b" ")
    is_good = _ONE_LINE.fullmatch(line) is not None
    return Head(
        method=method[:20].decode("latin-1") if is_good else "GET",
        target=rest.partition(b" ")[0] if is_good else b"*",
        headers=tuple(_field(one) for one in fields if _ONE_FIELD.fullmatch(one)),
        is_last=True,
    )


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")


def _origin_form(target: bytes, headers: Headers, raw: bytes) -> bytes:
    """The path and query of an absolute URL, whose host must be that of the Host header."""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target  # the gate refuses it
    authority, rest = absolute.groups()
    if authority.lower() != dict(headers).get(b"host", b"").lower():
        refusal = Refusal(400, "bad_host", "the URL names another host than the Host header")
        raise Rejected(refusal, readable(raw))
    return rest if rest.startswith(b"/") else b"/" + rest


def _fault(raw: bytes) -> Refusal:
    """What is wrong with a head that doesn't match the grammar."""
    line, *fields = raw[:-4].split(b"\r\n")
    if _ONE_LINE.fullmatch(line) is None:
        if _OTHER_VERSION.fullmatch(line):
            return gate.other_version()
        return gate.bad_head("the first line isn't a method, a URL and HTTP/1.1")
    (number, *_) = (i for i, one in enumerate(fields, 1) if not _ONE_FIELD.fullmatch(one))
    return gate.bad_head(f"header {number} isn't a name, a colon and a value in one line")
