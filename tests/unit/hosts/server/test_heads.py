"""A head with what proxies and tracers add to each request is read as it would be the first time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import podium
from podium.hosts.server.head import Head, PredictHead, Rejected
from podium.hosts.server.heads import Heads
from podium.policy.gate import HEADERS_MAX

PLAIN = (
    b"POST /api/models/double/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: 8\r\n\r\n"
)
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@podium.model
def double(x: float) -> float:
    """Twice as much."""
    return 2 * x


@pytest.fixture
def heads(tmp_path):
    app = podium.App(
        podium.pack(double, name="double", path=tmp_path / "double.podium"), home=str(tmp_path)
    )
    app.start()
    yield Heads(app.site, has_fast_lane=True)
    app.close()


def shown(read: Callable[[bytes], Head], raw: bytes) -> object:
    """What was read of a head, or why it was refused."""
    try:
        head = read(raw)
    except Rejected as rejected:
        return rejected.refusal
    return type(head), head.method, head.target, sorted(head.headers), head.length, head.is_last


def with_lines(*lines: bytes) -> bytes:
    return PLAIN[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def test_each_request_keeps_its_own_headers(heads):
    first = heads.read(with_lines(b"traceparent: " + PARENT, b"X-Request-Id: 1"))
    other = heads.read(with_lines(b"X-Request-Id:2", b"Tracestate: a=1\t"))

    assert isinstance(first, PredictHead)
    assert first.traceparent == PARENT.decode()
    assert dict(first.headers)[b"x-request-id"] == b"1"
    assert isinstance(other, PredictHead)
    assert other.traceparent == ""
    assert dict(other.headers)[b"x-request-id"] == b"2"
    assert dict(other.headers)[b"tracestate"] == b"a=1"
    assert heads.read(PLAIN) is heads.read(PLAIN)


@pytest.mark.parametrize(
    "raw",
    [
        PLAIN,
        b"\r\n" + PLAIN,
        b"\r\ntraceparent: 1\r\n" + PLAIN,
        b"traceparent: 1\r\n" + PLAIN,
        with_lines(b"traceparent: 1", b"traceparent: 2"),
        with_lines(b"traceparent: 1", b"TRACEPARENT: 2"),
        with_lines(b"traceparent: 1", b" folded"),
        with_lines(b"traceparent : 1"),
        with_lines(b"traceparent: \x00"),
        with_lines(b"traceparent: 1\n"),
        with_lines(b"traceparent: 1\rx: 2"),
        with_lines(b"x: 1", b"\ttraceparent: 1"),
        with_lines(b"traceparent"),
        with_lines(b"x-request-id: 1", b"idempotency-key: k"),
        with_lines(b"x-request-id: 1", b"content-length: 9"),
        with_lines(b"x-request-id: 1", b"transfer-encoding: chunked"),
        with_lines(*(b"x%d: 1" % n for n in range(HEADERS_MAX - 3)), b"traceparent: 1"),
        with_lines(*(b"x%d: 1" % n for n in range(HEADERS_MAX - 4)), b"traceparent: 1"),
        PLAIN.replace(b"/predict", b"/predict?traceparent:1"),
        PLAIN.replace(b"POST", b"GET").replace(b"8\r\n", b"0\r\nb3: 1\r\n"),
    ],
)
def test_what_is_known_changes_nothing_about_what_is_accepted(heads, raw):
    lines = raw.split(b"\r\n")
    bare = b"\r\n".join(line for line in lines if not line.lower().startswith(b"traceparent"))
    for known in (PLAIN, bare):
        shown(heads.read, known)

    assert shown(heads.read, raw) == shown(heads._checked, raw)
