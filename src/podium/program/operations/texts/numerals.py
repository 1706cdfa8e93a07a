"""Numbers that are written as texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from podium.errors import ModelError
from podium.program.arrays import Floats
from podium.program.operations.operation import Operation, Register, Shape, Shapes, Step

NumeralName: TypeAlias = Literal["float", "int", "numeric", "numeric_or_missing"]
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class ReadNumbers(Operation, frozen=True, tag="read_numbers"):
    """Texts as numbers; what is missing stays missing.

    Attributes:
        how: `float` and `int` read texts as Python's types do; `numeric` and `numeric_or_missing` as
            pandas does, which knows neither underscores nor digits of other scripts. Only the last
            of them takes texts that aren't numbers, as missing.
    """

    may_warn: ClassVar[bool] = False

    x: Register
    how: NumeralName

    def check(self, shapes: Shapes) -> Shape:
        """One column."""
        shapes.texts(self.x)
        return Shape(1)

    def prepare(self, _shapes: Shapes) -> Step:
        """Text by text."""
        x, read = self.x, _READERS[self.how]

        def number(text: str | None) -> float:
            if text is None:
                return np.nan if self.how != "int" else _refused()
            try:
                return read(text)
            except (ValueError, OverflowError):
                return _refused()

        def run(_: Sequence[Any], values: Sequence[Any]) -> Floats:
            return np.array([number(one) for one in values[x]], np.float64)[:, None]

        return run


def _refused() -> float:
    raise ModelError("the model takes a number here, written as a text")


def _integer(text: str) -> float:
    number = int(text)
    if not _LEAST <= number <= _MOST:
        raise OverflowError
    return float(number)


def _numeric(text: str) -> float:
    """As pandas reads numbers.

    Raises:
        ValueError: it isn't one.
    """
    if not text:
        return np.nan
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    number = float(text)
    if number != number:
        raise ValueError(text)
    return number


def _numeric_or_missing(text: str) -> float:
    try:
        return _numeric(text)
    except ValueError:
        return np.nan


_READERS: dict[NumeralName, Callable[[str], float]] = {
    "float": float,
    "int": _integer,
    "numeric": _numeric,
    "numeric_or_missing": _numeric_or_missing,
}
