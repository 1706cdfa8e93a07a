"""Arrow and Feather files, read and written batch by batch, with the type of every column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from podium.errors import MalformedBody, SetupError
from podium.plugins import needs
from podium.scoring.parquet import ParquetWriter
from podium.scoring.rows import Buffered, Chunk, chunk_rows

_FEATHER_1 = b"FEA1"


class ArrowReader:
    """Reads the record batches of an Arrow file, which version 2 of Feather also is.

    Raises:
        MalformedBody: it isn't one.
        MissingExtra: pyarrow isn't installed.
    """

    place: ClassVar[Literal["line", "row"]] = "row"
    n_rows: int | None = None

    def __init__(self, file: Buffered, name: str) -> None:
        with needs("arrow"):
            import pyarrow as pa
        self._name = name
        self._pa = pa
        if file.peek(4)[:4] == _FEATHER_1:
            raise MalformedBody(f"{name} is of version 1 of Feather", hint="write it as version 2")
        try:
            self._file = pa.ipc.open_file(file)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from error
        self.schema = self._file.schema
        self.names: tuple[str, ...] = tuple(self.schema.names)

    def chunks(self) -> Iterator[Chunk]:
        """The rows."""
        n_read, rows_max = 0, chunk_rows(len(self.names))
        for number in range(self._file.num_record_batches):
            try:
                batch = self._file.get_batch(number)
                batch.validate(full=True)  # offsets that a damaged file has lead anywhere
            except (self._pa.ArrowException, OSError) as error:
                raise self._unreadable(error) from error
            for at in range(0, batch.num_rows, rows_max):
                part = batch.slice(at, rows_max)
                places = range(n_read + 1, n_read + 1 + part.num_rows)
                n_read += part.num_rows
                yield Chunk(self.names, part.columns, places, "values")
        if not n_read:
            cells = [self._pa.array([], field.type) for field in self.schema]
            yield Chunk(self.names, cells, range(0), "values")

    def _unreadable(self, error: Exception) -> MalformedBody:
        return MalformedBody(
            f"{self._name} can't be read as an Arrow file: {str(error)[:200]}",
            hint="is it complete? Its last six bytes must be ARROW1",
        )


class ArrowWriter(ParquetWriter):
    """Writes an Arrow file, whose batches are as long as the row groups of a Parquet file."""

    kind: ClassVar[str] = "an Arrow file"

    def _open(self, schema: Any) -> Any:
        import pyarrow as pa

        return pa.ipc.new_file(self._file, schema)

    def _write(self, rows: Any) -> None:
        """Write some rows.

        Raises:
            SetupError: a dictionary differs from that of earlier rows.
        """
        try:
            self._writer.write_table(rows.combine_chunks())
        except self._pa.ArrowInvalid as error:
            raise SetupError(
                f"an Arrow file can't have these rows: {str(error)[:200]}",
                hint="write a .parquet file, where a column may have several dictionaries",
            ) from error
