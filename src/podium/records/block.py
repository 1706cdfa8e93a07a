"""A block: the rows of one request with their predictions, by columns.

What the rows share is written once, and no row is an object of its own until somebody reads it. A
block holds names and plain values: its records can be made without the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from types import NoneType
from typing import Any, TypeAlias

import msgspec
import numpy as np

from podium.outputs import CellWarning, Place, by_place, warning_value
from podium.records.record import Record
from podium.records.row import outcome_of, rows_json
from podium.records.storable import text_problem
from podium.signature.labels import INTEGER_MAX
from podium.table import Array, plain_values

ID_BYTES = 16
# Bytes on every machine alike; the cells of other columns are plain values.
_DTYPES = {"f": "<f8", "i": "<i8", "b": "|b1"}
_PLAIN = {str, int, float, bool, NoneType}


class Column(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The cells of one field or output.

    Attributes:
        dtype: of numpy, if the cells are bytes.
        cells: one for each row, as JSON has it: None where one is missing.
    """

    name: str
    dtype: str
    cells: bytes | list[Any]

    def values(self) -> list[Any]:
        """The cells as plain Python values, None where missing."""
        if isinstance(self.cells, list):
            return self.cells
        return plain_values(np.frombuffer(self.cells, self.dtype))


class Block(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Some rows of one request: as many records, which differ in nothing but their columns.

    Attributes:
        shared: what all have in common, as a record; its `row_index` is that of the first row.
        ids: 16 bytes a row.
        inputs: in the order of the fields.
        predictions: one for each output.
        labels: what the predictions are called, if that differs.
        classes: the places of the probabilities: labels, behind their outputs where these are
            several.
        probabilities: as doubles, row by row.
        warnings: their rows are counted from the first of this block.
        business_keys: one for each row; None: that of `shared`.
        clusters: the labels of those whose distances there are.
        distances: as doubles, row by row.
    """

    shared: Record
    ids: bytes
    inputs: list[Column]
    predictions: list[Column]
    labels: list[str] | None = None
    classes: list[Place] | None = None
    probabilities: bytes | None = None
    scores: bytes | None = None
    warnings: list[CellWarning] = []
    business_keys: list[str | None] | None = None
    clusters: list[str] | None = None
    distances: bytes | None = None

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.ids) // ID_BYTES

    def records(self) -> list[Record]:
        """A record for each row.

        Raises:
            ValueError: the columns differ in length.
        """
        n_rows, first = self.n_rows, self.shared.row_index
        inputs = rows_json([one.name for one in self.inputs], self._inputs(), n_rows)
        columns: dict[str, Sequence[Any]] = {
            "id": self.ids.hex(" ", ID_BYTES).split(),
            "inputs": inputs,
            **self._outputs(),
            "row_index": range(first, first + n_rows),
        }
        if self.business_keys is not None:
            columns["business_key"] = self.business_keys
        if any(len(cells) != n_rows for cells in columns.values()):
            raise ValueError("the columns of a block differ in length")
        shared = msgspec.structs.asdict(self.shared)
        cells = [columns.get(name, repeat(value, n_rows)) for name, value in shared.items()]
        return list(map(Record, *cells))

    def _inputs(self) -> list[list[Any]]:
        return [column.values() for column in self.inputs]

    def _outputs(self) -> dict[str, Sequence[Any]]:
        """The columns of the records that tell what was predicted."""
        parts: dict[str, Sequence[Any]] = {"prediction": self._predictions()}
        if self.labels is not None:
            parts["label"] = self.labels
        if self.probabilities is not None and self.classes is not None:
            shares = np.frombuffer(self.probabilities, "<f8").reshape(self.n_rows, -1).tolist()
            parts["probabilities"] = [by_place(self.classes, row) for row in shares]
        if self.scores is not None:
            parts["score"] = np.frombuffer(self.scores, "<f8").tolist()
        if self.distances is not None and self.clusters is not None:
            rows = np.frombuffer(self.distances, "<f8").reshape(self.n_rows, -1).tolist()
            parts["distances"] = [dict(zip(self.clusters, row, strict=True)) for row in rows]
        parts["warnings"] = self._warnings()
        outcomes = [outcome_of(one) for one in parts.get("label", parts["prediction"])]
        return {
            "outputs": rows_json(list(parts), list(parts.values()), self.n_rows),
            "outcome": [text for text, _ in outcomes],
            "outcome_number": [number for _, number in outcomes],
        }

    def _predictions(self) -> list[Any]:
        columns = [column.values() for column in self.predictions]
        if len(columns) == 1:
            return columns[0]
        names = [column.name for column in self.predictions]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _warnings(self) -> list[list[dict[str, str]]]:
        rows: list[list[dict[str, str]]] = [[] for _ in range(self.n_rows)]
        for one in self.warnings:
            rows[one.row].append(warning_value(one))
        return rows


Recordable: TypeAlias = Record | Block


def records_in(some: Iterable[Recordable]) -> Iterator[Record]:
    """Records, and those of blocks."""
    for one in some:
        if isinstance(one, Block):
            yield from one.records()
        else:
            yield one


def column_of(name: str, column: Array) -> Column | None:
    """A column of numbers, truth values or texts; None if it holds anything else."""
    dtype = _DTYPES.get(column.dtype.kind)
    if dtype is not None:
        return Column(name, dtype, column.astype(dtype, copy=False).tobytes())
    return plain_column(name, column.tolist()) if column.dtype.kind in "OU" else None


def plain_column(name: str, values: list[Any]) -> Column | None:
    """A column of plain Python values; None if it holds anything else, or what no store can hold."""
    kinds = set(map(type, values))
    if not kinds <= _PLAIN:
        return None
    if int in kinds and not all(abs(one) <= INTEGER_MAX for one in values if type(one) is int):
        return None
    if str in kinds:
        texts = {one for one in set(values) if type(one) is str}
        if text_problem("".join(texts)) is not None:
            return None
    return Column(name, "", values)
