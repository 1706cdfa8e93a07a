"""What keeps bulk requests small: in chunks, in places, in memory."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref

import msgspec
import numpy as np
import pytest

from podium.errors import InvalidRows, MalformedBody, Overloaded, TooLarge
from podium.flow.cost import Cost
from podium.flow.format import NAMES_MAX
from podium.flow.formats import decode
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.json_rows import JSON, LINES
from podium.flow.limits import BulkPlaces
from podium.flow.packed_cells import PackedCells
from podium.flow.pool import Pool
from podium.flow.typed import TypedReader
from podium.signature import Category, Field, Output, Signature
from podium.signature.cells import WARNINGS_MAX, Findings


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (Cost(0.0001, 1e-7), 2_048),  # on the loop
        (Cost(0.0001, 0.0001), 64),
        (Cost(0.01, 0.00001), 999),  # in a thread, and no longer than the call itself
        (Cost(1.0, 0.0), 64),  # not measured
    ],
)
def test_chunks_last_no_longer_than_twice_a_call(cost, expected):
    assert abs(cost.chunk_rows - expected) <= 1


def test_the_number_of_places_is_limited_and_each_is_given_back():
    places = BulkPlaces(1)

    for _ in range(3):
        with places.place(), pytest.raises(Overloaded), places.place():
            pass


def test_packed_cells_are_those_that_were_added():
    cells, expected = PackedCells(), []
    for chunk in (["a", ""], ["\0\u20ac"], ["x"] * 3):
        cells.add(chunk)
        expected += chunk

    assert list(cells) == expected
    assert (len(cells), cells[2], cells[1:3]) == (6, "\0\u20ac", ["", "\0\u20ac"])


def test_odd_lines_of_a_long_file_are_named_by_their_rows():
    lines = ["x,y", *(["1,2"] * 1_500), "3", "4,5", "6,7,8"]

    with pytest.raises(InvalidRows) as refused:
        decode("\n".join(lines).encode(), CSV, ["x", "y"], rows_max=2_000)

    assert [(cell.row, cell.problem) for cell in refused.value.cells] == [
        (1_500, "has 1 cells"),
        (1_502, "has 3 cells"),
    ]
    assert refused.value.n_cells == 2


def test_more_columns_or_warnings_than_anybody_reads_are_refused():
    findings = Findings()
    names = ",".join(map(str, range(NAMES_MAX + 1)))

    with pytest.raises(TooLarge, match="columns"):
        decode(f"{names}\n1".encode(), CSV, ["x"], rows_max=1)
    for row in range(WARNINGS_MAX):
        findings.warn(row, "x", "no value was given", "missing")
    with pytest.raises(TooLarge, match="warning"):
        findings.warn(WARNINGS_MAX, "x", "no value was given", "missing")


def test_a_long_body_of_brackets_or_one_line_is_refused_before_it_is_expanded():
    brackets = b"[" + b"{}," * 400_000 + b"{}]"

    for body, media in ((brackets, JSON), (b"x,y\n" + b"1," * 600_000, CSV)):
        with pytest.raises(TooLarge, match=r"more than 400 objects|a line is longer"):
            decode(body, media, ["x"], rows_max=100)


def test_lines_end_as_they_like():
    for end in (b"\n", b"\r\n", b"\r"):
        decoded = decode(end.join([b'{"x":1}', b"", b'{"x":2}']), LINES, ["x"], rows_max=2)

        assert decoded.columns["x"] == [1, 2]


def test_what_an_error_of_a_thread_held_is_let_go_with_it():
    class Body:
        pass

    def refuse(_body: Body) -> None:
        raise TooLarge("it is")

    async def play() -> None:
        body = Body()
        there = weakref.ref(body)
        with pytest.raises(TooLarge):
            await Pool("test", 1).run(refuse, body)
        del body
        for _ in range(6_000):  # its thread lets go of it, too
            if there() is None:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it is still there")

    gc.disable()
    try:
        asyncio.run(play())
    finally:
        gc.enable()


def test_a_long_body_is_read_as_a_short_one_is():
    fields = (
        Field(name="x", type="float", missing="accept"),
        Field(name="n", type="integer", missing="accept"),
        Field(
            name="c",
            type="category",
            categories=(Category(value="a"), Category(value="b")),
            missing="accept",
        ),
        Field(name="t", type="text"),
    )
    reader = TypedReader(
        Signature(fields=fields, outputs=(Output(task="regression"),)), rows_max=5_000
    )
    kinds = [
        {"x": 1.5, "n": 3, "c": "a", "t": "\u20ac"},
        {"x": None, "n": None, "c": None, "t": ""},
        {"t": '\\ " ,]}'},
    ]
    rows = [kinds[row // 1_000] for row in range(3_000)]
    columns = {name: [row.get(name) for row in rows] for name in kinds[0]}

    for value in (rows, columns, {name: columns[name] for name in ("x", "t")}):
        body = msgspec.json.encode(value)
        table, layout = reader.in_chunks(body)
        typed = reader.rows(body) if value is rows else None
        expected = reader.columns(body) if typed is None else reader.table(typed.rows)
        assert layout == ("rows" if value is rows else "columns")
        for name in columns:
            assert table.columns[name].dtype == expected.columns[name].dtype, name
            np.testing.assert_array_equal(table.columns[name], expected.columns[name])
    for value in ([{"t": 1}], [*rows, {}], {"t": ["x"], "y": [1]}, {"x": [1.0]}, {"t": "x"}, 1):
        assert reader.in_chunks(msgspec.json.encode(value)) is None


@pytest.mark.parametrize("end", [b"]", b",]", b"", b',{"x":nan}]', b"]]", b',{"x":"\xff"}]'])
def test_errors_in_a_long_body_are_reported_as_in_a_short_one(end):
    body = b"[" + b'{"x":1},' * 140_000 + b'{"x":2}' + end

    try:
        rows = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        expected = re.escape(str(error))
    else:
        assert decode(body, JSON, ["x"], rows_max=200_000).columns["x"] == [r["x"] for r in rows]
        return

    with pytest.raises(MalformedBody, match=expected):
        decode(body, JSON, ["x"], rows_max=200_000)
