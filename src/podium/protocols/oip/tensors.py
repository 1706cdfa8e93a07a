"""Tensors of the Open Inference Protocol v2: their datatypes, and their cells as values and bytes.

Sources: "Open Inference Protocol", Tensor Data Types; Triton's "Binary Tensor Data Extension".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from podium.errors import MalformedBody
from podium.signature.cells import printable
from podium.table import Array

BYTES = "BYTES"
# Little endian, as they are sent.
DTYPES = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
# The Python types of cells that are no bytes, by the beginning of the datatype; null is missing.
_KINDS: dict[str, frozenset[type]] = {
    "BOOL": frozenset({bool}),
    "UINT": frozenset({int}),
    "INT": frozenset({int}),
    "FP": frozenset({int, float}),
    BYTES: frozenset({str, bytes}),
}
_LENGTH = struct.Struct("<I")
# Rows, and columns of a tensor that holds several fields.
DIMENSIONS_MAX = 2


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named tensor.

    Attributes:
        shape: (n_rows,) or (n_rows, n_columns).
        cells: all of them, row by row: plain values, None where missing, or an array of one dimension.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    cells: Sequence[object] | Array

    @property
    def n_rows(self) -> int:
        """The length of the first dimension."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """The number of columns."""
        return prod(self.shape[1:])

    def column(self, place: int) -> Sequence[object] | Array:
        """The cells of one of its columns."""
        return self.cells[place :: self.width]

    def raw(self) -> bytes:
        """Its cells as binary data."""
        if self.datatype == BYTES:
            texts = [str(cell).encode() for cell in self.cells]
            return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
        return np.asarray(self.cells, DTYPES[self.datatype]).tobytes()

    def values(self) -> list[Any]:
        """Its cells as plain values, row by row."""
        return self.cells.tolist() if isinstance(self.cells, np.ndarray) else list(self.cells)


def of_raw(name: str, datatype: str, shape: Sequence[int], data: bytes) -> Tensor:
    """A tensor of binary data.

    Raises:
        MalformedBody: its datatype is unknown, or the data doesn't fit the datatype and the shape.
    """
    n_cells = _check_head(name, datatype, shape)
    if datatype == BYTES:
        return Tensor(name, datatype, tuple(shape), _texts_of_raw(name, n_cells, data))
    dtype = np.dtype(DTYPES[datatype])
    if len(data) != n_cells * dtype.itemsize:
        raise _wrong_length(name, len(data), n_cells * dtype.itemsize)
    return Tensor(name, datatype, tuple(shape), _widened(np.frombuffer(data, dtype)))


def of_values(name: str, datatype: str, shape: Sequence[int], values: Sequence[object]) -> Tensor:
    """A tensor of plain values, row by row.

    Raises:
        MalformedBody: its datatype is unknown, or the values don't fit the datatype and the shape.
    """
    n_cells = _check_head(name, datatype, shape)
    if len(values) != n_cells:
        raise MalformedBody(
            f"input {_shown(name)} has {len(values)} elements, "
            f"but its shape {list(shape)} has {n_cells}"
        )
    kinds = _KINDS[datatype.rstrip("0123456789")]
    others = set(map(type, values)) - kinds - {type(None)}
    if others:
        found = " and ".join(sorted(one.__name__ for one in others))
        raise MalformedBody(
            f"input {_shown(name)} has the datatype {datatype}, but its data contains {found}"
        )
    return Tensor(name, datatype, tuple(shape), _cells_of(name, datatype, values))


def _cells_of(name: str, datatype: str, values: Sequence[object]) -> Sequence[object] | Array:
    if datatype == BYTES:
        return [_text(name, one) if isinstance(one, bytes) else one for one in values]
    if datatype.startswith("FP"):
        try:
            return np.array(values, np.float64)
        except OverflowError:  # an integer beyond all doubles: its cell is refused
            pass
    return values


def _check_head(name: str, datatype: str, shape: Sequence[int]) -> int:
    """The number of cells of a tensor with this head."""
    if datatype != BYTES and datatype not in DTYPES:
        known = ", ".join((*DTYPES, BYTES))
        raise MalformedBody(
            f"input {_shown(name)} has the unknown datatype {_shown(datatype)}",
            hint=f"known: {known}",
        )
    if not 1 <= len(shape) <= DIMENSIONS_MAX or min(shape) < 0:
        raise MalformedBody(
            f"input {_shown(name)} has the shape {printable(list(shape))}",
            hint="send [n] or [n, 1] for a field, or [n, k] for all k fields",
        )
    return prod(shape)


def _widened(array: Array) -> Array:
    """An array in one of the types of a table's columns."""
    kind = array.dtype.kind
    if kind == "f":
        return array.astype(np.float64)
    if kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        return np.array(array.tolist(), object)
    return array if kind == "b" else array.astype(np.int64)


def _texts_of_raw(name: str, n_cells: int, data: bytes) -> list[object]:
    texts: list[object] = []
    at, end = 0, len(data)
    while at < end and len(texts) <= n_cells:
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(data, at)[0] if start <= end else end + 1
        if at > end:
            raise MalformedBody(f"the data of input {_shown(name)} ends within an element")
        texts.append(_text(name, data[start:at]))
    if len(texts) != n_cells or at != end:
        raise MalformedBody(
            f"input {_shown(name)} doesn't have the {n_cells} elements of its shape"
        )
    return texts


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody(
            f"an element of input {_shown(name)} isn't UTF-8: {error.reason}"
        ) from error


def _wrong_length(name: str, n_bytes: int, expected: int) -> MalformedBody:
    # In Triton's words.
    return MalformedBody(
        f"input byte size mismatch for input {_shown(name)}. Expected {expected}, got {n_bytes}"
    )


def _shown(name: str) -> str:
    return f"'{printable(name)}'"
