"""Operations that know categories by their hash: those of one column, and of several together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats, Indices, Longs
from podium.program.cityhash import city_hash_64
from podium.program.operations.operation import (
    Column,
    Operation,
    Register,
    Shape,
    Shapes,
    Step,
    require,
    require_vector,
)
from podium.signature import Label
from podium.table import Array

# Hashes of categories that were seen lately: a new one takes a microsecond for 10 letters, and 100
# for 1,000, so that long ones aren't kept.
REMEMBERED, LETTERS_MAX = 1 << 16, 200
# Cells that are equal only if their texts are.
_PLAIN = {str, int, bool, type(None)}
# By this number the library multiplies while it combines hashes.
_MULTIPLIER = np.uint64(0x4906BA494954CB65)
# How far the keys of a table are from those of the table before it.
_STRIDE = np.uint64(0x9E3779B97F4A7C15)


def keys_of(hashes: Any, tables: Any) -> Any:
    """Keys of combined hashes that differ from table to table: the hashes themselves needn't.

    Two tables that combine a category with one condition each have the same hashes.
    """
    return hashes + np.asarray(tables).astype(np.uint64) * _STRIDE


class CategoryHash(Operation, frozen=True, tag="category_hash"):
    """Half of the hash of each label's text, as a whole number of 32 bits with a sign.

    A whole number is its digits, a boolean is 1 or 0.

    Attributes:
        columns: of the table.
        missing: the label in place of a missing cell of each column; None refuses it.
    """

    may_warn: ClassVar[bool] = False

    columns: tuple[Column, ...]
    missing: tuple[Label | None, ...]

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """All of them."""
        return self.columns

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the number of columns."""
        shapes.columns(self.columns)
        require(0 < len(self.columns) == len(self.missing), "a column of labels isn't described")
        return Shape(len(self.columns))

    def prepare(self, _shapes: Shapes) -> Step:
        """One hash for each cell; most of them are remembered."""
        remembered = lru_cache(REMEMBERED, typed=True)(hash_of)
        tables = [
            (column, _hasher(remembered, label))
            for column, label in zip(self.columns, self.missing, strict=True)
        ]

        def run(columns: Sequence[Any], _: Sequence[Any]) -> Floats:
            if len(columns[0]) == 1:
                return np.array([[code(columns[c][0]) for c, code in tables]], np.float64)
            return np.array([_all(columns[c], code) for c, code in tables]).T

        return run


def _all(column: Any, code: Callable[[Any], float]) -> Floats:
    """The hashes of a column's cells, each label looked up once where all are texts or integers."""
    cells = column.tolist() if isinstance(column, np.ndarray) else column
    if set(map(type, cells)) <= _PLAIN:  # to a set, 1.0 would be 1
        hashes = {label: code(label) for label in set(cells)}
        return np.fromiter(map(hashes.__getitem__, cells), np.float64, len(cells))
    return np.fromiter(map(code, cells), np.float64, len(cells))


def _hasher(remembered: Callable[[Any], float], fill: Label | None) -> Callable[[Any], float]:
    """The hash of a cell of a column."""

    def code(label: Any) -> float:
        if label is None or label != label:
            if fill is None:
                raise ModelError("the model was trained without missing values in this column")
            label = fill
        if type(label) is str and len(label) > LETTERS_MAX:
            return hash_of(label)
        return remembered(label)

    return code


def hash_of(label: Any) -> float:
    """Half of the hash of a label's text, as a whole number of 32 bits with a sign.

    Raises:
        ModelError: it is neither a text nor a whole number of up to 64 bits.
    """
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, str):
        text = label
    elif isinstance(label, int) and -(2**63) <= label < 2**63:
        text = str(int(label))
    else:
        raise ModelError("the model's categories are texts and whole numbers")
    half = city_hash_64(text.encode()) & 0xFFFF_FFFF
    return float(half - (1 << 32) if half >> 31 else half)


