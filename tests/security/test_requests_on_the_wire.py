"""Nobody can make two readers of one request: each is answered once, and what it hides never."""

from __future__ import annotations

import os
import random
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from wire import (
    LANES,
    MODEL,
    PREDICT,
    Answer,
    answers,
    connected,
    request,
    responses,
)

SOAK = int(os.environ.get("PODIUM_SOAK", "0"))
HIDDEN = b"GET /api/models/concealed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
NEXT = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LINE = b"POST " + PREDICT + b" HTTP/1.1"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("wire")
    (folder / "half.py").write_text(MODEL)
    with ServerProcess(f"{folder / 'half.py'}:half", home=folder / "home") as server:
        yield server.address


def statuses(found: list[Answer]) -> list[int]:
    return [answer.status for answer in found]


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("wanted", [b"h2c", b"websocket", b"TLS/1.0", b"anything"])
def test_a_request_that_offers_an_upgrade_is_an_ordinary_one(address, lane, wanted):
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + wanted, b"HTTP2-Settings: AA")

    found = answers(address, request(b'{"number":3}', lane, *upgrade) + NEXT)
    hiding = answers(address, request(HIDDEN, lane, *upgrade) + NEXT)

    assert statuses(found) == [200, 200]
    assert b'"prediction":1.5' in found[0].body
    assert statuses(hiding) == [400, 200]
    assert b"concealed" not in hiding[0].body + hiding[1].body


@pytest.mark.parametrize("lane", LANES)
def test_a_client_that_half_closes_gets_all_its_responses(address, lane):
    page = b"GET /api/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    asked = (request(b'{"number":3}', lane) + page + request(b"{}", lane)) * 20

    assert statuses(answers(address, asked)) == [200, 200, 422] * 20


@pytest.mark.parametrize("lane", LANES)
def test_a_client_that_disconnects_in_the_middle_of_a_body_gets_no_response(address, lane):
    whole = request(b'{"number":3}', lane)

    assert statuses(answers(address, whole + whole[:-3])) == [200]


@pytest.mark.parametrize("length", [2**25 + 1, 50_000_000])
def test_the_refusal_of_a_long_body_reaches_a_client_that_sends_all_of_it_first(address, length):
    asked = urllib.request.Request(
        address + PREDICT.decode(), bytes(length), {"content-type": "application/json"}
    )

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=60)

    assert refused.value.code == 413
    assert b"longer than" in refused.value.read()
    refused.value.close()


@pytest.mark.parametrize("lane", LANES)
def test_a_client_that_expects_100_continue_gets_it(address, lane):
    whole = request(b'{"number":3}', lane, b"Expect: 100-continue")
    head = whole[:-12]

    with connected(address) as sock, sock.makefile("rb") as stream:
        sock.sendall(head)
        interim = stream.readline() + stream.readline()
        sock.sendall(whole[-12:] + NEXT)
        sock.shutdown(socket.SHUT_WR)
        found = list(responses(stream))

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert statuses(found) == [200, 200]


def test_an_absolute_address_must_name_the_host(address):
    path = b" HTTP/1.1"
    same = request(line=b"POST http://127.0.0.1" + PREDICT + path)
    other = request(line=b"POST http://evil.example" + PREDICT + path)
    user = request(line=b"POST http://evil@127.0.0.1" + PREDICT + path)

    assert statuses(answers(address, same + NEXT)) == [200, 200]
    assert statuses(answers(address, other + NEXT)) == [400]
    assert statuses(answers(address, user + NEXT)) == [400]


