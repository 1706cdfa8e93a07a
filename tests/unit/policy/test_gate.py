"""What the gate lets in, and what it refuses from a request's head alone."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.account_settings import Accounts
from podium.policy import gate
from podium.policy.gate import Refusal
from podium.protocols import protocols_of, router_of
from podium.settings import Settings

HERE = (b"host", b"127.0.0.1:8000")
PREDICT = b"/api/models/churn/predict"
PREDICTIONS = router_of(*protocols_of(Settings())).predictions
FORM = b"/models/churn"


def check(
    method: str = "GET",
    target: bytes = b"/",
    *headers: tuple[bytes, bytes],
    host: tuple[bytes, bytes] | None = HERE,
    settings: Settings | None = None,
) -> Refusal | None:
    sent = [*headers] if host is None else [host, *headers]
    return gate.check(settings or Settings(), method, target, sent, PREDICTIONS)


def problem_of(refusal: Refusal | None) -> tuple[int, str]:
    assert refusal is not None, "the gate let it in"
    return refusal.status, refusal.code


@pytest.mark.parametrize(
    "host",
    [
        b"127.0.0.1:8000",
        b"127.0.0.1",
        b"127.0.0.2:8000",
        b"localhost",
        b"LOCALHOST:8000",
        b"localhost.:8000",
        b"[::1]:8000",
        b" 127.0.0.1:8000 ",
    ],
)
def test_this_machine_is_known_by_its_own_names(host):
    assert check(host=(b"Host", host)) is None


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"127.0.0.1.evil.example:8000",
        b"192.168.1.20:8000",
        b"0.0.0.0:8000",
        b"[fe80::1]:8000",
        b"...",
    ],
)
def test_a_name_that_another_site_may_have_pointed_here_is_misdirected(host):
    assert problem_of(check(host=(b"host", host))) == (421, "host_not_allowed")


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b":8000",
        b"127.0.0.1:port",
        b"127.0.0.1:8000:1",
        b"user@127.0.0.1",
        b"127.0.0.1, evil.example",
        b"127.0.0.1/",
        b"[::1",
        b"caf\xe9",
        b"127.0.0.1\r\nx: y",
        b"127.0.0.1\n",
        b"\x00",
    ],
)
def test_a_host_that_is_none_is_refused(host):
    assert problem_of(check(host=(b"host", host))) == (400, "bad_host")


def test_there_must_be_exactly_one_host():
    assert problem_of(check(host=None)) == (400, "bad_host")
    assert problem_of(check("GET", b"/", HERE)) == (400, "bad_host")


def test_allowed_hosts_are_let_in_whatever_their_case_and_port():
    settings = Settings(allowed_hosts=("Podium.Example:443", "other.example."))

    assert check(host=(b"host", b"podium.example"), settings=settings) is None
    assert check(host=(b"host", b"OTHER.example:8080"), settings=settings) is None
    assert problem_of(check(host=(b"host", b"sub.podium.example"), settings=settings))[0] == 421


def test_with_accounts_a_bare_address_is_for_probes_only_unless_it_is_named():
    settings = Settings(host="0.0.0.0", accounts=Accounts(enabled=True))
    named = Settings(allowed_hosts=("10.0.0.5",), accounts=Accounts(enabled=True))
    bare = (b"host", b"10.0.0.5:8000")

    assert problem_of(check(host=bare, settings=settings)) == (421, "host_not_allowed")
    assert gate.check(settings, "GET", b"/livez?", [bare], PREDICTIONS) is None
    assert problem_of(gate.check(settings, "GET", b"/livez/../", [bare], PREDICTIONS))[0] != 200
    assert check(host=bare, settings=named) is None
    assert check(host=bare, settings=Settings(open=True)) is None


@pytest.mark.parametrize(
    ("bound", "host"),
    [("10.0.0.5", b"10.0.0.5:80"), ("::1", b"[::1]"), ("[fe80::1]", b"[FE80::1]")],
)
def test_the_address_that_is_bound_is_a_name_of_the_server(bound, host):
    assert check(host=(b"host", host), settings=Settings(host=bound, open=True)) is None
    assert check(host=(b"host", host), settings=Settings(host=bound)) is None


def test_an_open_server_is_known_by_any_bare_address_but_by_no_name():
    settings = Settings(host="0.0.0.0", open=True)

    assert check(host=(b"host", b"192.168.1.20:8000"), settings=settings) is None
    assert check(host=(b"host", b"[fe80::1]:8000"), settings=settings) is None
    assert problem_of(check(host=(b"host", b"evil.example"), settings=settings))[0] == 421


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_the_methods_that_are_used_are_let_in(method):
    assert check(method, b"/", (b"content-length", b"0")) is None


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "CONNECT", "get", "", "G\0"])
def test_any_other_method_is_refused(method):
    assert problem_of(check(method)) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "target",
    [
        b"/models/../etc",
        b"/..",
        b"/models/%2e%2e/etc",
        b"/models/.%2E/etc",
        b"/models/%2E./etc",
        b"/a\x00b",
        b"/a#b",
        b"/a?b#c",
        b"/a%00b",
        b"/a\\b",
        b"/a%5cb",
        b"/a%5Cb",
        b"/a%2fb",
        b"/a%0d%0ab",
        b"/a%7fb",
        b"/a\nb",
        b"/?from=%00",
        b"/?from=\x00",
        b"models",
        b"",
        b"*",
        b"http://evil.example/",
    ],
)
def test_an_address_that_no_address_of_ours_is_like_is_refused(target):
    assert problem_of(check("GET", target)) == (400, "bad_path")


@pytest.mark.parametrize(
    "target",
    [b"/", b"/models/a..b", b"/models/a.b-c_d", b"/x?a=../..%2f%5c\\", b"/caf%C3%A9", b"//"],
)
def test_odd_but_harmless_addresses_are_let_in(target):
    assert check("GET", target) is None


def test_an_address_may_have_8_kilobytes():
    longest = b"/" + b"a" * 8_191

    assert check("GET", longest) is None
    assert problem_of(check("GET", longest + b"a")) == (414, "uri_too_long")


def test_there_may_be_64_headers():
    headers = [(b"x-%d" % i, b"") for i in range(63)]

    assert check("GET", b"/", *headers) is None
    assert problem_of(check("GET", b"/", *headers, (b"x", b""))) == (431, "headers_too_large")


def test_headers_may_have_16_kilobytes():
    rest = 16_384 - sum(map(len, HERE)) - 1

    assert check("GET", b"/", (b"x", b"a" * rest)) is None
    assert problem_of(check("GET", b"/", (b"x", b"a" * (rest + 1)))) == (431, "headers_too_large")


def test_a_body_must_say_its_length():
    assert problem_of(check("POST", PREDICT)) == (411, "length_required")


@pytest.mark.parametrize("coding", [b"chunked", b"gzip, chunked", b"identity"])
def test_a_body_in_pieces_is_refused(coding):
    headers = (b"Transfer-Encoding", coding), (b"content-length", b"2")

    assert problem_of(check("POST", PREDICT, *headers)) == (411, "length_required")


def test_a_compressed_body_is_refused():
    headers = (b"Content-Encoding", b"gzip"), (b"content-length", b"2")

    assert problem_of(check("POST", PREDICT, *headers)) == (415, "encoded_body")


@pytest.mark.parametrize(
    "length", [b"", b"-1", b"+1", b"1.0", b"0x10", b"1, 1", b"one", b"9" * 19, b"\xb2"]
)
def test_a_length_that_is_none_is_refused(length):
    assert problem_of(check("POST", PREDICT, (b"content-length", length))) == (400, "bad_length")


def test_two_lengths_are_refused_even_when_they_agree():
    lengths = (b"content-length", b"2"), (b"Content-Length", b"2")

    assert problem_of(check("POST", PREDICT, *lengths)) == (400, "bad_length")


def test_a_body_may_be_as_long_as_the_settings_say():
    settings = Settings(body_max_bytes=100)

    assert check("POST", FORM, (b"content-length", b"100"), settings=settings) is None
    refusal = check("POST", FORM, (b"content-length", b"101"), settings=settings)
    assert problem_of(refusal) == (413, "too_large")
    assert refusal == gate.too_large(100)


def test_a_bulk_request_may_be_longer_where_programs_predict_and_is_no_form():
    settings = Settings(body_max_bytes=100, bulk_body_max_bytes=200)
    batch, form = (b"content-length", b"200"), (b"content-type", b"Multipart/form-data; a=b")

    assert check("POST", b"/ml" + PREDICT + b"?a=b", batch, settings=settings) is None
    refused = [
        check("POST", PREDICT, (b"content-length", b"201"), settings=settings),
        check("POST", PREDICT, batch, form, settings=settings),
        check("DELETE", PREDICT, batch, settings=settings),
        check("POST", b"/api/models/churn", batch, settings=settings),
        check("POST", FORM, batch, settings=settings),
    ]
    assert [problem_of(one) for one in refused] == [(413, "too_large")] * 5


def post(*headers: tuple[bytes, bytes]) -> Refusal | None:
    return check("POST", b"/models/churn", (b"content-length", b"0"), *headers)


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"", b"SAME-ORIGIN"])
def test_another_sites_page_cannot_post(site):
    assert problem_of(post((b"sec-fetch-site", site))) == (403, "cross_site")


def test_another_sites_page_can_delete_no_more_than_post():
    headers = [(b"sec-fetch-site", b"cross-site")]

    assert problem_of(check("DELETE", PREDICT, *headers)) == (403, "cross_site")
    assert check("DELETE", PREDICT) is None


@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.example",
        b"null",
        b"",
        b"http://127.0.0.1:8001",
        b"http://[",
        b"127.0.0.1:8000",
    ],
)
def test_another_origin_cannot_post_either(origin):
    assert problem_of(post((b"origin", origin))) == (403, "cross_site")


@pytest.mark.parametrize("name", [b"origin", b"sec-fetch-site"])
def test_repeated_origin_headers_are_refused(name):
    value = {b"origin": b"http://127.0.0.1:8000", b"sec-fetch-site": b"same-origin"}[name]

    assert problem_of(post((name, value), (name, value))) == (403, "cross_site")


def test_our_own_pages_and_programs_can_post():
    assert post() is None
    assert post((b"origin", b"http://127.0.0.1:8000")) is None
    assert post((b"sec-fetch-site", b"same-origin")) is None
    assert post((b"sec-fetch-site", b"none")) is None


def test_behind_a_proxy_that_renames_the_host_the_browsers_word_counts():
    headers = (b"sec-fetch-site", b"same-origin"), (b"origin", b"https://podium.example")

    assert post(*headers) is None


def test_anyone_may_link_to_a_page():
    assert check("GET", b"/", (b"sec-fetch-site", b"cross-site")) is None


pieces = st.lists(
    st.sampled_from([b"/", b".", b"..", b"%2e", b"%2E", b"%2f", b"\\", b"%5c", b"a", b"?", b"%00"])
    | st.binary(max_size=3)
).map(b"".join)
names = st.sampled_from(
    [b"host", b"content-length", b"transfer-encoding", b"content-encoding", b"origin"]
)
header = st.tuples(
    names | st.sampled_from([b"Sec-Fetch-Site", b"x"]),
    st.sampled_from([b"127.0.0.1", b"[::1]:1", b"5", b"http://127.0.0.1"]) | st.binary(max_size=9),
)


@pytest.mark.slow
@given(
    method=st.sampled_from(gate.METHODS) | st.text(max_size=5),
    target=st.just(b"/") | pieces | pieces.map(lambda rest: b"/" + rest),
    headers=st.lists(header, max_size=5),
    is_open=st.booleans(),
)
def test_whatever_comes_is_let_in_or_refused_for_a_reason(method, target, headers, is_open):
    refusal = gate.check(Settings(open=is_open), method, target, headers, PREDICTIONS)

    if refusal is not None:
        assert 400 <= refusal.status < 500
        assert refusal.code
        assert refusal.detail
        return
    path = unquote_to_bytes(target.partition(b"?")[0])
    assert path.startswith(b"/")
    assert b".." not in path.split(b"/")
    assert not {0, ord("\\")} & set(path)
    assert [name.lower() for name, _ in headers].count(b"host") == 1