class HashedLookup(Operation, frozen=True, tag="hashed_lookup"):
    """Rows of several tables side by side, each found by the combined hash of some columns.

    Attributes:
        parts: the columns whose whole numbers are combined, table after table.
        part_starts: where those of each table begin in `parts`, and where the last ones end.
        keys: the known hashes of all tables, as `keys_of` returns them, ascending as numbers without
            a sign.
        tables: the table of each key.
        values: of the tables, one after another: first the row for an unknown hash, then the row of
            each key, in their order.
        widths: of the tables.
    """

    x: Register
    parts: Indices
    part_starts: Indices
    keys: Longs
    tables: Indices
    values: Floats
    widths: Indices

    def check(self, shapes: Shapes) -> Shape:
        """As wide as all tables together."""
        width, n_tables, starts = shapes.matrix(self.x).width, len(self.widths), self.part_starts
        for vector in (self.parts, starts, self.keys, self.tables, self.values, self.widths):
            require(vector.ndim == 1, "an array of the tables isn't flat")
        require(0 < n_tables == len(starts) - 1, "the tables lack the columns that they combine")
        fits = starts[0] == 0 and starts[-1] == len(self.parts) and (np.diff(starts) > 0).all()
        require(bool(fits), "the combined columns don't fit the tables")
        inside = (self.parts >= 0) & (self.parts < width)
        require(bool(inside.all()), "a column is combined that doesn't exist")
        require_vector(self.tables, len(self.keys), "the tables of the keys")
        inside = (self.tables >= 0) & (self.tables < n_tables)
        require(bool(inside.all()), "a key belongs to no table")
        keys = self.keys.view(np.uint64)
        require(bool((keys[1:] > keys[:-1]).all()), "the keys of the tables don't ascend")
        require(bool((self.widths > 0).all()), "a table has no columns")
        n_values = int(self._n_rows().dot(self.widths.astype(np.int64)))
        require_vector(self.values, n_values, "the values of the tables")
        return Shape(int(self.widths.sum()))

    def n_buffered(self, _shapes: Shapes) -> int:
        """The hashes and the places of each table's row."""
        return 6 * len(self.widths) + len(self.parts)

    def _n_rows(self) -> Any:
        return np.bincount(self.tables, minlength=len(self.widths)).astype(np.int64) + 1

    def prepare(self, _shapes: Shapes) -> Step:
        """One search for the keys of all tables."""
        x, values = self.x, self.values
        combined = _combiner(self.parts, self.part_starts)
        keys = np.append(self.keys, -1).view(np.uint64)
        tables = np.append(self.tables, -1)  # what isn't found is in no table
        all_tables = np.arange(len(self.widths))
        starts, places = self._places()
        of_column = np.repeat(all_tables, self.widths)
        inner = np.concatenate([np.arange(width) for width in self.widths])

        def run(_: Sequence[Any], registers: Sequence[Any]) -> Floats:
            hashes = keys_of(combined(registers[x]), all_tables)
            at = keys[:-1].searchsorted(hashes)
            is_known = (keys.take(at) == hashes) & (tables.take(at) == all_tables)
            begin = np.where(is_known, places.take(at), starts)
            rows: Array = values.take(begin.take(of_column, axis=1) + inner)
            return rows.astype(np.float64)

        return run

    def _places(self) -> tuple[Any, Any]:
        """Where each table begins in the values, and the row of each key; and a last one."""
        sizes = self._n_rows() * self.widths
        starts = np.cumsum(sizes) - sizes
        places = np.zeros(len(self.keys) + 1, np.int64)
        for table, (start, width) in enumerate(zip(starts, self.widths, strict=True)):
            of_table = np.flatnonzero(self.tables == table)
            places[of_table] = start + (1 + np.arange(len(of_table))) * width
        return starts, places


def _combiner(parts: Indices, starts: Indices) -> Callable[[Array], Array]:
    """A function that returns the hash of each table: all of them take each step together."""
    lengths = np.diff(starts)
    order = np.argsort(-lengths, kind="stable")  # the longest first: those with a further part
    back = np.argsort(order)
    steps = []
    for n in range(int(lengths.max())):
        longer = order[lengths[order] > n]
        steps.append((len(longer), parts[starts[:-1][longer] + n].astype(np.intp)))

    def run(numbers: Array) -> Array:
        whole = numbers.astype(np.int64).view(np.uint64) * _MULTIPLIER
        hashes = np.zeros((len(whole), len(order)), np.uint64)
        for n_tables, columns in steps:
            some = hashes[:, :n_tables]
            some += whole.take(columns, axis=1)
            some *= _MULTIPLIER
        return hashes.take(back, axis=1)

    return run
