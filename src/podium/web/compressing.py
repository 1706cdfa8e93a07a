"""Compressed responses: those that hold no secret beside text which somebody else may choose.

The length of a compressed page tells whether a chosen text occurs in it a second time (BREACH), so
pages with forms, or with what a client sent, are never compressed. A view says of its response that it
may be: `Response.is_compressible`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from podium.http import Request, Response
from podium.web.site import Site

# A shorter body fits into one packet with its head: compressing it saves nothing.
BYTES_MIN = 1_000
# 6: of level 9's size all but 1 %, in half of its time. Long bodies are compressed while they are made.
LEVEL, STREAM_LEVEL = 6, 4
_GZIP = zlib.MAX_WBITS | 16


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header's value allows gzip, and doesn't prefer the plain body (RFC 9110, 12.5.3)."""
    wanted = {"gzip": -1.0, "identity": -1.0, "*": -1.0}
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        coding = coding.strip().removeprefix("x-")
        if coding in wanted:
            wanted[coding] = _weight(weight)
    gzip = wanted["gzip"] if wanted["gzip"] >= 0 else wanted["*"]
    return gzip > 0 and gzip >= wanted["identity"]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def compressed(response: Response, site: Site, request: Request) -> Response:
    """The response, compressed if it may be and the client accepts it.

    Whether it is or not, caches are told that it depends on Accept-Encoding.
    """
    body = response.body
    if not response.is_compressible or "content-encoding" in response.headers:
        return response
    if isinstance(body, bytes) and len(body) < BYTES_MIN:
        return response
    varies = {"vary": "accept-encoding"}
    if response.status != 200 or not accepts_gzip(request.headers.get("accept-encoding", "")):
        return _with(response, body, varies)
    packed = _packed(site, request, body) if isinstance(body, bytes) else in_pieces(body)
    return _with(response, packed, varies | {"content-encoding": "gzip"})


def _with(response: Response, body: bytes | Iterator[bytes], headers: dict[str, str]) -> Response:
    return Response(
        body, response.status, response.media, {**response.headers, **headers}, response.problem
    )


def _packed(site: Site, request: Request, body: bytes) -> bytes:
    """The body, compressed; the same body is compressed once."""
    key, basis = ("gzip", request.path), (body,)
    packed = site.page_cache.get(key, basis)
    if packed is None:
        packer = zlib.compressobj(LEVEL, wbits=_GZIP)
        packed = packer.compress(body) + packer.flush()
        site.page_cache.put(key, basis, packed)
    return packed


def in_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A long body, compressed piece by piece, so that little of it is in memory."""
    packer = zlib.compressobj(STREAM_LEVEL, wbits=_GZIP)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
