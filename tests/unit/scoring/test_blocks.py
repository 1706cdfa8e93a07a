"""Texts in blocks of whole lines, and the quotes in them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import MalformedBody
from podium.scoring import blocks
from podium.scoring.blocks import Blocks, n_lines_of, plainly_quoted, text_of


def blocks_of(content: bytes) -> Blocks:
    return Blocks(io.BufferedReader(io.BytesIO(content)), "f.csv")  # type: ignore[type-var] # as raw


@given(
    content=st.text("ab\n\r", max_size=60).map(str.encode),
    sizes=st.lists(st.integers(1, 20), min_size=1),
    quantum=st.integers(1, 9),
)
def test_blocks_are_whole_lines_and_together_the_file(content, sizes, quantum):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_READ_BYTES", quantum)
        cut = blocks_of(content)
        parts = [cut.read(size) for size in sizes * (len(content) + 1)]

    assert b"".join(parts) == content
    lines = io.StringIO(content.decode(), newline="").readlines()
    assert [line for part in parts for line in text_of(part, "f.csv", 0)] == lines
    assert cut.n_lines == sum(map(n_lines_of, parts)) == len(lines)


def test_a_block_ends_with_the_last_line_that_fits_and_a_file_with_its_end():
    cut = blocks_of(b"1\n22\n333\n4444")

    assert [cut.read(6), cut.read(1), cut.read(100)] == [b"1\n22\n", b"333\n", b"4444"]
    assert cut.read(100) == b""


def test_what_was_put_back_is_read_and_counted_again():
    cut = blocks_of(b"1\n2\n3\n")
    first = cut.read(4)
    cut.put_back(first[2:])

    assert (cut.n_lines, cut.read(1), cut.n_lines) == (1, b"2\n", 2)


def test_a_long_line_is_searched_once_and_not_for_each_block(monkeypatch):
    reads = []

    class Raw(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            reads.append(size)
            return super().read1(size)

    monkeypatch.setattr(blocks, "LINE_BYTES_MAX", 4_000_000)
    long = Blocks(Raw(b"a\n" + b"x" * 5_000_000), "f.csv")  # type: ignore[arg-type] # as buffered
    long.read(1)
    with pytest.raises(MalformedBody, match=r"line 2 of f\.csv is longer than 4,000,000 bytes"):
        long.read(1)

    assert len(reads) < 20


@pytest.mark.parametrize(
    ("block", "plain"),
    [
        (b"a,b\n", b"a,b\n"),
        (b'"a","b"\n', b"a,b\n"),
        (b'"a,b",c\n', b'"a,b",c\n'),
        (b'"","b, c"\r\n"d",e\r\n', b',"b, c"\r\nd,e\r\n'),
        (b'a,"b"', b"a,b"),
        (b'"a""b",c\n', None),
        (b'a"b,c"\n', None),
        (b'"a"x,b\n', None),
        (b'"a\nb",c\n', None),
        (b'"a,b\n', None),
        (b'"a"\rb,"c"\n', None),
    ],
)
def test_needless_quotes_are_left_out_and_odd_ones_noticed(block: bytes, plain: bytes | None):
    assert plainly_quoted(block, ",") == plain
