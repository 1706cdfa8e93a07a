"""CSV: a header line, then one line for each row."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TextIO

from podium.errors import BadCell, InvalidRows, MalformedBody, TooLarge
from podium.flow.answer import column_cells, column_names
from podium.flow.format import (
    LISTED_MAX,
    Decoded,
    DecodeLimits,
    Format,
    ResponseData,
    no_text,
    text_of,
)
from podium.flow.limits import CHUNK_ROWS
from podium.flow.packed_cells import PackedCells
from podium.signature.cells import printable
from podium.signature.delimited import delimiter_of
from podium.signature.names import INDEXES
from podium.signature.reading import written_with

LINE_MAX = 2**20


def _read(body: bytes, limits: DecodeLimits) -> Decoded:
    if not body.removeprefix(codecs.BOM_UTF8).strip():
        raise MalformedBody(
            "the body is empty", hint="send a header line, then one line for each row"
        )
    delimiter = delimiter_of(text_of(body.partition(b"\n")[0]))
    text = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    lines = csv.reader(_lines(text), delimiter=delimiter)
    odd: list[BadCell] = []
    n_rows = n_odd = 0
    try:
        names = next(lines)
        limits.check_names(len(names))
        places = _places(names)
        columns = {name: PackedCells() for name in places if name in limits.fields}
        rows = filter(None, lines)
        while chunk := list(islice(rows, CHUNK_ROWS)):
            limits.check_rows(n_rows + len(chunk))
            bad = [(n_rows + i, len(row)) for i, row in enumerate(chunk) if len(row) != len(names)]
            n_odd += len(bad)
            odd += [
                BadCell(row=i, problem=f"has {n} cells", accepted=f"{len(names)} cells")
                for i, n in bad[: LISTED_MAX - len(odd)]
            ]
            if not n_odd:
                for name, cells in columns.items():
                    at = places[name]
                    cells.add([row[at] for row in chunk])
            n_rows += len(chunk)
    except csv.Error as error:
        raise MalformedBody(f"the body isn't CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise no_text(error) from error
    if odd:
        raise InvalidRows(odd, n_cells=n_odd)
    return Decoded(columns, limits.others(names), n_rows, "csv", written_with(delimiter))


def _lines(text: TextIO) -> Iterator[str]:
    while line := text.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX:
            raise TooLarge(f"a line is longer than {LINE_MAX} characters")
        yield line


def _places(names: Sequence[str]) -> dict[str, int]:
    """The position of each column."""
    places = {name: i for i, name in enumerate(names)}
    if len(places) < len(names):
        twice = next(name for i, name in enumerate(names) if places[name] != i)
        raise MalformedBody(
            f"two columns are called {printable(twice)!r}", hint="rename one of them"
        )
    return places


def _write(data: ResponseData, _layout: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    outputs = data.outputs
    writer.writerow([*column_names(data.signature), *(["id"] if data.ids else [])])
    for row, cells in enumerate(column_cells(data.signature, outputs)):
        writer.writerow([*cells, *([data.ids[row]] if data.ids else [])])
    return text.getvalue().encode()


CSV = "text/csv"
CSV_FORMAT = Format((CSV,), ("csv",), _read, _write, "text/csv; charset=utf-8", INDEXES)
