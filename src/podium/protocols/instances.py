"""Rows in the JSON of other systems, and the response for them: what their APIs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from podium.errors import BadCell, InvalidRows, MalformedBody
from podium.flow.format import LISTED_MAX, Decoded, DecodeLimits, ResponseData
from podium.flow.formats import read
from podium.flow.formats.json_rows import JSON, check_nesting, columns_value, rows_of
from podium.flow.response import EncodedResponse
from podium.http import Response
from podium.signature import Signature
from podium.signature.cells import printable

LAYOUT = "rows"
_NAMES_SHOWN = 20


def json_object(body: bytes, rows_max: int, *, hint: str) -> dict[str, Any]:
    """The object that a body is.

    Args:
        hint: what it should look like.

    Raises:
        MalformedBody: it isn't an object of JSON.
        TooLarge: it has more brackets than that many rows need.
    """
    value = json_value(body, rows_max, hint=hint)
    if not isinstance(value, dict):
        raise MalformedBody(f"the body isn't a JSON object, but {printable(value)}", hint=hint)
    return value


def json_value(body: bytes, rows_max: int, *, hint: str) -> object:
    """The value that a body is.

    Raises:
        MalformedBody: it isn't JSON.
        TooLarge: as `json_object`.
    """
    check_nesting(body, rows_max)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"the body isn't JSON: {error}", hint=hint) from error


def only_key(value: Mapping[str, Any], keys: Sequence[str], *, hint: str) -> str:
    """Which of these keys an object has.

    Raises:
        MalformedBody: it has none of them, or several.
    """
    found = [key for key in keys if key in value]
    if len(found) == 1:
        return found[0]
    there = ", ".join(map(printable, list(value)[:_NAMES_SHOWN])) or "no keys"
    raise MalformedBody(
        f"the body must have exactly one of {', '.join(keys)}; it has {there}", hint=hint
    )


def decoded(value: object, signature: Signature, *, rows_max: int) -> Decoded:
    """The cells in rows, or in columns.

    Args:
        value: an array of rows: objects, arrays of values in the order of the fields, or the values
            of the only field; or an object of arrays, or of the values of a single row.

    Raises:
        InvalidRows: it is none of them, or has no rows.
        TooLarge: there are more than `rows_max` rows.
    """
    names = signature.names

    def read_columns(limits: DecodeLimits) -> Decoded:
        if not isinstance(value, list) or not value or isinstance(value[0], dict):
            return rows_of(value, limits)
        if len(names) == 1 and not isinstance(value[0], list):
            limits.check_rows(len(value))
            return Decoded({names[0]: value}, (), len(value), LAYOUT, "values")
        return of_arrays(value, names, limits)

    return read(read_columns, names, rows_max=rows_max)


def of_arrays(rows: Sequence[object], names: Sequence[str], limits: DecodeLimits) -> Decoded:
    """The cells in arrays, one for each row, with a value for each name.

    Raises:
        InvalidRows: some rows aren't.
        TooLarge: there are too many.
    """
    limits.check_rows(len(rows))
    limits.check_names(len(names))
    bad = [i for i, row in enumerate(rows) if not isinstance(row, list) or len(row) != len(names)]
    if bad:
        cells = [_no_row(rows[i], i, names) for i in bad[:LISTED_MAX]]
        raise InvalidRows(cells, n_cells=len(bad))
    arrays: Sequence[list[object]] = rows  # type: ignore[assignment] # as was just checked
    columns = {
        name: [row[place] for row in arrays]
        for place, name in enumerate(names)
        if name in limits.fields
    }
    return Decoded(columns, limits.others(names), len(rows), LAYOUT, "values")


def encoded(data: ResponseData) -> tuple[bytes, str]:
    """The body of a response, with an array of predictions under `predictions`; its content type.

    Beside that is what Podium's own API has: probabilities, ids of the records, the version.
    """
    return msgspec.json.encode(columns_value(data)), JSON


def written(response: EncodedResponse) -> Response:
    """The HTTP response."""
    headers = {"idempotency-replayed": "true"} if response.is_repeated else {}
    return Response(response.body, 200, response.media, headers)


def _no_row(row: object, place: int, names: Sequence[str]) -> BadCell:
    shown = ", ".join(map(printable, names[:_NAMES_SHOWN]))
    shown += ", ..." if len(names) > _NAMES_SHOWN else ""
    return BadCell(
        row=place,
        value=None if isinstance(row, list) else printable(row),
        problem=f"has {len(row)} values" if isinstance(row, list) else "isn't an array of values",
        accepted=f"{len(names)} values: {shown}",
    )
