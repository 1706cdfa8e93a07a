"""Bytes on a socket, and every response that comes back on it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO
from urllib.parse import urlsplit

MODEL = '''
import podium


@podium.model
def half(number: float) -> float:
    """Half of it."""
    return number / 2
'''
PREDICT = b"/api/models/half/predict"
# Headers with which the fast lane answers, and the other one.
LANES = [b"Accept: application/json", b"Accept: application/json;q=0.9"]
PAUSE_S = 0.002


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    """A connection to a server."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as sock:
        yield sock


def request(
    body: bytes = b'{"number":3}', *headers: bytes, line: bytes = b"POST " + PREDICT + b" HTTP/1.1"
) -> bytes:
    """A request with a body, and these headers besides the usual ones."""
    lines = [line, b"Host: 127.0.0.1", *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answers(
    address: str, sent: bytes, *, is_all: bool = True, cuts: Sequence[int] = ()
) -> list[Answer]:
    """What a server answers to these bytes until it closes the connection.

    Args:
        is_all: the server is told that nothing follows, and so closes when it has answered.
        cuts: where a pause is made, so that what follows arrives by itself.
    """
    with connected(address) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for begin, end in pairwise([0, *cuts, len(sent)]):
                if begin:
                    time.sleep(PAUSE_S)
                sock.sendall(sent[begin:end])
            if is_all:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server has heard enough; its answer counts
        with sock.makefile("rb") as stream:
            return list(responses(stream))


def responses(stream: BinaryIO) -> Iterator[Answer]:
    """Every response up to the end of a stream."""
    while line := stream.readline():
        status = int(line.split()[1])
        headers = {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        yield Answer(status, headers, stream.read(int(headers.get(b"content-length", b"0"))))
