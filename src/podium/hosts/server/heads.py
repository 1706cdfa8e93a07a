"""Heads of requests to one site: parsed, checked by the gate, and cached."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from podium.hosts.server.head import Head, Headers, PredictHead, Rejected, parse
from podium.policy import gate
from podium.settings import Settings
from podium.web.router import FastForm
from podium.web.site import Site

# A longer body is read by the other lane, in a thread.
BODY_MAX = 65_536
# Programs repeat the same head again and again, so the result is cached.
KEPT_MAX = 4_096
KEPT_HEAD_BYTES_MAX = 2_048
# What proxies and tracers set anew for each request, of which nothing here depends.
_PER_REQUEST = re.compile(
    rb"\r\n(traceparent|tracestate|b3|x-b3-[a-z]+|x-request-id|x-correlation-id|x-amzn-trace-id"
    rb"|x-cloud-trace-context):([\t -~\x80-\xff]*+)(?=\r\n)",
    re.IGNORECASE,
)
# With any of these headers a request isn't plain. An upgrade of one is never accepted, so a
# request that offers one counts as plain.
_UNUSUAL = frozenset({b"expect", b"idempotency-key", b"podium-key", b"te", b"trailer"})


class Heads:
    """Parses heads for one site.

    Args:
        has_fast_lane: whether plain prediction requests go to the fast lane.
    """

    def __init__(self, site: Site, *, has_fast_lane: bool) -> None:
        self._settings: Settings = site.settings
        self._predictions, self._uploads = site.router.predictions, site.router.uploads
        self._streams = site.router.streams
        self._fast = {
            path: (deployment, protocol.fast)
            for protocol in site.router.protocols
            for name, deployment in site.deployments.items()
            for path in protocol.predict_paths(name)
            if has_fast_lane and protocol.fast is not None
        }
        self._known: dict[bytes, PredictHead] = {}
        # A request from a page of another origin gets additional headers in its response.
        self._unusual = _UNUSUAL | ({b"origin"} if site.settings.allowed_origins else set())

    def read(self, raw: bytes) -> Head:
        """The request in this head.

        Args:
            raw: everything up to and including the empty line.

        Raises:
            Rejected: it isn't valid HTTP/1.1, or the gate refused it.
        """
        known = self._known.get(raw)
        if known is not None:
            return known
        rest, own = _without_own(raw)
        known = self._known.get(rest)
        if known is not None:
            return known.beside(own)
        head = self._checked(raw)
        kept = self._checked(rest) if own else head
        if isinstance(kept, PredictHead) and len(rest) <= KEPT_HEAD_BYTES_MAX:
            if len(self._known) >= KEPT_MAX:
                self._known.clear()
            self._known[rest] = kept
        return head

    def is_stream(self, head: Head) -> bool:
        """Whether a request is for a WebSocket's URL."""
        return self._streams.search(head.target.partition(b"?")[0]) is not None

    def _checked(self, raw: bytes) -> Head:
        method, target, headers, is_http_10 = parse(raw)
        refusal = gate.check(
            self._settings, method, target, headers, self._predictions, self._uploads
        )
        if refusal is not None:
            raise Rejected(refusal, Head(method, target, headers, is_last=True))
        if b"_" in raw:
            # `content_length` is a different name to us, but the same one to readers of CGI
            # variables.
            headers = tuple(one for one in headers if b"_" not in one[0])
        found = dict(headers)
        length = int(found.get(b"content-length", b"0"))  # the gate has checked it
        is_last = is_http_10 or (b"connection" in found and _is_last(headers))
        plain = Head(method, target, headers, length, is_last, is_http_10)
        if method != "POST" or length > BODY_MAX or is_http_10 or target not in self._fast:
            return plain
        deployment, form = self._fast[target]
        if not _fits(form, headers, found, self._unusual):
            return plain
        authorization = found.get(b"authorization", b"")
        return PredictHead(
            method,
            target,
            headers,
            length,
            is_last,
            deployment=deployment,
            authorization=authorization,
            codec=form.codec,
            traceparent=found.get(b"traceparent", b"").decode("latin-1"),
        )


def _without_own(raw: bytes) -> tuple[bytes, Headers]:
    """A head without the headers that each request has of its own, and these.

    A head is valid with them if it is valid without: each is a line of the grammar, after the first.
    """
    if len(raw) > KEPT_HEAD_BYTES_MAX or raw.startswith(b"\r"):
        return raw, ()
    parts = _PER_REQUEST.split(raw)
    if len(parts) == 1:
        return raw, ()
    pairs = zip(parts[1::3], parts[2::3], strict=True)
    own = tuple([(name.lower(), value.strip(b" \t")) for name, value in pairs])
    if len(dict(own)) != len(own) or raw.count(b"\r\n") > gate.HEADERS_MAX + 2:
        return raw, ()  # whether that is accepted is decided by the whole
    return b"".join(parts[::3]), own


def _fits(
    form: FastForm, headers: Headers, found: dict[bytes, bytes], unusual: AbstractSet[bytes]
) -> bool:
    """Whether the request has a form that the fast lane can handle."""
    return (
        len(found) == len(headers)
        and not unusual & found.keys()
        and not form.unusual & found.keys()
        and found.get(b"content-type", b"").lower() in form.media
        and found.get(b"accept", b"").lower() in form.accept
    )


def _is_last(headers: Headers) -> bool:
    """Whether the client wants the connection closed."""
    return any(
        token.strip().lower() == b"close"
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    )
