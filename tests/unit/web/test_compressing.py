"""Which responses are compressed, for whom, and what caches are told."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

import msgspec
import pytest

from podium.http import Request, Response
from podium.testing import Client
from podium.web import routes, static
from podium.web.compressing import accepts_gzip, compressed, in_pieces
from podium.web.headers import finished

GZIP = {"accept-encoding": "gzip, deflate, br"}
LOANS = "/models/loans"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("br, *;q=0.1", True),
        ("gzip;q=0.5, identity;q=0.4", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("*;q=0", False),
        ("gzip;q=0.3, identity", False),
        ("gzip;q=high", False),
        (";;,=,gzip;q", False),
    ],
)
def test_what_a_client_accepts(header, accepted):
    assert accepts_gzip(header) == accepted


@pytest.mark.parametrize(
    "path", [f"/static/{static.hashed('podium.css')}", "/docs", "/openapi.json", LOANS]
)
def test_what_tells_no_secret_is_compressed_on_request(client: Client, path):
    plain = client.get(path)
    packed = client.get(path, **GZIP)
    head = client.request("HEAD", path, headers=GZIP)

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == head.headers["content-encoding"] == "gzip"
    assert plain.headers["vary"] == packed.headers["vary"] == "accept-encoding"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert head.body == b""
    assert packed.media == plain.media


def test_a_file_of_records_is_compressed_while_it_is_made(client: Client, loan):
    client.post("/api/models/loans/predict", [loan] * 20)

    packed = client.get(f"{LOANS}/records.csv", **GZIP)

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body).count(b"\n") > 20


def test_where_chosen_text_may_stand_beside_secrets_nothing_is_compressed(client: Client, loan):
    posted = client.post("/api/models/loans/predict", loan)
    record = posted.headers.get("location") or f"/records/{posted.json()['id']}"
    pages = [f"{LOANS}/records?id=x", record, f"{LOANS}?from={posted.json()['id']}", "/nowhere"]

    for path in pages:
        page = client.get(path, accept="text/html", **GZIP)
        assert len(page.body) > 1_000
        assert "content-encoding" not in page.headers
    sent = client.send_form(LOANS, {"age": "nobody"})
    assert "content-encoding" not in sent.headers


def test_a_page_with_a_token_of_the_host_is_not_compressed(app):
    request = Request("GET", LOANS, headers=GZIP, form_token=("csrf", "secret"))

    assert "content-encoding" not in routes.respond(app.site, request).headers
    assert (
        routes.respond(app.site, Request("GET", LOANS, headers=GZIP)).headers["content-encoding"]
        == "gzip"
    )


def test_a_body_of_one_packet_stays_as_it_is(client: Client):
    icon = client.get("/favicon.ico", **GZIP)

    assert {"content-encoding", "vary"}.isdisjoint(icon.headers)


def test_a_compressed_body_is_not_compressed_again(app):
    request = Request("GET", "/", headers=GZIP)
    body = Response(b"x" * 2_000, headers={"content-encoding": "br"}, is_compressible=True)

    assert compressed(body, app.site, request) is body


def test_an_origin_and_an_encoding_vary_together(app):
    headers = {**GZIP, "origin": "https://example.com"}
    request = Request("GET", "/api/models", headers=headers)
    site = replace(
        app.site,
        settings=msgspec.structs.replace(
            app.site.settings, allowed_origins=("https://example.com",)
        ),
    )
    response = Response(b"x" * 2_000, is_compressible=True)

    assert finished(response, site, request).headers["vary"] == "origin, accept-encoding"


def test_a_long_body_needs_little_memory_and_is_whole():
    taken = 0

    def pieces():
        nonlocal taken
        for number in range(2_000):
            taken = number
            yield b"%d,a row of some cells\n" % number * 50

    packed = in_pieces(pieces())
    first = next(packed)

    assert taken < 100
    whole = zlib.decompress(first + b"".join(packed), zlib.MAX_WBITS | 16)
    assert whole.count(b"\n") == 100_000
