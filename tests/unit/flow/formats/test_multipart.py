"""Forms in parts: what their fields are, and that no bytes do harm."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import MalformedBody
from podium.flow.formats.multipart import fields_of, parts_of


def part(name: str, value: str, more: str = "", boundary: str = "b") -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return f"{head}{value}\r\n".encode()


def test_fields_come_in_their_order_with_all_that_was_typed():
    body = (
        part("a", "1") + part("größe", "two\r\nlines -- and\r\n--a dash") + part("a", "") + b"--b--"
    )

    assert fields_of(body) == [("a", "1"), ("größe", "two\r\nlines -- and\r\n--a dash"), ("a", "")]


def test_files_come_with_their_names_and_bytes():
    content = "\x00\r\n--b\r\n-- \r\n"
    body = b"\r\n" + part("a", "1") + part("f", content, '; filename="größe.csv"', "b") + b"--b--"
    body = body.replace(b"\r\n--b\r\n-- ", b"\r\n--c\r\n-- ")

    fields, (file,) = parts_of(body)

    assert fields == [("a", "1")]
    assert file == ("f", "größe.csv", b"\x00\r\n--c\r\n-- \r\n")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "boundary"),
        (b"{}", "boundary"),
        (b"--", "boundary"),
        (b"--" + b"b" * 71 + b"\r\n", "boundary"),
        (part("a", "1"), "form"),
        (part("a", "1", '; filename="x.txt"') + b"--b--", "file was sent as 'a'"),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--', "form"),
        (b"".join(part(str(n), "") for n in range(10_001)) + b"--b--", "form"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_not_a_form_is_refused(body, problem):
    with pytest.raises(MalformedBody, match=problem):
        fields_of(body)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(tail):
    for body in (tail, b"--b\r\n" + tail, part("a", "1") + tail):
        with contextlib.suppress(MalformedBody):
            fields_of(body + b"--b--")
