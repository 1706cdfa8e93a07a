"""Texts as rows of zeros with a one where their hash says."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from podium.program.arrays import Floats
from podium.program.operations.operation import (
    WIDTH_MAX,
    Column,
    Operation,
    Shape,
    Shapes,
    Step,
    require,
)

# What every Python has, and no other: a plan may come from a stranger.
METHODS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


class Digest(Operation, frozen=True, tag="digest"):
    """A text as a row of zeros with a one at the remainder of its hash, read as one number.

    Attributes:
        column: of the table.
        width: of the rows, by which the hash is divided.
        method: the name of the hash in Python's hashlib.
        missing: where a missing cell sets a one; -1 if it sets none.
    """

    may_warn: ClassVar[bool] = False

    column: Column
    width: int
    method: str
    missing: int = -1

    @property
    def columns_read(self) -> tuple[Column, ...]:
        """The only one."""
        return (self.column,)

    def check(self, shapes: Shapes) -> Shape:
        """Its width is declared."""
        shapes.columns((self.column,))
        require(0 < self.width <= WIDTH_MAX, f"{self.width} columns can't be filled by hashes")
        require(self.method in METHODS, f"no hash is called {self.method!r}")
        require(-1 <= self.missing < self.width, "a missing cell is out of bounds")
        return Shape(self.width)

    def prepare(self, _shapes: Shapes) -> Step:
        """One hash for each different text."""
        column, width, method, missing = self.column, self.width, self.method, self.missing

        def run(columns: Sequence[Any], _: Sequence[Any]) -> Floats:
            cells = columns[column]
            known: dict[Any, int] = {}
            out = np.zeros((len(cells), width))
            for row, cell in enumerate(cells):
                at = known.get(cell)
                if at is None:
                    is_missing = cell is None or cell != cell
                    at = missing if is_missing else place_of(str(cell), width, method)
                    known[cell] = at
                if at >= 0:
                    out[row, at] = 1.0
            return out

        return run


def place_of(text: str, width: int, method: str) -> int:
    """The remainder of the text's hash, read as a number with the first byte highest."""
    hashed = hashlib.new(method, text.encode(), usedforsecurity=False)
    return int.from_bytes(hashed.digest(), "big") % width
