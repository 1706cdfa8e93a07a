"""Arrow streams in and out: columns that need no text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from podium.errors import MalformedBody, UnsupportedMedia
from podium.table import Array

ARROW = "application/vnd.apache.arrow.stream"


def is_installed() -> bool:
    """Whether pyarrow is there."""
    return find_spec("pyarrow") is not None


def columns_of(body: bytes) -> tuple[dict[str, Sequence[object] | Array], int]:
    """The columns in a stream, by name, and the number of rows.

    Raises:
        UnsupportedMedia: pyarrow isn't installed here.
        MalformedBody: it is no such stream, or two columns have one name.
    """
    if not is_installed():
        raise UnsupportedMedia(
            "Arrow streams aren't read here",
            hint="send JSON or CSV; the operator can add them: pip install 'podium[arrow]'",
        )
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(body) as stream:
            table = stream.read_all()
            table.validate(full=True)
    # A size that lies makes pyarrow ask for memory that isn't there.
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise MalformedBody("the body is no whole Arrow stream") from error
    names = table.column_names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise MalformedBody("two columns have the same name", hint="rename one of them")
    return {name: _cells(table.column(name)) for name in names}, table.num_rows


def stream_of(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Columns as a stream.

    Raises:
        UnsupportedMedia: pyarrow isn't installed here.
    """
    if not is_installed():
        raise UnsupportedMedia("Arrow streams aren't written here", hint="accept JSON or CSV")
    import pyarrow as pa

    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _cells(column: Any) -> Sequence[object] | Array:
    """Numbers as an array, without a look at each; everything else as Python's values."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_floating(kind):
        numbers: Array = column.to_numpy()  # what is null becomes NaN, as every missing number
        return numbers
    if column.null_count == 0 and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        whole: Array = column.to_numpy()
        return whole
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    cells: list[object] = column.to_pylist()
    return cells
