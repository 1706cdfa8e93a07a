"""Operations that read columns of the table and turn cells into numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats
from podium.program.operations.operation import (
    Column,
    Operation,
    Shape,
    Shapes,
    Step,
    require,
    require_vector,
)
from podium.signature import Label


class Numbers(Operation, frozen=True, tag="numbers"):
    """Columns of numbers and booleans as a matrix; missing cells are NaN."""

    may_warn: ClassVar[bool] = False

    columns: tuple[Column, ...]
    is_single: bool = False

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """All of them."""
        return self.columns

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the number of columns."""
        shapes.columns(self.columns)
        require(len(self.columns) > 0, "no column is read")
        return Shape(len(self.columns), self.is_single)

    def prepare(self, shapes: Shapes) -> Step:
        """The columns side by side."""
        selected = self.columns
        dtype = np.float32 if self.is_single else np.float64
        if selected == tuple(range(shapes.n_columns)):
            return lambda columns, _: np.array(columns, dtype).T
        return lambda columns, _: np.array([columns[c] for c in selected], dtype).T


class Coding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The code of each label of one column.

    Attributes:
        codes: of the labels, then of a missing cell, then of an unknown label.
        refuses_missing: whether a missing cell is an error.
        refuses_unknown: whether an unknown label is one.
    """

    column: Column
    labels: tuple[Label, ...]
    codes: Floats
    refuses_missing: bool = False
    refuses_unknown: bool = False


class Encode(Operation, frozen=True, tag="encode"):
    """Labels as one column of numbers each."""

    may_warn: ClassVar[bool] = False

    codings: tuple[Coding, ...]

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """Those of the codings."""
        return tuple(coding.column for coding in self.codings)

    def check(self, shapes: Shapes) -> Shape:
        """As wide as the number of codings."""
        _check_codings(self.codings, shapes)
        return Shape(len(self.codings))

    def prepare(self, _shapes: Shapes) -> Step:
        """One dictionary for each column."""
        tables = [(coding.column, Codes(coding)) for coding in self.codings]

        def run(columns: Sequence[Any], _: Sequence[Any]) -> Floats:
            if len(columns[0]) == 1:
                return np.array([[codes[columns[c][0]] for c, codes in tables]], np.float64)
            return np.array([codes.all(columns[c], np.float64) for c, codes in tables]).T

        return run


class OneHot(Operation, frozen=True, tag="one_hot"):
    """Labels as a row of zeros with a one at the label's code; a negative code sets none."""

    may_warn: ClassVar[bool] = False

    codings: tuple[Coding, ...]
    width: int
    is_single: bool = False

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """Those of the codings."""
        return tuple(coding.column for coding in self.codings)

    def check(self, shapes: Shapes) -> Shape:
        """Its width is declared."""
        _check_codings(self.codings, shapes)
        for coding in self.codings:
            finite = bool(np.isfinite(coding.codes).all())
            require(finite and bool((coding.codes < self.width).all()), "a code is out of bounds")
        return Shape(self.width, self.is_single)

    def prepare(self, _shapes: Shapes) -> Step:
        """One dictionary of positions for each column."""
        tables = [(coding.column, Codes(coding, int)) for coding in self.codings]
        width, dtype = self.width, np.float32 if self.is_single else np.float64

        def run(columns: Sequence[Any], _: Sequence[Any]) -> Floats:
            n_rows = len(columns[0])
            out = np.zeros((n_rows, width), dtype)
            if n_rows == 1:
                for c, codes in tables:
                    at = codes[columns[c][0]]
                    if at >= 0:
                        out[0, at] = 1.0
                return out
            flat, begin = out.reshape(-1), np.arange(n_rows) * width
            for c, codes in tables:
                at = codes.all(columns[c], np.intp)
                flat[(begin + at)[at >= 0]] = 1.0
            return out

        return run


class Codes(dict[Any, Any]):
    """Codes by label; a label without one is NaN or unknown.

    Args:
        coding: an operation or a part of one with `labels`, `codes`, and what it `refuses_`.
    """

    def __init__(self, coding: Any, kind: type = float) -> None:
        *codes, missing, unknown = map(kind, coding.codes.tolist())
        super().__init__(zip(coding.labels, codes, strict=True))
        self.missing, self.unknown, self.coding = missing, unknown, coding

    def all(self, column: Any, dtype: Any) -> Any:
        """The codes of a column's cells."""
        cells = column.tolist() if isinstance(column, np.ndarray) else column
        return np.fromiter(map(self.__getitem__, cells), dtype, len(cells))

    def __missing__(self, label: Any) -> Any:
        if label is None or label != label:
            if self.coding.refuses_missing:
                raise ModelError("the model was trained without missing values in this column")
            return self.missing
        if self.coding.refuses_unknown:
            raise ModelError("the model doesn't know this category")
        return self.unknown


def _check_codings(codings: Sequence[Coding], shapes: Shapes) -> None:
    require(len(codings) > 0, "no column is read")
    shapes.columns([coding.column for coding in codings])
    for coding in codings:
        require_vector(coding.codes, len(coding.labels) + 2, "the codes of a column")


def coding_of(
    column: int,
    codes: Mapping[Label, float],
    *,
    missing: float | None = None,
    unknown: float | None = None,
) -> Coding:
    """The coding of these codes.

    Args:
        missing: the code of a missing cell; None refuses it.
        unknown: the same for a label that isn't among them.
    """
    values = [*codes.values(), -1.0 if missing is None else missing]
    values.append(-1.0 if unknown is None else unknown)
    return Coding(
        column=column,
        labels=tuple(codes),
        codes=np.array(values, np.float64),
        refuses_missing=missing is None,
        refuses_unknown=unknown is None,
    )
