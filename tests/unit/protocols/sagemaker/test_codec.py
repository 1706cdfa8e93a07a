"""Bodies that SageMaker's clients send: CSV without a header, JSON, and JSON lines."""

from __future__ import annotations

import json

import pytest

from podium.errors import InputError, UnsupportedMedia
from podium.protocols.sagemaker.codec import LINES, EndpointCodec
from podium.signature import Field, Signature

TWO = Signature(fields=(Field(name="a"), Field(name="b,c")))
CODEC = EndpointCodec()
JSON, CSV = "application/json", "text/csv"


def columns(body: bytes | object, media: str) -> list[list[object]]:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = CODEC.decode(body, media, TWO, rows_max=3)
    assert list(found.others) == []
    return [list(found.columns[name]) for name in TWO.names]


@pytest.mark.parametrize(
    "body",
    [
        b"1,2\n3,4",
        b"1,2\r\n3,4\r\n",
        b"\xef\xbb\xbf1,2\n3,4\n",
        b'a,"b,c"\n1,2\n3,4\n',
        b'"b,c",a\n2,1\n4,3\n',
    ],
)
def test_csv_needs_no_header(body: bytes):
    assert columns(body, CSV) == [["1", "3"], ["2", "4"]]


@pytest.mark.parametrize(
    ("body", "media"),
    [
        ([[1, 2], [3, 4]], JSON),
        ([{"a": 1, "b,c": 2}, {"a": 3, "b,c": 4}], "application/octet-stream"),
        ({"instances": [[1, 2], [3, 4]]}, ""),
        ({"instances": [{"features": [1, 2]}, {"features": [3, 4]}]}, JSON),
        ({"dataframe_split": {"columns": ["b,c", "a"], "data": [[2, 1], [4, 3]]}}, JSON),
        ({"a": [1, 3], "b,c": [2, 4]}, JSON),
        (b"[1, 2]\n[3, 4]\n", LINES),
        (b'{"a": 1, "b,c": 2}\n\n{"b,c": 4, "a": 3}', "application/x-ndjson"),
    ],
)
def test_json_is_read_in_the_forms_that_are_in_use(body: object, media: str):
    assert columns(body, media) == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"", CSV),
        (b"1,2,3\n", CSV),
        (b"x" * 200_000 + b",1\n", CSV),
        (b"\xff,1\n", CSV),
        (b"1,2\n" * 4, CSV),
        (b"", JSON),
        (b'{"instances": [[NaN, 1]]}', JSON),
        (b'{"instances": [], "inputs": []}', JSON),
        (b'{"instances": [{"features": 3}]}', JSON),
        (b'{"instances": 3}', JSON),
        (b"", LINES),
        (b"[1, 2]\n[", LINES),
        (b"[1, 2]\n" * 4, LINES),
        (b"[" * 50_000 + b"]" * 50_000, LINES),
    ],
)
def test_what_is_no_row_is_refused(body: bytes, media: str):
    with pytest.raises(InputError):
        columns(body, media)


def test_other_content_types_are_refused():
    with pytest.raises(UnsupportedMedia):
        columns(b"", "application/x-npy")
