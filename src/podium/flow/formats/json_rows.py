"""JSON: one object, an array of objects, an object of arrays, or one object per line."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import msgspec

from podium.errors import BadCell, InvalidRows, MalformedBody, TooLarge
from podium.flow.answer import PLURALS, columns_of, values_of, warnings_by_row
from podium.flow.format import LISTED_MAX, Decoded, DecodeLimits, Format, ResponseData
from podium.flow.typed import RAW_COLUMNS, RAW_ROWS, chunks_of
from podium.outputs import warning_value
from podium.signature.cells import ABSENT, printable

# A longer body may have at most this many brackets per row, including those inside strings.
LONG_BYTES, BRACKETS_A_ROW = 2**20, 4


def _read(body: bytes, limits: DecodeLimits) -> Decoded:
    check_nesting(body, limits.rows_max)
    return rows_of(_json_value(body), limits)


def rows_of(value: object, limits: DecodeLimits) -> Decoded:
    """The cells in a value of JSON: an object, an array of objects, or an object of arrays.

    Raises:
        InvalidRows: it is none of them.
        TooLarge: there are too many rows, or names.
    """
    if isinstance(value, list):
        return _rows(value, "rows", limits)
    if not isinstance(value, dict):
        raise InvalidRows([_not_rows(value, None)])
    lists = [name for name, cells in value.items() if isinstance(cells, list)]
    # If most values are arrays, the others are the mistake, and vice versa.
    if len(lists) * 2 > len(value):
        return _columns(value, lists, limits)
    columns = {name: [cell] for name, cell in value.items() if name in limits.fields}
    return Decoded(columns, limits.others(value), 1, "object", "values")


def check_nesting(body: bytes, rows_max: int) -> None:
    """Refuse a long body of nothing but brackets, whose value takes a hundred times the memory.

    Raises:
        TooLarge: it has more brackets than that many rows need.
    """
    most = BRACKETS_A_ROW * rows_max
    if len(body) > LONG_BYTES and body.count(b"{") + body.count(b"[") > most:
        raise TooLarge(
            f"more than {most} objects and arrays were sent", hint="send fewer rows at once"
        )


def _json_value(body: bytes, where: str = "the body") -> object:
    if not body.strip():
        raise MalformedBody(f"{where} is empty", hint="send a JSON object, or an array of objects")
    try:
        return _in_chunks(body) if len(body) > LONG_BYTES else msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"{where} isn't JSON: {error}", hint=_json_hint(body)) from error
    except RecursionError as error:
        raise MalformedBody(f"{where} is nested too deeply") from error


def _in_chunks(body: bytes) -> object:
    """The value of a long body, parsed so that other threads can run in between."""
    decode = msgspec.json.decode
    try:
        if body[:1] == b"[":
            rows = RAW_ROWS.decode(body)
            return [row for chunk in chunks_of(rows) for row in decode(chunk)]
        if body[:1] == b"{":
            return {name: decode(cells) for name, cells in RAW_COLUMNS.decode(body).items()}
    except msgspec.DecodeError:
        pass  # its error gives the position in the whole body
    return decode(body)


def _json_hint(body: bytes) -> str:
    if b"NaN" in body or b"Infinity" in body:
        return "NaN and Infinity aren't JSON: write null for a missing value"
    try:
        body.decode()
    except UnicodeDecodeError:
        return "send UTF-8"
    return ""


def _columns(value: dict[str, object], lists: list[str], limits: DecodeLimits) -> Decoded:
    columns: dict[str, list[object]] = {}
    for name, cells in value.items():
        if not isinstance(cells, list):
            problem = f"isn't an array, while {printable(lists[0])} is"
            raise InvalidRows(
                [BadCell(field=printable(name), problem=problem, accepted="an array")]
            )
        columns[name] = cells
    n_rows = len(columns[lists[0]])
    for name, cells in columns.items():
        if len(cells) != n_rows:
            problem = f"has {len(cells)} values, while {printable(lists[0])} has {n_rows}"
            raise InvalidRows(
                [
                    BadCell(
                        field=printable(name), problem=problem, accepted="the same number of values"
                    )
                ]
            )
    limits.check_rows(n_rows)
    known = {name: cells for name, cells in columns.items() if name in limits.fields}
    return Decoded(known, limits.others(columns), n_rows, "columns", "values")


def _rows(values: Sequence[object], layout: str, limits: DecodeLimits) -> Decoded:
    limits.check_rows(len(values))
    bad = [i for i, row in enumerate(values) if not isinstance(row, dict)]
    if bad:
        raise InvalidRows([_not_rows(values[i], i) for i in bad[:LISTED_MAX]], n_cells=len(bad))
    rows: Sequence[dict[str, object]] = values  # type: ignore[assignment]
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
        limits.check_names(len(names))
    # With a column for each name there would be rows times names cells, although each row may
    # have other names: a hundred times what was sent.
    columns = {
        name: [row.get(name, ABSENT) for row in rows] for name in names if name in limits.fields
    }
    return Decoded(columns, limits.others(names), len(rows), layout, "values")


def _not_rows(value: object, row: int | None) -> BadCell:
    return BadCell(
        row=row,
        value=printable(value),
        problem="isn't a row",
        accepted="an object of field names and values, an array of such objects, "
        "or an object of arrays",
        code="not_a_row",
    )


def _read_lines(body: bytes, limits: DecodeLimits) -> Decoded:
    rows: list[object] = []
    if b"\n" not in body:
        body = body.replace(b"\r", b"\n")
    for i, line in enumerate(io.BytesIO(body), 1):
        if line and not line.isspace():
            limits.check_rows(len(rows) + 1)
            rows.append(_json_value(line, f"line {i}"))
    return _rows(rows, "lines", limits)


def _objects(data: ResponseData) -> list[dict[str, Any]]:
    """One object per row."""
    origin, warnings = _origin(data), warnings_by_row(data.outputs)
    objects = values_of(data.signature, data.outputs)
    for row, value in enumerate(objects):
        if data.ids:
            value["id"] = data.ids[row]
        value |= origin
        value["warnings"] = [warning_value(one) for one in warnings.get(row, ())]
    return objects


def columns_value(data: ResponseData) -> dict[str, Any]:
    """The response for several rows: an object of arrays, with one element for each row."""
    columns = columns_of(data.signature, data.outputs)
    value: dict[str, Any] = {PLURALS[key]: values for key, values in columns.items()}
    if data.ids:
        value["ids"] = data.ids
    return value | _origin(data) | {"warnings": data.outputs.warnings}


def _origin(data: ResponseData) -> dict[str, Any]:
    """The parts that are the same for every row of a model."""
    threshold = data.signature.output.threshold
    origin: dict[str, Any] = {"model": data.model, "version": data.version}
    return origin if threshold is None else origin | {"threshold": threshold}


def _write(data: ResponseData, layout: str) -> bytes:
    return msgspec.json.encode(_objects(data)[0] if layout == "object" else columns_value(data))


def _write_lines(data: ResponseData, _layout: str) -> bytes:
    return msgspec.json.Encoder().encode_lines(_objects(data))


JSON = "application/json"
LINES = "application/x-ndjson"
JSON_FORMAT = Format((JSON,), ("object", "rows", "columns"), _read, _write, JSON)
LINES_FORMAT = Format(
    (LINES, "application/ndjson", "application/jsonl", "application/x-jsonlines"),
    ("lines",),
    _read_lines,
    _write_lines,
    LINES,
)
