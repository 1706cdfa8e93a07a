"""Parquet, read and written in chunks, with the type of every column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, ClassVar, Literal

from podium.errors import MalformedBody, SetupError
from podium.plugins import needs
from podium.scoring.arrow import array_of
from podium.scoring.rows import (
    Buffered,
    Cells,
    Chunk,
    Encoded,
    Predicted,
    chunk_rows,
    encoded,
    named_once,
    new_column,
)
from podium.signature.reading import FILES

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
        self._groups: range | None = None
        self._n_read = 0

    @property
    def group_rows(self) -> list[int]:
        """The number of rows in each row group."""
        metadata = self._file.metadata
        return [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]

    def limit(self, groups: range) -> None:
        """Read these row groups alone; the positions of rows remain those in the file."""
        rows = self.group_rows
        self._groups = groups
        self._n_read = sum(rows[: groups.start])
        self.n_rows = sum(rows[groups.start : groups.stop])

    def chunks(self) -> Iterator[Chunk]:
        """The rows."""
        size = chunk_rows(len(self.names))
        rows = self._file.iter_batches(size, row_groups=self._groups, use_threads=False)
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
        if not self.n_rows:
            empty = self.schema.empty_table().combine_chunks()
            cells = [self._pa.array([], column.type) for column in empty.columns]
            yield Chunk(self.names, cells, range(0), "values")

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

    kind: ClassVar[str] = "a Parquet file"

    def __init__(self, file: BinaryIO, schema: Any = None) -> None:
        with needs("arrow"):
            import pyarrow as pa
        self._pa = pa
        self._file = file
        self._input_schema = schema
        self._schema: Any = None
        self._writer: Any = None
        self._buffered: list[Any] = []

    def encode(self, chunk: Chunk, predicted: Sequence[Predicted]) -> Encoded:
        """The predictions as arrays."""
        arrays = [(one.name, array_of(one)) for one in predicted]
        return encoded(chunk, predicted, (chunk, arrays))

    def write(self, encoded: Encoded) -> None:
        """Write the rows, or buffer them.

        Raises:
            SetupError: their columns or types differ from those of earlier rows.
        """
        chunk, predicted = encoded.content
        if self._schema is None:
            self._begin(chunk, predicted)
        if encoded.names != tuple(self._schema.names):
            raise new_column(encoded, self._schema.names, self.kind)
        arrays = [self._array(c, f) for c, f in zip(chunk.cells, self._schema, strict=False)]
        arrays += [array for _, array in predicted]
        self._buffered.append(self._pa.record_batch(arrays, schema=self._schema))
        rows = sum(batch.num_rows for batch in self._buffered)
        if rows >= GROUP_ROWS or sum(batch.nbytes for batch in self._buffered) >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the buffered rows, and the file's index."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _begin(self, chunk: Chunk, predicted: Sequence[tuple[str, Any]]) -> None:
        pa = self._pa
        named_once((*chunk.names, *(name for name, _ in predicted)), self.kind)
        schema = self._input_schema
        input_fields = list(schema) if schema is not None else self._inferred(chunk)
        predicted_fields = [pa.field(name, array.type) for name, array in predicted]
        metadata = schema.metadata if schema is not None else None
        self._schema = pa.schema([*input_fields, *predicted_fields], metadata=metadata)
        self._writer = self._open(self._schema)

    def _open(self, schema: Any) -> Any:
        from pyarrow import parquet

        return parquet.ParquetWriter(self._file, schema)

    def _write(self, rows: Any) -> None:
        self._writer.write_table(rows, row_group_size=GROUP_ROWS)

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
            self._write(rows)
            self._buffered = []


def _unlike(name: str, error: Exception) -> SetupError:
    return SetupError(
        f"the values of {name!r} have no common type: {str(error)[:200]}",
        hint="write a .ndjson file, which needs none",
    )
