"""Parquet, read and written in chunks, with the type of every column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, ClassVar, Literal

import numpy as np

from podium.errors import MalformedBody, SetupError
from podium.plugins import needs
from podium.scoring.rows import (
    Buffered,
    Cells,
    Chunk,
    Kind,
    Predicted,
    chunk_rows,
    named_once,
    new_column,
)
from podium.scoring.values import json_text
from podium.signature.labels import label_text
from podium.signature.reading import FILES
from podium.table import Array

# Readers of Parquet skip or decode a row group at once; it is buffered until it is full.
GROUP_ROWS = 131_072
GROUP_BYTES = 32_000_000


class ParquetReader:
    """Reads a Parquet file, whatever the size of its row groups.

    Raises:
        MalformedBody: it isn't Parquet.
        MissingExtra: pyarrow isn't installed.
    """

    place: ClassVar[Literal["line", "row"]] = "row"

    def __init__(self, file: Buffered, name: str) -> None:
        with needs("arrow"):
            import pyarrow as pa
            from pyarrow import parquet
        self._name = name
        self._pa = pa
        try:
            # With a buffer, a column of a row group is read in pieces.
            self._file = parquet.ParquetFile(file, buffer_size=2**20, pre_buffer=False)
            self.schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from error
        self.names: tuple[str, ...] = tuple(self.schema.names)
        self.n_rows: int | None = int(self._file.metadata.num_rows)
        self._n_read = 0

    def chunks(self) -> Iterator[Chunk]:
        """The rows."""
        rows = self._file.iter_batches(chunk_rows(len(self.names)), use_threads=False)
        while True:
            try:
                batch = next(rows, None)
            except (self._pa.ArrowException, OSError) as error:
                raise self._unreadable(error) from error
            if batch is None:
                break
            first = self._n_read + 1
            self._n_read += batch.num_rows
            places = range(first, first + batch.num_rows)
            yield Chunk(self.names, batch.columns, places, "values")
        if not self._n_read:
            empty = self.schema.empty_table().combine_chunks()
            cells = [self._pa.array([], column.type) for column in empty.columns]
            yield Chunk(self.names, cells, range(0), "values")

    def for_model(self, cells: Cells) -> Sequence[object] | Array:
        """An Arrow array in a form that the signature validates: numpy's if that loses nothing."""
        return _column(self._pa, cells)

    def _unreadable(self, error: Exception) -> MalformedBody:
        return MalformedBody(
            f"{self._name} can't be read as Parquet: {str(error)[:200]}",
            hint="is it complete? Its last four bytes must be PAR1",
        )


class ParquetWriter:
    """Writes Parquet. Rows are buffered until they fill a row group.

    Args:
        schema: of the file that the rows come from, if it has one; its metadata is kept.
    """

    def __init__(self, file: BinaryIO, schema: Any = None) -> None:
        with needs("arrow"):
            import pyarrow as pa
        self._pa = pa
        self._file = file
        self._input_schema = schema
        self._schema: Any = None
        self._writer: Any = None
        self._buffered: list[Any] = []

    def write(self, chunk: Chunk, predicted: Sequence[Predicted]) -> None:
        """Write the rows, or buffer them.

        Raises:
            SetupError: their columns or types differ from those of earlier rows.
        """
        if self._schema is None:
            self._begin(chunk, predicted)
        if chunk.names != tuple(self._schema.names[: len(chunk.names)]):
            raise new_column(chunk, self._schema.names, "Parquet file")
        fields = list(self._schema)
        arrays = [self._array(c, f) for c, f in zip(chunk.cells, fields, strict=False)]
        for one, field in zip(predicted, fields[len(arrays) :], strict=True):
            arrays.append(self._pa.array(_arrow_cells(one), field.type))
        self._buffered.append(self._pa.record_batch(arrays, schema=self._schema))
        rows = sum(batch.num_rows for batch in self._buffered)
        if rows >= GROUP_ROWS or sum(batch.nbytes for batch in self._buffered) >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the buffered rows, and the file's index."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _begin(self, chunk: Chunk, predicted: Sequence[Predicted]) -> None:
        from pyarrow import parquet

        pa = self._pa
        named_once((*chunk.names, *(one.name for one in predicted)), "Parquet")
        types = {float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
        schema = self._input_schema
        input_fields = list(schema) if schema is not None else self._inferred(chunk)
        predicted_fields = [
            pa.field(one.name, types.get(one.kind, pa.string())) for one in predicted
        ]
        metadata = schema.metadata if schema is not None else None
        self._schema = pa.schema([*input_fields, *predicted_fields], metadata=metadata)
        self._writer = parquet.ParquetWriter(self._file, self._schema)

    def _inferred(self, chunk: Chunk) -> list[Any]:
        pa = self._pa
        fields = []
        for name, cells in zip(chunk.names, chunk.cells, strict=True):
            try:
                type_ = pa.string() if chunk.written in FILES else pa.array(cells).type
            except pa.ArrowException as error:
                raise _unlike(name, error) from error
            fields.append(pa.field(name, pa.string() if pa.types.is_null(type_) else type_))
        return fields

    def _array(self, cells: Cells, field: Any) -> Any:
        if isinstance(cells, self._pa.Array):
            return cells
        try:
            return self._pa.array(cells, field.type)
        except self._pa.ArrowException as error:
            raise _unlike(field.name, error) from error

    def _flush(self) -> None:
        if self._buffered:
            # The dictionaries may differ from chunk to chunk; a row group has one.
            rows = self._pa.Table.from_batches(self._buffered, self._schema).unify_dictionaries()
            self._writer.write_table(rows, row_group_size=GROUP_ROWS)
            self._buffered = []


def _unlike(name: str, error: Exception) -> SetupError:
    return SetupError(
        f"the values of {name!r} have no common type: {str(error)[:200]}",
        hint="write a .ndjson file, which needs none",
    )


def _arrow_cells(one: Predicted) -> Sequence[Any]:
    """A predicted column's cells in their Arrow type."""
    convert: dict[Kind, Any] = {float: float, int: int, bool: bool, str: label_text}
    to_arrow = convert.get(one.kind, _text_or_json)
    return [None if cell is None else to_arrow(cell) for cell in one.cells]


def _text_or_json(value: object) -> str:
    return value if isinstance(value, str) else json_text(value)


def _column(pa: Any, cells: Any) -> Sequence[object] | Array:
    types, type_ = pa.types, cells.type
    if types.is_decimal(type_):
        cells, type_ = cells.cast(pa.float64()), pa.float64()
    if types.is_floating(type_):
        return np.asarray(cells.to_numpy(zero_copy_only=False), np.float64)
    if types.is_timestamp(type_):
        moments = cells.cast(pa.timestamp(type_.unit)).cast(pa.timestamp("us"), safe=False)
        array = np.asarray(moments.to_numpy(zero_copy_only=False), "datetime64[us]")
        if type_.tz is None:
            return array
        # Arrow stores times with a zone in UTC.
        return [None if v is None else v.replace(tzinfo=dt.UTC) for v in array.tolist()]
    if types.is_date(type_):
        return np.asarray(cells.cast(pa.date32()).to_numpy(zero_copy_only=False), "datetime64[D]")
    is_whole = not cells.null_count
    if is_whole and types.is_integer(type_) and not types.is_uint64(type_):
        return np.asarray(cells.to_numpy(zero_copy_only=False), np.int64)
    if is_whole and types.is_boolean(type_):
        return np.asarray(cells.to_numpy(zero_copy_only=False), np.bool_)
    listed: list[object] = cells.to_pylist()
    return listed
