"""Heads of requests to one site: read, held against the gate, and remembered where they recur."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from podium.hosts.server.head import Head, Headers, PredictHead, Rejected, parse
from podium.policy import gate
from podium.settings import Settings
from podium.web.router import FastForm
from podium.web.site import Site

# A longer body is read by the other lane, in a thread.
BODY_MAX = 65_536
# Programs send the same head again and again: what was found out about it is kept.
KEPT_MAX = 4_096
KEPT_HEAD_BYTES_MAX = 2_048
# With any of these a request is more than a plain question. An upgrade is never taken, so that a
# request that asks for one is as plain as any other.
_UNUSUAL = frozenset({b"expect", b"idempotency-key", b"te", b"trailer"})


class Heads:
    """Reads heads for one site.

    Args:
        has_fast_lane: plain requests to predict are marked for the fast lane.
    """

    def __init__(self, site: Site, *, has_fast_lane: bool) -> None:
        self._settings: Settings = site.settings
        self._predictions = site.router.predictions
        self._fast = {
            path: (deployment, protocol.fast)
            for protocol in site.router.protocols
            for name, deployment in site.deployments.items()
            for path in protocol.predict_paths(name)
            if has_fast_lane and protocol.fast is not None
        }
        self._known: dict[bytes, Head] = {}
        # What a page of another origin asks is answered with headers of its own.
        self._unusual = _UNUSUAL | ({b"origin"} if site.settings.allowed_origins else set())

    def read(self, raw: bytes) -> Head:
        """What this head asks.

        Args:
            raw: all up to and with the empty line.

        Raises:
            Rejected: it isn't HTTP/1.1, or didn't come through the gate.
        """
        known = self._known.get(raw)
        if known is not None:
            return known
        head = self._checked(raw)
        if isinstance(head, PredictHead) and len(raw) <= KEPT_HEAD_BYTES_MAX:
            if len(self._known) >= KEPT_MAX:
                self._known.clear()
            self._known[raw] = head
        return head

    def _checked(self, raw: bytes) -> Head:
        method, target, headers, is_http_10 = parse(raw)
        refusal = gate.check(self._settings, method, target, headers, self._predictions)
        if refusal is not None:
            raise Rejected(refusal, Head(method, target, headers, is_last=True))
        if b"_" in raw:
            # `content_length` is another name to us, but the same to who reads CGI's variables.
            headers = tuple(one for one in headers if b"_" not in one[0])
        found = dict(headers)
        length = int(found.get(b"content-length", b"0"))  # the gate saw to it that it is one
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
        )


def _fits(
    form: FastForm, headers: Headers, found: dict[bytes, bytes], unusual: AbstractSet[bytes]
) -> bool:
    """Whether it is asked and to be answered as the fast lane does, and nothing more."""
    return (
        len(found) == len(headers)
        and not unusual & found.keys()
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