REFUSED: dict[bytes, int] = {
    # The first line.
    b"POST " + PREDICT + b" HTTP/2.0": 505,
    b"POST " + PREDICT + b" HTTP/0.9": 505,
    b"POST " + PREDICT + b" HTTP/1.10": 505,
    b"POST " + PREDICT: 400,
    b"POST  " + PREDICT + b" HTTP/1.1": 400,
    b"POST\t" + PREDICT + b"\tHTTP/1.1": 400,
    b" POST " + PREDICT + b" HTTP/1.1": 400,
    b"POST " + PREDICT + b" http/1.1": 400,
    b"POST " + PREDICT + b"#x HTTP/1.1": 400,
    b"POST " + PREDICT + b"?a#x HTTP/1.1": 400,
    b"POST " + PREDICT + b"\xc3\xa9 HTTP/1.1": 400,
    b"POST " + PREDICT + b"\x00 HTTP/1.1": 400,
    b"post " + PREDICT + b" HTTP/1.1": 405,
    b"CONNECT 127.0.0.1:80 HTTP/1.1": 405,
    b"PRI * HTTP/2.0": 505,
    # A header beside a good first line.
    LINE + b"\r\nContent-Length: 3": 400,
    LINE + b"\r\nContent-Length: +3": 400,
    LINE + b"\r\nContent-Length: 0x3": 400,
    LINE + b"\r\nContent-Length:": 400,
    LINE + b"\r\nContent-Length: 3, 3": 400,
    LINE + b"\r\nContent-Length : 3": 400,
    LINE + b"\r\nTransfer-Encoding: chunked": 411,
    LINE + b"\r\nTransfer-Encoding: identity": 411,
    LINE + b"\r\nTransfer-Encoding: \x0bchunked": 400,
    LINE + b"\r\nTransfer-Encoding : chunked": 400,
    LINE + b"\r\n Transfer-Encoding: chunked": 400,
    LINE + b"\r\nX: y\r\n\tTransfer-Encoding: chunked": 400,
    LINE + b"\r\nX: y\nTransfer-Encoding: chunked": 400,
    LINE + b"\r\nX: y\rTransfer-Encoding: chunked": 400,
    LINE + b"\r\nX: y\x00Transfer-Encoding: chunked": 400,
    LINE + b"\r\nno colon": 400,
    LINE + b"\r\n: no name": 400,
    LINE + b"\r\nHost: 127.0.0.1": 400,
    LINE + b"\r\nX\xc3\xa9: y": 400,
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_readers_disagree_about_is_refused_once_and_ends_the_connection(address, line):
    found = answers(address, request(HIDDEN, line=line) + NEXT, is_all=False)

    assert statuses(found) == [REFUSED[line]]
    assert found[0].headers[b"connection"] == b"close"
    assert found[0].headers[b"content-type"] == b"application/problem+json"


@pytest.mark.parametrize(
    "header", [b"Content_Length: 3", b"Content-Length\x00: 3", b"Keep-Alive: 1"]
)
def test_no_header_looks_like_a_length(address, header):
    found = answers(address, request(HIDDEN, header) + NEXT)

    assert statuses(found) in ([400, 200], [400])
    assert all(b"concealed" not in answer.body for answer in found)


def test_what_follows_a_last_request_is_ignored(address):
    found = answers(address, request(b'{"number":3}', b"Connection: close") + NEXT * 50)

    assert statuses(found) == [200]


def test_an_empty_line_before_a_request_is_passed_over(address):
    assert statuses(answers(address, b"\r\n" + NEXT + b"\r\n" + NEXT + b"\r\n")) == [200, 200]


def mutated(chance: random.Random) -> bytes:
    """A head with a body that hides a request, changed somewhere.

    The line that tells the true length stays, and so does where the head ends: with another one
    there what is hidden would be no body.
    """
    while True:
        sent, kept = _mutated(chance)
        if b"\r\n\r\n" not in sent[: 2 - kept]:
            return sent


def _mutated(chance: random.Random) -> tuple[bytes, int]:
    odd = [
        b" ",
        b"\t",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b":",
        b",",
        b";",
        b"\x0b",
        b"0",
        b"\xff",
        b"_",
    ]
    headers = [
        b"Content-Length: %d" % chance.choice([0, 1, 3, len(HIDDEN)]),
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Connection: Upgrade",
        b"Connection: close",
        b"Connection: keep-alive, Transfer-Encoding",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"Trailer: X",
        b"Accept: text/csv",
    ]
    sent = request(HIDDEN, *chance.sample(headers, chance.randrange(4)))
    kept = len(sent) - sent.rindex(b"\r\nContent-Length")
    raw = bytearray(sent)
    for _ in range(chance.randrange(3)):
        at = chance.randrange(len(raw) - kept)
        raw[at : at + chance.randrange(2)] = chance.choice(odd)
    return bytes(raw), kept


@pytest.mark.parametrize("arrives", ["at once", "in pieces"])
def test_no_change_of_a_head_lets_out_what_its_body_hides(address, arrives):
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for _ in range(100 + 400 * SOAK):
        sent = mutated(chance)
        n_cuts = chance.randrange(1, 5) if arrives == "in pieces" else 0
        at = sorted(chance.randrange(len(sent)) for _ in range(n_cuts))
        found = answers(address, sent + NEXT, cuts=at)
        found = [answer for answer in found if answer.status != 100]  # it goes on, as told
        told = f"seed {seed}: {sent!r}, cut at {at}, was answered {found}"
        assert 1 <= len(found) <= 2, told
        assert all(b"concealed" not in answer.body for answer in found), told
        if len(found) == 2:
            assert found[1].status == 200, told
        else:
            assert found[0].headers.get(b"connection") == b"close", told


@pytest.mark.parametrize("length", [0, 70_000])
@pytest.mark.parametrize("lane", LANES)
def test_a_request_means_the_same_wherever_it_is_cut(address, lane, length):
    whole = request(b'{"number":3}' + b" " * length, lane, b"Upgrade: h2c") + NEXT
    every = max(1, len(whole) // (60 + 40 * SOAK))

    for at in range(1, len(whole), every):
        assert statuses(answers(address, whole, cuts=[at])) == [200, 200], at
