"""How rows are written, and what is said of a body that holds none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import InputError, InvalidRows, MalformedBody, TooLarge, UnsupportedMedia
from podium.flow.formats import ACCEPTED, decode
from podium.signature.cells import ABSENT


def columns_of(body, media="application/json"):
    decoded = decode(body, media, ("a", "b"), rows_max=100)
    return decoded.layout, {name: list(cells) for name, cells in decoded.columns.items()}


@pytest.mark.parametrize(
    ("body", "media", "layout", "columns"),
    [
        (b'{"a": 1, "b": "x"}', "application/json", "object", {"a": [1], "b": ["x"]}),
        (b'{"a": 1}', "", "object", {"a": [1]}),
        (b'{"a": 1}', "application/vnd.api+json", "object", {"a": [1]}),
        (b'[{"a": 1}, {"a": 2}]', "application/json", "rows", {"a": [1, 2]}),
        (b'[{"a": 1}, {"b": 2}]', "application/json", "rows", {"a": [1, ABSENT], "b": [ABSENT, 2]}),
        (b'{"a": [1, 2], "b": [3, 4]}', "application/json", "columns", {"a": [1, 2], "b": [3, 4]}),
        (b"a,b\n1,x\n2,y\n", "text/csv", "csv", {"a": ["1", "2"], "b": ["x", "y"]}),
        (b"\xef\xbb\xbfa;b\r\n1;x\r\n", "text/csv", "csv", {"a": ["1"], "b": ["x"]}),
        (b'a\n"two\nlines"\n', "text/csv", "csv", {"a": ["two\nlines"]}),
        (b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson", "lines", {"a": [1, 2]}),
        (b"a=1&b=x+y&b=z", "application/x-www-form-urlencoded", "object", {"a": ["1"], "b": ["z"]}),
    ],
)
def test_each_way_of_writing_rows_is_read(body, media, layout, columns):
    assert columns_of(body, media) == (layout, columns)


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b'{"a": NaN}', b'{"a": 1e400}', b'{"a": "\xff"}', b"[" * 5_000, b"nope"],
)
def test_what_is_no_json_is_malformed(body):
    with pytest.raises(MalformedBody):
        columns_of(body)


def test_nan_is_refused_with_the_right_notation():
    with pytest.raises(MalformedBody) as caught:
        columns_of(b'{"a": NaN}')

    assert "write null" in caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        b"3",
        b"null",
        b'"x"',
        b"[]",
        b"[1, 2]",
        b"[[1]]",
        b'{"a": [1], "b": [1, 2]}',
        b'{"a": [1], "b": 2, "c": [1]}',
    ],
)
def test_json_without_rows_is_invalid(body):
    with pytest.raises(InvalidRows) as caught:
        columns_of(body)

    assert caught.value.cells[0].accepted


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", MalformedBody),
        (b"a,a\n1,2\n", MalformedBody),
        (b"a,b\n1\n", InvalidRows),
        (b"a,b\n", InvalidRows),
        (b"\xff\xfe", MalformedBody),
    ],
)
def test_bad_csv_is_refused(body, error):
    with pytest.raises(error):
        columns_of(body, "text/csv")


def test_more_rows_than_allowed_are_too_many():
    with pytest.raises(TooLarge, match="more than 100 rows"):
        columns_of(b'{"a": [' + b"1," * 100 + b"1]}")


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b'{"c": 1, "a": 2}', "application/json"),
        (b'[{"c": 1}, {"a": 2}]', "application/json"),
        (b'{"c": [1], "a": [2]}', "application/json"),
        (b'{"c": 1}\n{"a": 2}\n', "application/x-ndjson"),
        (b"c,a\n1,2\n", "text/csv"),
        (b"c=1&a=2", "application/x-www-form-urlencoded"),
    ],
)
def test_cells_of_unknown_columns_are_not_stored(body, media):
    decoded = decode(body, media, ("a", "b"), rows_max=100)

    assert list(decoded.columns) == ["a"]
    assert decoded.others == ["c"]


def test_an_unknown_type_names_the_known_ones():
    with pytest.raises(UnsupportedMedia) as caught:
        columns_of(b"<a/>", "text/xml")

    assert all(media in caught.value.hint for media in ACCEPTED)


@given(st.binary(max_size=200), st.sampled_from([*ACCEPTED, "", "text/plain"]))
def test_no_bytes_do_anything_but_decode_or_be_refused(body, media):
    try:
        decoded = decode(body, media, ("a",), rows_max=100)
    except InputError:
        return

    assert all(len(cells) == decoded.n_rows for cells in decoded.columns.values())
