"""Heads of requests: which of them the fast lane answers, and what it must know of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

import httptools

from podium.flow.deployment import Deployment
from podium.settings import Settings
from podium.web import gate
from podium.web.routes import PREDICT, ROUTES
from podium.web.site import Site

# A longer body is read by the other lane, in a thread.
BODY_MAX = 65_536
# Programs send the same head again and again: what was found out about it is kept.
KEPT_MAX = 4_096
KEPT_HEAD_BYTES_MAX = 2_048
# With any of these a request is more than a plain question.
_UNUSUAL = frozenset({b"expect", b"idempotency-key", b"te", b"trailer", b"upgrade"})
_MEDIA = frozenset({b"", b"application/json", b"application/json; charset=utf-8"})
_ACCEPT = frozenset({b"", b"*/*", b"application/json", b"application/json, */*"})


@dataclass(frozen=True, slots=True)
class Head:
    """A request to predict that came through the gate, without its body.

    Attributes:
        length: of the body, in bytes.
        is_last: the connection ends after the answer.
        authorization: the header of that name, or nothing.
    """

    deployment: Deployment
    length: int
    is_last: bool
    headers: tuple[tuple[bytes, bytes], ...]
    authorization: bytes = b""


@dataclass(slots=True)
class _Parts:
    """What the parser finds."""

    url: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def predict_path(name: str) -> str:
    """Where a model is asked."""
    (route,) = (one for one in ROUTES if one.name == PREDICT)
    return route.pattern.replace("{name}", name)


class Heads:
    """Reads heads for one site."""

    def __init__(self, site: Site) -> None:
        self._settings: Settings = site.settings
        self._deployments = {
            predict_path(quote(name)).encode(): deployment
            for name, deployment in site.deployments.items()
        }
        self._known: dict[bytes, Head] = {}

    def read(self, raw: bytes) -> Head | None:
        """What this head asks, or None: the other lane answers it.

        Args:
            raw: all up to and with the empty line.
        """
        known = self._known.get(raw)
        if known is not None:
            return known
        head = self._parsed(raw)
        if head is not None and len(raw) <= KEPT_HEAD_BYTES_MAX:
            if len(self._known) >= KEPT_MAX:
                self._known.clear()
            self._known[raw] = head
        return head

    def _parsed(self, raw: bytes) -> Head | None:
        parts = _Parts()
        parser = httptools.HttpRequestParser(parts)
        try:
            parser.feed_data(raw)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        deployment = self._deployments.get(parts.url)
        if deployment is None or parser.get_method() != b"POST" or parser.should_upgrade():
            return None
        if parser.get_http_version() != "1.1" or not _is_plain(parts.headers):
            return None
        if gate.check(self._settings, "POST", parts.url, parts.headers) is not None:
            return None
        headers = dict(parts.headers)
        length = int(headers[b"content-length"])  # the gate saw to it that it is one
        if length > BODY_MAX:
            return None
        is_last = not parser.should_keep_alive()
        authorization = headers.get(b"authorization", b"")
        return Head(deployment, length, is_last, tuple(parts.headers), authorization)


def _is_plain(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether it is a question in JSON, to be answered in JSON."""
    found = dict(headers)
    return (
        len(found) == len(headers)
        and not _UNUSUAL & found.keys()
        and found.get(b"content-type", b"").strip().lower() in _MEDIA
        and found.get(b"accept", b"").strip().lower() in _ACCEPT
    )
