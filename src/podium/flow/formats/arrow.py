"""Arrow streams: columns that need no parsing of text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from podium.errors import MalformedBody, UnsupportedMedia
from podium.flow.answer import column_cells, column_names
from podium.flow.format import Decoded, DecodeLimits, Format, ResponseData
from podium.flow.formats.arrow_stream import Budget, budget_of, look
from podium.signature.names import INDEXES
from podium.table import Array, plain_values

ARROW = "application/vnd.apache.arrow.stream"
# Dates from the first of these days on and before the second.
_CALENDAR = ("0001-01-01", "10000-01-01")


def is_installed() -> bool:
    """Whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def _read(body: bytes, limits: DecodeLimits) -> Decoded:
    """The columns in a stream.

    Raises:
        UnsupportedMedia: pyarrow isn't installed here.
        MalformedBody: it isn't an Arrow stream, or two columns have the same name.
        InvalidRows: a column has a type that isn't supported.
        TooLarge: it has more rows, or would take more memory, than is allowed.
    """
    if not is_installed():
        raise UnsupportedMedia(
            "Arrow streams aren't supported here",
            hint="send JSON or CSV; the operator of this server can add them with the extra 'arrow'",
        )
    budget = budget_of(body)
    stream = look(body, len(limits.fields), limits.check_rows, budget)
    known = [i for i, name in enumerate(stream.names) if name in limits.fields]
    columns = {}
    if known and stream.n_rows:
        table = _table(stream.body, known, budget)
        columns = {name: cells_of_column(table.column(name)) for name in table.column_names}
    return Decoded(columns, limits.others(stream.names), stream.n_rows, "arrow", "values")


def _write(data: ResponseData, _layout: str) -> bytes:
    names = column_names(data.signature)
    rows = column_cells(data.signature, data.outputs)
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    if data.ids:
        columns["id"] = list(data.ids)
    return stream_of(columns)


def stream_of(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns as an Arrow stream.

    Raises:
        UnsupportedMedia: pyarrow isn't installed here.
    """
    if not is_installed():
        raise UnsupportedMedia("Arrow streams can't be returned here", hint="accept JSON or CSV")
    import pyarrow as pa

    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _table(body: bytes, known: list[int], budget: Budget) -> Any:
    """The table in a stream that was inspected, with these columns only."""
    import pyarrow as pa

    options = pa.ipc.IpcReadOptions(included_fields=known, use_threads=False)
    try:
        with pa.ipc.open_stream(body, options=options) as stream:
            table = stream.read_all()
        for column in table.columns:
            budget.spend(_n_viewed_bytes(column))
        table.validate(full=True)
    # A false size makes pyarrow request memory that isn't available.
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise MalformedBody("the body isn't a complete Arrow stream") from error
    return table


def _n_viewed_bytes(column: Any) -> int:
    """The total length of the strings in a column of views, which may share their memory."""
    if str(column.type) != "string_view":
        return 0
    n_bytes = 0
    for chunk in column.chunks:
        views = np.frombuffer(chunk.buffers()[1] or b"", np.int32)[::4]
        lengths = views[chunk.offset : chunk.offset + len(chunk)]
        n_bytes += int(lengths.clip(0).sum(dtype=np.int64))
    return n_bytes


def cells_of_column(column: Any) -> Sequence[object] | Array:
    """The cells of an Arrow column in a form that the signature validates.

    Numbers and times become an array without a loop over cells; other types become Python values.

    Args:
        column: a chunked array.
    """
    import pyarrow as pa

    types, kind = pa.types, column.type
    if types.is_dictionary(kind):
        return [cell for chunk in column.chunks for cell in _of_dictionary(chunk)]
    if types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if types.is_floating(kind):
        numbers: Array = column.to_numpy()  # nulls become NaN, as all missing numbers
        return numbers
    if column.null_count == 0 and (types.is_integer(kind) or types.is_boolean(kind)):
        whole: Array = column.to_numpy()
        return whole
    if types.is_date(kind):
        return _moments(column.to_numpy().astype("datetime64[D]"), column, is_zoned=False)
    if types.is_timestamp(kind):
        return _moments(column.to_numpy(), column, is_zoned=kind.tz is not None)
    cells: list[object] = column.to_pylist()
    return cells


def _of_dictionary(chunk: Any) -> list[object]:
    """Each distinct value is converted once, however many rows have it."""
    import pyarrow as pa

    values = plain_values(np.asarray(cells_of_column(pa.chunked_array([chunk.dictionary])), object))
    return [None if i is None else values[i] for i in chunk.indices.to_pylist()]


def _moments(moments: Array, column: Any, *, is_zoned: bool) -> Sequence[object] | Array:
    """Dates or times; those outside of Python's range as strings, which an error can quote."""
    is_null = np.asarray(column.is_null())
    unit = np.datetime_data(moments.dtype)[0]
    is_far = np.isnat(moments) & ~is_null
    if unit != "ns":  # the range of 64-bit nanoseconds is smaller
        low, high = (np.datetime64(day, "D").astype(moments.dtype) for day in _CALENDAR)
        is_far |= ~is_null & ((moments < low) | (moments >= high))
    if not is_far.any() and not is_zoned:
        return moments if unit == "D" else moments.astype("datetime64[us]")
    texts = moments[is_far].astype(str)
    moments = np.where(is_far, np.datetime64("NaT"), moments)
    cells: list[Any] = moments.astype("datetime64[D]" if unit == "D" else "datetime64[us]").tolist()
    if is_zoned:
        cells = [None if cell is None else cell.replace(tzinfo=dt.UTC) for cell in cells]
    for row, text in zip(np.flatnonzero(is_far), texts, strict=True):
        cells[row] = str(text)
    return cells


ARROW_FORMAT = Format((ARROW,), ("arrow",), _read, _write, ARROW, INDEXES)
