"""Step 1: bytes to cells, by content type."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from podium.errors import BadCell, InvalidRows, MalformedBody, TooLarge, UnsupportedMedia
from podium.flow.arrow import ARROW, columns_of
from podium.signature.cells import shown
from podium.signature.reading import Written
from podium.table import Array, delimiter_of

# How the caller wrote the rows, which is how they are answered.
Layout: TypeAlias = Literal["object", "rows", "columns", "csv", "lines", "arrow"]

JSON = "application/json"
CSV = "text/csv"
LINES = "application/x-ndjson"
FORM = "application/x-www-form-urlencoded"
LINES_NAMES = (LINES, "application/ndjson", "application/jsonl", "application/x-jsonlines")
ACCEPTED = (JSON, CSV, LINES, FORM, ARROW)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Cells as they were sent, column by column, not yet checked.

    Attributes:
        columns: cells by field name, n_rows each; None where a row lacks the field.
        written: how cells are written, for whoever reads them.
    """

    columns: Mapping[str, Sequence[object] | Array]
    n_rows: int
    layout: Layout
    written: Written


def decode(body: bytes, media: str, *, rows_max: int) -> Decoded:
    """The cells in a request's body.

    Args:
        media: its content type, in lower case and without parameters; JSON when empty.

    Raises:
        MalformedBody: it isn't what its content type says.
        InvalidRows: it is, but doesn't hold rows.
        TooLarge: it holds more rows than `rows_max`.
        UnsupportedMedia: the content type isn't one of `ACCEPTED`.
    """
    if media in (JSON, "") or media.endswith("+json"):
        decoded = _json(body)
    elif media == CSV:
        decoded = _csv(body)
    elif media in LINES_NAMES:
        decoded = _lines(body)
    elif media == FORM:
        decoded = _form(body)
    elif media == ARROW:
        columns, n_rows = columns_of(body)
        decoded = Decoded(columns, n_rows, "arrow", "values")
    else:
        raise UnsupportedMedia(
            f"a body of type {shown(media)} isn't read here", hint=f"send {', '.join(ACCEPTED)}"
        )
    if decoded.n_rows > rows_max:
        raise TooLarge(
            f"{decoded.n_rows} rows were sent; at most {rows_max} are answered at once",
            hint="send them in several requests, or use `podium score` for files",
        )
    if not decoded.n_rows:
        raise InvalidRows([BadCell(problem="there are no rows", accepted="at least one row")])
    return decoded


def _json(body: bytes) -> Decoded:
    value = _json_value(body)
    if isinstance(value, list):
        return _rows(value, "rows")
    if not isinstance(value, dict):
        raise InvalidRows([_not_rows(value, None)])
    lists = [name for name, cells in value.items() if isinstance(cells, list)]
    # Where most values are arrays the others are the mistake, and the other way round.
    if len(lists) * 2 > len(value):
        return _columns(value, lists)
    return Decoded({n: [cell] for n, cell in value.items()}, 1, "object", "values")


def _json_value(body: bytes, where: str = "the body") -> object:
    if not body.strip():
        raise MalformedBody(f"{where} is empty", hint="send a JSON object, or an array of objects")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"{where} isn't JSON: {error}", hint=_json_hint(body)) from error
    except RecursionError as error:
        raise MalformedBody(f"{where} nests too deep") from error


def _json_hint(body: bytes) -> str:
    if b"NaN" in body or b"Infinity" in body:
        return "NaN and Infinity aren't JSON: write null for a missing value"
    try:
        body.decode()
    except UnicodeDecodeError:
        return "send UTF-8"
    return ""


def _columns(value: dict[str, object], lists: list[str]) -> Decoded:
    columns: dict[str, list[object]] = {}
    for name, cells in value.items():
        if not isinstance(cells, list):
            problem = f"isn't an array, while {shown(lists[0])} is"
            raise InvalidRows([BadCell(field=shown(name), problem=problem, accepted="an array")])
        columns[name] = cells
    n_rows = len(columns[lists[0]])
    for name, cells in columns.items():
        if len(cells) != n_rows:
            problem = f"has {len(cells)} values, while {shown(lists[0])} has {n_rows}"
            raise InvalidRows([BadCell(field=shown(name), problem=problem, accepted="as many")])
    return Decoded(columns, n_rows, "columns", "values")


def _rows(values: Sequence[object], layout: Layout) -> Decoded:
    bad = [_not_rows(row, i) for i, row in enumerate(values) if not isinstance(row, dict)]
    if bad:
        raise InvalidRows(bad[:100], n_cells=len(bad))
    rows: Sequence[dict[str, object]] = values  # type: ignore[assignment]
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return Decoded(columns, len(rows), layout, "values")


def _not_rows(value: object, row: int | None) -> BadCell:
    return BadCell(
        row=row,
        value=shown(value),
        problem="isn't a row",
        accepted="an object of field names and values, an array of such objects, "
        "or an object of arrays",
        code="not_a_row",
    )


def _lines(body: bytes) -> Decoded:
    lines = [line for line in body.splitlines() if line.strip()]
    return _rows([_json_value(line, f"line {i}") for i, line in enumerate(lines, 1)], "lines")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body isn't UTF-8: {error.reason}", hint="send UTF-8") from error


def _csv(body: bytes) -> Decoded:
    text = _text(body)
    if not text.strip():
        raise MalformedBody("the body is empty", hint="send a line of names, then a line a row")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text)))
    except csv.Error as error:
        raise MalformedBody(f"the body isn't CSV: {error}") from error
    names, rows = lines[0], [line for line in lines[1:] if line]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise MalformedBody(f"two columns are called {shown(twice)!r}", hint="rename one of them")
    odd = [
        BadCell(row=i, problem=f"has {len(row)} cells", accepted=f"{len(names)} cells")
        for i, row in enumerate(rows)
        if len(row) != len(names)
    ]
    if odd:
        raise InvalidRows(odd[:100], n_cells=len(odd))
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return Decoded(columns, len(rows), "csv", "file")


def _form(body: bytes) -> Decoded:
    try:
        pairs = parse_qsl(
            _text(body), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=10_000
        )
    except ValueError as error:
        raise MalformedBody(f"the body isn't a form: {error}") from error
    # The last value wins: a box that is ticked comes after the hidden one that says it isn't.
    return Decoded({name: [value] for name, value in pairs}, 1, "object", "form")
